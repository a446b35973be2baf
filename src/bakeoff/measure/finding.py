"""What is found of a machine's steadiness: what was looked at, how it stands, and what to do."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from bakeoff.host.machine import Read, below
from bakeoff.schema import Reason

State = Literal["steady", "unsteady", "unknown"]


@dataclass(frozen=True, slots=True)
class Finding:
    """What was found of one thing; `remedy` stands where it makes figures unsteady."""

    what: str
    state: State
    found: Reason
    remedy: Reason | None = None


@dataclass(frozen=True, slots=True)
class Place:
    """Where servers and load will run: their CPUs, and the folder that /proc and /sys lie below."""

    server: frozenset[int]
    load: frozenset[int]
    root: Path = Path("/")

    @property
    def cpus(self) -> frozenset[int]:
        """All CPUs in use."""
        return self.server | self.load

    @property
    def read(self) -> Read:
        """Returns a file's text by its path."""
        return below(self.root)


def judged(what: str, steady: bool, found: Reason, remedy: Reason) -> Finding:
    """Return that a thing is steady, or that it isn't and what to do."""
    return Finding(what, "steady", found) if steady else Finding(what, "unsteady", found, remedy)


def unreadable(what: str, place: str) -> Finding:
    """Return that a thing is unknown, since a file of the kernel is not there or says something else."""
    return Finding(what, "unknown", Reason("unreadable", {"place": place}))
