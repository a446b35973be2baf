"""End what a killed bakeoff leaves: `python -m bakeoff.host.guardian`, started by bakeoff with a pipe to its stdin.

Each line "+PID FOLDER" puts a process group and its private folder under guard, "-PID" takes it out again. When the
pipe closes, which it does however bakeoff ends, all groups still under guard are ended and their folders removed.
A parent-death signal alone would not do: a paused server doesn't get its SIGTERM.
"""

from __future__ import annotations

import shutil
import signal
import sys
import time
from collections.abc import Iterable

from bakeoff.host.processes import GRACE_S, group_is_alive, signal_group


def guard(lines: Iterable[str]) -> None:
    """Follow the lines to their end, then end what is still under guard."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    folders: dict[int, str] = {}
    for line in lines:
        pid, _, folder = line[1:].strip().partition(" ")
        if line.startswith("+"):
            folders[int(pid)] = folder
        else:
            folders.pop(int(pid), None)
    for leader in folders:
        signal_group(leader, signal.SIGCONT)
        signal_group(leader, signal.SIGTERM)
    deadline = time.monotonic() + GRACE_S
    while any(map(group_is_alive, folders)) and time.monotonic() < deadline:
        time.sleep(0.05)
    for leader, folder in folders.items():
        signal_group(leader, signal.SIGKILL)
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    guard(sys.stdin)
