"""Local servers that outlive their bakeoff: detached by `up`, or left where it was killed with its guardian.

They are written down, found again, and ended; a pid counts only with its process's start time.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import psutil

from bakeoff.host.files import write_atomic
from bakeoff.host.processes import GRACE_S, signal_group

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


def write_running(path: Path, servers: Iterable[tuple[str, int, Path]]) -> None:
    """Write down detached servers by their target, pid and folder, so that another process can end them."""
    rows = [
        {"target": target, "pid": pid, "started": started_at(pid), "folder": str(folder)}
        for target, pid, folder in servers
    ]
    write_atomic(path, json.dumps(rows, indent=1))


def read_running(path: Path) -> list[dict[str, Any]]:
    """Return those of the written-down servers that still run."""
    rows: list[dict[str, Any]] = json.loads(path.read_text(encoding="utf-8")) if path.exists() else []
    return [row for row in rows if _is((row["pid"], row["started"]))]


def stop_running(path: Path) -> list[str]:
    """End the written-down servers that still run; return their targets' names."""
    running = read_running(path)
    processes = [(row, psutil.Process(row["pid"])) for row in running]
    family = [member for _, main in processes for member in (main, *main.children(recursive=True))]
    for _, main in processes:
        main.terminate()
    for process in psutil.wait_procs(family, timeout=GRACE_S)[1]:
        process.kill()
    for row in running:
        shutil.rmtree(row["folder"], ignore_errors=True)
    path.unlink(missing_ok=True)
    return [row["target"] for row in running]


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
