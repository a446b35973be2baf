"""Local servers that outlive the command which started them: written down, found again, ended."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import psutil

from bakeoff.host.files import write_atomic
from bakeoff.host.processes import GRACE_S
from bakeoff.platforms.leftovers import started_at
from bakeoff.platforms.local import LocalServer


def write_running(path: Path, servers: list[LocalServer]) -> None:
    """Write down detached servers, so that another process can end them."""
    rows = [
        {"target": s.target.name, "pid": s.process.pid, "started": started_at(s.process.pid), "folder": str(s.folder)}
        for s in servers
    ]
    write_atomic(path, json.dumps(rows, indent=1))


def read_running(path: Path) -> list[dict[str, Any]]:
    """Return those of the written-down servers that still run: a pid counts only with its start time."""
    rows: list[dict[str, Any]] = json.loads(path.read_text(encoding="utf-8")) if path.exists() else []
    return [row for row in rows if row["started"] is not None and started_at(row["pid"]) == row["started"]]


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
