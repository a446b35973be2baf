"""What other processes of this machine use of its CPUs."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from bakeoff.host.machine import read_text

TICKS_PER_S = os.sysconf("SC_CLK_TCK")
UTIME, STIME, STARTTIME = 11, 12, 19  # proc(5), counted from the field behind the name, which may hold anything


@dataclass(frozen=True, slots=True)
class Process:
    """A process, and how many ticks of CPU time it has used since it started."""

    pid: int
    name: str
    started: int
    ticks: int


@dataclass(frozen=True, slots=True)
class Neighbour:
    """A process that is not ours, and the share of one CPU that it used."""

    pid: int
    name: str
    percent: float


def list_processes(root: Path = Path("/")) -> list[Process] | None:
    """Return all processes that can be seen; None where there are none to be seen."""
    try:
        pids = [path.name for path in (root / "proc").iterdir() if path.name.isdecimal()]
    except OSError:
        return None
    found = (_parse_process(read_text(root / "proc" / pid / "stat")) for pid in pids)
    return [process for process in found if process is not None] or None


def used_ticks(before: Iterable[Process], after: Iterable[Process]) -> dict[Process, int]:
    """Return the ticks that each process used between two readings; those of one that ended are not known."""
    earlier = {(process.pid, process.started): process.ticks for process in before}
    return {process: process.ticks - earlier.get((process.pid, process.started), 0) for process in after}


def find_neighbours(used: Mapping[Process, int], seconds: float, own: int) -> list[Neighbour]:
    """Return the others with what they used of a CPU in this time, the busiest first."""
    found = [
        Neighbour(process.pid, process.name, 100 * ticks / TICKS_PER_S / seconds)
        for process, ticks in used.items()
        if process.pid != own
    ]
    return sorted(found, key=lambda neighbour: -neighbour.percent)


def _parse_process(stat: str) -> Process | None:
    match = re.match(r"(\d+) \((.*)\) (.+)", stat, re.DOTALL)
    fields = match[3].split() if match else []
    if match is None or len(fields) <= STARTTIME:
        return None
    return Process(int(match[1]), match[2], int(fields[STARTTIME]), int(fields[UTIME]) + int(fields[STIME]))
