"""What the benchmarks of overhead share: running a client's program, telling progress, and the table of goals."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path

from bakeoff.errors import BakeoffError
from bakeoff.processes import child_environment, confined, spawn, terminate

CLIENTS = Path(__file__).resolve().parent / "clients"
CLIENT_TIMEOUT_S = 150.0
LAST_LINES = 8


def run_client(argv: list[str], cpus: str | None) -> dict[str, float]:
    """Run a client's program on these CPUs and return the line of JSON it ends with.

    Raises BakeoffError with its last lines where it fails.
    """
    with tempfile.TemporaryFile() as output:
        process = spawn(confined(argv, cpus), output.fileno(), CLIENTS, child_environment())
        try:
            status = process.wait(CLIENT_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            raise BakeoffError(f"{' '.join(argv)} took more than {CLIENT_TIMEOUT_S:.0f} s") from None
        finally:
            terminate(process)
        output.seek(0)
        lines = output.read().decode(errors="replace").strip().splitlines()
    if status != 0:
        raise BakeoffError("\n".join([f"{' '.join(argv)} ended with status {status}", *lines[-LAST_LINES:]]))
    return dict(json.loads(lines[-1]))


def print_goals(goals: Iterable[Mapping[str, object]]) -> None:
    """Print goals as Markdown: `goal`, `value`, `limit`, `met` each, and `at_least` where the limit is a lower one."""
    sys.stdout.write("\n| goal | measured | limit | |\n|---|---|---|---|\n")
    for goal in goals:
        bound = "at least" if goal.get("at_least") else "at most"
        verdict = "met" if goal["met"] else "MISSED"
        sys.stdout.write(f"| {goal['goal']} | {goal['value']:.3g} | {bound} {goal['limit']:g} | {verdict} |\n")


def tell(text: str, end: str = "\n") -> None:
    """Tell progress on stderr."""
    sys.stderr.write(text + end)
    sys.stderr.flush()
