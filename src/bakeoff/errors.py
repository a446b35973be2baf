"""Errors a user can act on: each says what is wrong and, where there is one, the remedy."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from bakeoff.schema import Reason, quoted


class BakeoffError(Exception):
    """A failure with a message for the user; the command ends with `status`."""

    status = 1


class UsageError(BakeoffError):
    """Bad usage, configuration or input folder: names the file, the key and what is allowed."""

    status = 2


class TargetError(BakeoffError):
    """What became of a target, as a reason; text is what a program said."""

    def __init__(self, reason: Reason | str, remedy: Reason | str | None = None) -> None:
        super().__init__(reason)
        self.reason = quoted(reason) if isinstance(reason, str) else reason
        self.remedy = quoted(remedy) if isinstance(remedy, str) else remedy


class TargetUnavailable(TargetError):
    """A target that can't run on this machine."""


class TargetFailed(TargetError):
    """A target that should have run and didn't; the reason holds the end of its log."""


class FormatUnsupported(TargetError):
    """An artifact that a target's runtime can't load; the reason is the runtime's own."""


def reason_of(error: Exception) -> Reason:
    """Return an error as a reason: its own, or what it says."""
    return error.reason if isinstance(error, TargetError) else quoted(str(error))


def printable(text: str) -> str:
    """Return text in which whatever isn't to be seen stands as \\uXXXX, as in JSON; lines stay lines.

    Names come from files that others may have written, and a terminal obeys what it is shown.
    """
    return "".join(c if c == "\n" or c.isprintable() else _escaped(c) for c in text)


def _escaped(character: str) -> str:
    units = character.encode("utf-16-be", "surrogatepass").hex()
    return "".join(f"\\u{units[at : at + 4]}" for at in range(0, len(units), 4))


def one_of(names: Iterable[str]) -> str:
    """Return allowed names as text for an error."""
    return ", ".join(sorted(names)) or "nothing"


def require_known(where: str, names: Iterable[str], known: Collection[str]) -> None:
    """Raise UsageError for a name that isn't known; `where` tells the option, or the file and its key."""
    for name in names:
        if name not in known:
            raise UsageError(f"{where}: {name!r} is unknown; allowed: {one_of(known)}")


def require_some(where: str, names: Collection[str], known: Collection[str]) -> None:
    """Raise UsageError unless there are names, all of them known."""
    if not names:
        raise UsageError(f"{where}: is empty; allowed: {one_of(known)}")
    require_known(where, names, known)
