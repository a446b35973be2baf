"""This process's memory and its waiting, as Linux counts them."""

from __future__ import annotations

import contextlib
import os
import re
from pathlib import Path


class Memory:
    """The peak of the resident set over what it was when this was made."""

    def __init__(self) -> None:
        with contextlib.suppress(OSError):
            Path("/proc/self/clear_refs").write_text("5")  # the peak begins anew: an import's must not count
        self._before, self._peak_before = _status("VmRSS"), _status("VmHWM")

    def growth(self) -> int | None:
        """Return how many bytes the peak is above the beginning; None where an earlier peak hides it."""
        peak = _status("VmHWM")
        if peak is None or self._before is None or self._peak_before is None:
            return None
        if peak == self._peak_before > self._before:
            return None
        return max(0, peak - self._before)


def _status(field: str) -> int | None:
    match = re.search(rf"^{field}:\s+(\d+) kB", Path("/proc/self/status").read_text(), re.MULTILINE)
    return int(match[1]) * 1024 if match else None


def waiting_ns() -> int:
    """Return how long the threads of this process were ready and got no CPU; 0 where Linux doesn't count it."""
    total = 0
    for task in Path("/proc/self/task").iterdir():
        try:
            total += int((task / "schedstat").read_text().split()[1])
        except (OSError, IndexError):
            continue
    return total


def busy_ns() -> int:
    """Return how long the CPUs that this process may use have run anything since the start, to 10 ms each."""
    ticks = 0
    mine = {f"cpu{number}" for number in os.sched_getaffinity(0)}
    for line in Path("/proc/stat").read_text().splitlines():
        name, *fields = line.split()
        if name in mine:
            user, nice, system, _idle, _iowait, irq, softirq, steal = map(int, fields[:8])
            ticks += user + nice + system + irq + softirq + steal
    return ticks * 1_000_000_000 // os.sysconf("SC_CLK_TCK")


def share_waited(waiting: int, ran: int, busy: int) -> float:
    """Return the share of the CPU time that a process wanted and others had, of ns that its threads waited and ran.

    Its threads wait for one another, too: no more of it can be others' doing than others ran on its CPUs meanwhile.
    """
    others = min(waiting, max(0, busy - ran))
    return others / max(1, others + ran)
