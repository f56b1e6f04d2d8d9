"""For all tests: how much hypothesis tries."""

from hypothesis import settings
from properties import profiles

settings.load_profile(profiles.NAME)
