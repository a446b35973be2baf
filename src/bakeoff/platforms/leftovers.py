"""What a bakeoff leaves that was killed together with its guardian: servers, also stopped ones, and their folders."""

from __future__ import annotations

import json
import os
import shutil
import signal
from pathlib import Path

import psutil

from bakeoff.host.processes import signal_group

OWNER = "owner.json"


def write_owner(folder: Path, server: int) -> None:
    """Write into a server's folder which process it is, and which bakeoff answers for it: pids with start times."""
    rows = {"bakeoff": _identity(os.getpid()), "server": _identity(server)}
    (folder / OWNER).write_text(json.dumps(rows), encoding="ascii")


def clear_leftovers(folder: Path) -> list[str]:
    """End servers whose bakeoff is gone and remove their folders; return the folders' names."""
    cleared = []
    for file in folder.glob(f"*/{OWNER}"):
        try:
            rows = json.loads(file.read_text(encoding="ascii"))
            owner, server = tuple(rows["bakeoff"]), tuple(rows["server"])
        except (OSError, ValueError, KeyError, TypeError):
            continue  # being written just now
        if _is(owner):
            continue
        if _is(server):
            signal_group(server[0], signal.SIGKILL)  # a stopped process doesn't take anything less
        shutil.rmtree(file.parent, ignore_errors=True)
        cleared.append(file.parent.name)
    return cleared


def started_at(pid: int) -> float | None:
    """Return when a process started, None for one that is gone: a pid alone may be another process by now."""
    try:
        return float(psutil.Process(pid).create_time())
    except psutil.NoSuchProcess:
        return None


def _identity(pid: int) -> tuple[int, float | None]:
    return pid, started_at(pid)


def _is(identity: tuple[int, float | None]) -> bool:
    pid, started = identity
    return started is not None and started_at(pid) == started
