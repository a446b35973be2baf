"""What other processes of this machine use of its CPUs."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from bakeoff.host.cpus import parse_cpus
from bakeoff.host.machine import below, read_text

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


def list_processes(root: Path = Path("/")) -> dict[int, Process] | None:
    """Return all processes that can be seen by their pid; None where there are none to be seen."""
    try:
        pids = [int(path.name) for path in (root / "proc").iterdir() if path.name.isdecimal()]
    except OSError:
        return None
    found = (_read_process(root, pid) for pid in pids)
    return {process.pid: process for process in found if process is not None} or None


def used_ticks(before: Mapping[int, Process], after: Mapping[int, Process]) -> dict[int, int]:
    """Return the ticks that each process used between two readings; those of one that ended are not known."""
    return {
        pid: process.ticks - (before[pid].ticks if _is_same(before.get(pid), process) else 0)
        for pid, process in after.items()
    }


def find_neighbours(
    before: Mapping[int, Process], after: Mapping[int, Process], seconds: float, own: int
) -> list[Neighbour]:
    """Return the others with what they used of a CPU between two readings, the busiest first."""
    used = used_ticks(before, after)
    found = [
        Neighbour(pid, after[pid].name, 100 * ticks / TICKS_PER_S / seconds)
        for pid, ticks in used.items()
        if pid != own and ticks > 0
    ]
    return sorted(found, key=lambda neighbour: -neighbour.percent)


def may_run_on(pid: int, cpus: set[int], root: Path = Path("/")) -> bool:
    """Tell whether a process may run on any of these CPUs; one of which that can't be read may."""
    match = re.search(r"^Cpus_allowed_list:\s+(\S+)$", below(root)(f"/proc/{pid}/status"), re.MULTILINE)
    return match is None or bool(parse_cpus(match[1]) & cpus)


def _read_process(root: Path, pid: int) -> Process | None:
    match = re.match(r"\d+ \((.*)\) (.+)", read_text(str(root / f"proc/{pid}/stat")), re.DOTALL)
    fields = match[2].split() if match else []
    if match is None or len(fields) <= STARTTIME:
        return None
    return Process(pid, match[1], int(fields[STARTTIME]), int(fields[UTIME]) + int(fields[STIME]))


def _is_same(process: Process | None, other: Process) -> bool:
    return process is not None and process.started == other.started
