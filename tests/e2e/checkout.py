"""Running this checkout's command, and looking at what it started."""

from __future__ import annotations

import json
import subprocess
import time
from pathlib import Path
from typing import Any

import psutil

ROOT = Path(__file__).resolve().parents[2]
SERVERS = ROOT / ".bakeoff" / "servers"


def bakeoff(*arguments: str, timeout_s: float = 600) -> subprocess.CompletedProcess[str]:
    """Run scripts/bakeoff to its end."""
    command = [str(ROOT / "scripts" / "bakeoff"), *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=timeout_s)


def results_of(folder: Path) -> dict[str, Any]:
    """Return a run's results.json; without measurements where there is none yet."""
    path = folder / "results.json"
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else {"measurements": []}


def wait_for_a_measurement(folder: Path, run: subprocess.Popen[str]) -> None:
    """Wait until a run has measured its first trial and goes on."""
    deadline = time.monotonic() + 1500
    while time.monotonic() < deadline and run.poll() is None:
        if results_of(folder)["measurements"]:
            return
        time.sleep(0.05)
    said = run.communicate()[1] if run.poll() is not None else "it still runs"
    raise AssertionError(f"nothing was measured: {said}")


def our_processes() -> list[str]:
    """Command lines of servers and load generators of this checkout."""
    found = []
    for process in psutil.process_iter(["cmdline", "cwd"]):
        line = " ".join(process.info["cmdline"] or [])
        if str(process.info["cwd"] or "").startswith(str(SERVERS)) or f"{ROOT}/loadtest/coordinator.py" in line:
            found.append(line)
    return found
