"""What benchmarks share: running a client's program, telling progress, the table of goals, and how they end."""

from __future__ import annotations

import argparse
import json
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, NoReturn

from bakeoff.errors import BakeoffError
from bakeoff.host.processes import child_environment, confined, spawn, terminate

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


def command_line(description: str | None) -> argparse.ArgumentParser:
    """Return the options that every benchmark has."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="print all that was found as JSON")
    return parser


def make_goal(text: str, value: float, limit: float, at_least: bool = False) -> dict[str, object]:
    """Return a goal with its verdict; the limit itself is within it."""
    met = value >= limit if at_least else value <= limit
    return {"goal": text, "value": value, "limit": limit, "at_least": at_least, "met": met}


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


def conclude(result: dict[str, Any], as_json: bool, print_tables: Callable[[dict[str, Any]], None]) -> int:
    """Write a result; return 1 where one of its goals is missed, else 0."""
    if as_json:
        sys.stdout.write(json.dumps(result, indent=1) + "\n")
    else:
        print_tables(result)
    return 0 if all(goal["met"] for goal in result["goals"]) else 1


def end_with(main: Callable[[], int]) -> NoReturn:
    """Run a program's main function and end with its status, after a signal with 130 or 143 once all is cleaned up."""
    signal.signal(signal.SIGINT, signal.default_int_handler)  # what is started in the background has it ignored
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        sys.exit(main())
    except BakeoffError as error:
        sys.exit(str(error))
    except KeyboardInterrupt:
        sys.exit(130)
