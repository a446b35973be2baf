"""What a target's program does once, without serving: it checks an artifact, or times it in process."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from bakeoff.artifacts.checks import load_arrays
from bakeoff.errors import TargetFailed
from bakeoff.host.files import STATE
from bakeoff.schema import Reason, Target
from bakeoff.schema.reasons import Value

# Exit statuses of a server program (sysexits.h): how it tells "not here" and "not this file" from a failure.
EX_DATAERR, EX_UNAVAILABLE = 65, 69
CHECK_S = 120
BARE_S = 120  # most of it for PyTorch or TensorFlow to be imported on a busy machine
LONGEST = 400
"""Characters of what a program said."""

Done = subprocess.CompletedProcess[str]


@dataclass(frozen=True, slots=True)
class FormatCheck:
    """What a target's runtime did with an artifact; `outputs` are its answers to the golden inputs, by output name."""

    runtime: str
    ok: bool
    max_abs_error: float | None
    message: str | None
    outputs: dict[str, np.ndarray[Any, Any]]


@dataclass(frozen=True, slots=True)
class InProcessTime:
    """What an artifact takes in process: the median of so many predictions of one row."""

    p50_ms: float
    predictions: int


def read_check(target: Target, format: str, done: Done, outputs: Path) -> FormatCheck:
    """Return what a check said and wrote; raise TargetFailed where it can't tell."""
    if done.returncode not in (0, EX_DATAERR) or not done.stdout.strip():
        raise _failed("check_failed", target, format, text=done.stderr.strip()[-LONGEST:])
    said = json.loads(done.stdout.strip().splitlines()[-1])
    if said["ok"] and not outputs.exists():
        raise _failed("check_failed", target, format, text="it wrote no answers")
    answers = load_arrays(outputs) if said["ok"] else {}
    return FormatCheck(said["runtime"], said["ok"], said["max_abs_error"], said["message"] or None, answers)


def read_timing(target: Target, format: str, done: Done) -> InProcessTime:
    """Return the time that a program says in its last line; raise TargetFailed where there is none."""
    try:
        said = json.loads(done.stdout.strip().splitlines()[-1])
        return InProcessTime(float(said["p50_ms"]), int(said["predictions"]))
    except (ValueError, KeyError, IndexError):
        raise _failed("timing_failed", target, format, text=done.stderr.strip()[-LONGEST:]) from None


@contextmanager
def limited(code: str, target: Target, format: str) -> Iterator[None]:
    """Raise TargetFailed with this code where what runs in the block takes longer than it may."""
    try:
        yield
    except subprocess.TimeoutExpired as late:
        raise _failed(code, target, format, seconds=late.timeout) from None


def timing_command(target: Target, model_dir: str, format: str) -> list[str]:
    """Return Python's arguments to time an artifact in a target's engine, with the project's root importable."""
    what = ["--engine", str(target.engine), "--model-dir", model_dir, "--format", format]
    return ["-m", "engines.in_process", *what, "--threads", str(target.threads)]


def servers_folder() -> Path:
    """Return where servers and programs have their private folders."""
    folder = STATE / "servers"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _failed(code: str, target: Target, format: str, **values: Value) -> TargetFailed:
    return TargetFailed(Reason(code, {"target": target.name, "format": format, **values}))
