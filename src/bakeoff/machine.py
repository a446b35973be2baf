"""What this machine is: what a reader must know before comparing its figures with another's."""

from __future__ import annotations

import os
import platform
import re
import subprocess
from pathlib import Path

import psutil

from bakeoff import __version__
from bakeoff.files import ROOT


def describe_machine() -> dict[str, object]:
    """Return CPU, memory, operating system and versions."""
    return {
        "cpu": _cpu_name(),
        "cpus": len(os.sched_getaffinity(0)),
        "memory_bytes": psutil.virtual_memory().total,
        "architecture": platform.machine(),
        "os": _os_name(),
        "kernel": platform.release(),
        "python": platform.python_version(),
        "bakeoff": __version__,
        "git_commit": _git_commit(),
    }


def _cpu_name() -> str:
    text = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
    match = re.search(r"^model name\s*:\s*(.+)$", text, re.MULTILINE)
    return match[1].strip() if match else platform.processor() or "unknown"


def _os_name() -> str:
    try:
        return platform.freedesktop_os_release()["PRETTY_NAME"]
    except (OSError, KeyError):
        return platform.system()


def _git_commit() -> str | None:
    try:
        done = subprocess.run(
            ["git", "describe", "--always", "--dirty", "--abbrev=12"], cwd=ROOT, capture_output=True, text=True
        )
    except OSError:
        return None
    return done.stdout.strip() or None
