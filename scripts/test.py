"""Run parts of the tests, each to its end, and say of each on one line what came of it: scripts/test [PART ...]."""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
BIN = ROOT / ".venv" / "bin"
PYTEST = (str(BIN / "pytest"),)
RUN_IN = (str(BIN / "python"), "tests/run_in.py")
"""For what needs a program's own environment: its requirement files, then pytest's arguments."""
STUBS = (*RUN_IN, "serving/flask-tf/requirements.txt,tests/stubs/requirements.txt")
DOCKER = {"BAKEOFF_PLATFORM": "docker"}

Command = tuple[str, ...]

PARTS: dict[str, tuple[Command, ...]] = {
    "lint": (
        (str(BIN / "ruff"), "check", "."),
        (str(BIN / "ruff"), "format", "--check", "."),
        (str(BIN / "mypy"),),
    ),
    "unit": ((*PYTEST, "-n", "auto", "tests/unit"),),
    # The report's page in a real Chromium; skipped with a reason where none is installed.
    "browser": ((*PYTEST, "tests/browser"),),
    "models": (
        (*RUN_IN, "models/requirements.txt", "-n", "auto", "-W", "ignore", "tests/unit/models"),
        (*RUN_IN, "--optional", "models/executorch/requirements.txt", "-W", "ignore", "tests/unit/models_executorch"),
    ),
    # One contract for all engines, in each one's environment.
    "engines": (
        (*RUN_IN, "models/requirements.txt", "-W", "ignore", "tests/engines"),
        (*RUN_IN, "serving/lean-tflite/requirements.txt", "tests/engines"),
        (*RUN_IN, "serving/lean-litert/requirements.txt", "tests/engines"),
        (*RUN_IN, "engines/requirements.txt", "tests/engines"),
        (*RUN_IN, "--optional", "models/executorch/requirements.txt", "-W", "ignore", "tests/engines"),
    ),
    "servers": (
        (*RUN_IN, "serving/torchserve/requirements.txt", "tests/unit/serving/test_torchserve_handler.py"),
        (
            *(*RUN_IN, "serving/flask-torch/requirements.txt", "-W", "ignore::DeprecationWarning"),
            "tests/unit/serving/test_flask.py",
        ),
        (*RUN_IN, "loadtest/requirements.txt", "tests/unit/loadtest"),
        # Apart: TensorFlow and protoc don't live in one process.
        (*STUBS, "tests/stubs/test_tfserving_stubs.py"),
        (*STUBS, "tests/stubs/test_torchserve_stubs.py"),
    ),
    "integration": ((*PYTEST, "tests/integration"),),
    # Faults put into real runs of a few seconds.
    "faults": ((*PYTEST, "tests/faults"),),
    "contract": ((*PYTEST, "tests/contract"),),
    # The same cases every time; benchmarks/long/fuzz.py sends many more.
    "fuzz": ((*RUN_IN, "tests/fuzz/requirements.txt", "tests/fuzz"),),
    # A quick run takes about four minutes, and longer where environments are still to be made.
    "e2e": ((*PYTEST, "--timeout", "3000", "tests/e2e"),),
}
APART: dict[str, tuple[Command, ...]] = {
    # Hugging Face's library wants an environment of its own.
    "hf": (
        (*RUN_IN, "models/requirements.txt,models/requirements-hf.txt", "-W", "ignore", "tests/unit/models/test_hf.py"),
    ),
    # Need a Docker Engine. Two sessions: the contract's servers must be down before the containers' own tests bring
    # theirs up.
    "containers": (
        (*PYTEST, "--timeout", "1500", "tests/contract/test_targets.py"),
        (*PYTEST, "--timeout", "1500", "tests/containers"),
    ),
    # Bare systems of today's distributions in a chroot: an hour, several GB of downloads, root and debootstrap.
    "fresh": ((*PYTEST, "-s", "tests/fresh"),),
    "stack": ((*PYTEST, "--timeout", "1500", "tests/containers"),),
}
"""Parts that aren't among all."""


@dataclass(slots=True)
class Outcome:
    """What came of a part: its tests by outcome, why some were skipped, and whether every command ended well."""

    part: str
    seconds: float = 0.0
    failed: bool = False
    counts: Counter[str] = field(default_factory=Counter)
    skipped: Counter[str] = field(default_factory=Counter)

    def __str__(self) -> str:
        says = f"{self.part:<12}{'FAILED' if self.failed else 'passed':<8}{self.seconds:6.0f} s"
        if self.counts:
            says += f"  {sentence(self.counts)}"
        return says + "".join(f"; {count} skipped: {why}" for why, count in self.skipped.items())


def run_part(part: str, commands: tuple[Command, ...], arguments: list[str]) -> Outcome:
    """Run a part's commands, each even where one before it failed."""
    outcome, began = Outcome(part), time.monotonic()
    environment = {**os.environ, **(DOCKER if part in ("containers", "stack") else {})}
    with tempfile.TemporaryDirectory() as folder:
        for number, command in enumerate(commands):
            tally = Path(folder) / str(number)
            environment["BAKEOFF_TEST_TALLY"] = str(tally)
            done = subprocess.run([*command, *arguments], cwd=ROOT, env=environment)
            outcome.failed |= done.returncode != 0
            if tally.exists():  # written by tests/conftest.py
                found = json.loads(tally.read_text(encoding="utf-8"))
                outcome.counts.update(found["counts"])
                outcome.skipped.update(found["skipped"])
    outcome.seconds = time.monotonic() - began
    return outcome


def sentence(counts: Counter[str]) -> str:
    """Return counts as pytest's own last line has them."""
    return f"{counts['passed']} passed, {counts['failed'] + counts['error']} failed, {counts['skipped']} skipped"


def main() -> int:
    """Run what is asked for; 1 where anything failed."""
    known = {**PARTS, **APART}
    parser = argparse.ArgumentParser(
        prog="scripts/test",
        description="Lint, types and tests. Without PART all of: " + ", ".join(PARTS) + ".",
        epilog=f"Not among all: {', '.join(APART)}. Anything else is given to pytest: scripts/test tests/unit -k wire",
    )
    parser.add_argument("part", nargs="*", metavar="PART", help="a part, again for more")
    if sys.argv[1:] and sys.argv[1] not in {*known, "all", "-h", "--help"}:
        os.chdir(ROOT)
        os.execv(PYTEST[0], [*PYTEST, *sys.argv[1:]])
    given = parser.parse_args().part
    names = list(PARTS) if given in ([], ["all"]) else given
    outcomes = []
    for name in names:
        print(f"--- {name}", flush=True)  # noqa: T201
        outcomes.append(run_part(name, known[name], []))
    print("\n" + "\n".join(map(str, outcomes)))  # noqa: T201
    total: Counter[str] = sum((outcome.counts for outcome in outcomes), Counter())
    if total:
        print(sentence(total))  # noqa: T201
    return int(any(outcome.failed for outcome in outcomes))


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
