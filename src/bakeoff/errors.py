"""Errors a user can act on: each says what is wrong and, where there is one, the remedy."""

from __future__ import annotations


class BakeoffError(Exception):
    """A failure with a message for the user; the command ends with `status`."""

    status = 1


class UsageError(BakeoffError):
    """Bad usage, configuration or input folder: names the file, the key and what is allowed."""

    status = 2


class TargetUnavailable(BakeoffError):
    """A target that can't run on this machine."""

    def __init__(self, reason: str, remedy: str | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.remedy = remedy


class TargetFailed(BakeoffError):
    """A target that should have run and didn't; the message holds the end of its log."""


class FormatUnsupported(BakeoffError):
    """An artifact that a target's runtime can't load; the message is the runtime's own."""


def one_of(names: list[str] | tuple[str, ...]) -> str:
    """Return allowed names as text for an error."""
    return ", ".join(sorted(names)) or "nothing"
