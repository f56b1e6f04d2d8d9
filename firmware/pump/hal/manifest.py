"""Name and form of the list of the firmware's files; shared with whoever writes it."""

# In the root of the board's file system: for each file its SHA-256 in hex, two
# spaces and its path, a line each, as ``sha256sum`` writes them.
MANIFEST = "manifest"
