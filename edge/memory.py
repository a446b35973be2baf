"""This process's memory and its waiting, as Linux counts them."""

from __future__ import annotations

import contextlib
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
