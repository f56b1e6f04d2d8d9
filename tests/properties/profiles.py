"""How much hypothesis tries: ``HYPOTHESIS_PROFILE`` is ``default`` or ``nightly``."""

import os

from hypothesis import HealthCheck, settings

NAME = os.environ.get("HYPOTHESIS_PROFILE", "default")
# Examples of a nightly run for each of a default one.
_NIGHTLY_FACTOR = 20
_FACTOR = {"default": 1, "nightly": _NIGHTLY_FACTOR}[NAME]
_EXAMPLES = 40
# A tick is microseconds, an infusion is hours: one example may take seconds.
_SLOW = (HealthCheck.too_slow, HealthCheck.data_too_large)

# The default run tries the same examples every time, so that it fails only
# when the code has changed.
settings.register_profile(
    "default",
    max_examples=_EXAMPLES,
    derandomize=True,
    deadline=None,
    print_blob=True,
    suppress_health_check=_SLOW,
)
settings.register_profile(
    "nightly",
    max_examples=_EXAMPLES * _NIGHTLY_FACTOR,
    deadline=None,
    print_blob=True,
    suppress_health_check=_SLOW,
)


def examples(default: int) -> int:
    """How many examples to try where the profile's own number does not fit."""
    return default * _FACTOR
