"""Empty."""

OPS = {}
