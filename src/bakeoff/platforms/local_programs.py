"""A target's program as a process of this machine: its command line, and what it does once without serving."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from bakeoff.errors import TargetFailed
from bakeoff.host.catalog import program_of, serving_arguments
from bakeoff.host.files import STATE
from bakeoff.host.processes import child_environment, confined
from bakeoff.platforms.platform import BARE_S, CHECK_S, EX_DATAERR, FormatCheck, InProcessTime, read_in_process_time
from bakeoff.schema import Reason, Target
from bakeoff.schema.reasons import Value


def server_command(target: Target, python: Path, model: str, model_dir: Path, format: str) -> list[str]:
    """Return the part of a server's command line that says what to serve."""
    what = ["--model", model, "--model-dir", str(model_dir.resolve()), "--format", format]
    return [str(python), str(program_of(target)), *what, *serving_arguments(target)]


def server_environment(target: Target) -> dict[str, str]:
    """Return a server's environment variables: ours, plus the import path and the thread count."""
    threads = str(target.threads)
    return child_environment(OMP_NUM_THREADS=threads, MKL_NUM_THREADS=threads, PATH=search_path())


def search_path() -> str:
    """Return PATH and where Debian keeps servers, which PATH lacks for users who aren't root."""
    return f"{os.environ.get('PATH', os.defpath)}:/usr/local/sbin:/usr/sbin"


def _failed(code: str, target: Target, format: str, **values: Value) -> TargetFailed:
    return TargetFailed(Reason(code, {"target": target.name, "format": format, **values}))


def check_format(target: Target, python: Path, model_dir: Path, format: str) -> FormatCheck:
    """Run a target's own check of an artifact: its program with --check. Raises TargetFailed where it can't tell."""
    with tempfile.TemporaryDirectory(dir=servers_folder()) as folder:
        outputs = Path(folder) / "outputs.npz"
        command = server_command(target, python, model_dir.name, model_dir, format)
        argv = confined([*command, "--check", str(outputs)])
        try:
            done = subprocess.run(
                argv, cwd=folder, env=server_environment(target), capture_output=True, text=True, timeout=CHECK_S
            )
        except subprocess.TimeoutExpired:
            raise _failed("check_slow", target, format, seconds=CHECK_S) from None
        if done.returncode not in (0, EX_DATAERR) or not done.stdout.strip():
            text = done.stderr.strip()[-400:]
            raise _failed("check_failed", target, format, text=text)
        said = json.loads(done.stdout.strip().splitlines()[-1])
        arrays: dict[str, np.ndarray[Any, Any]] = {}
        if outputs.exists():
            with np.load(outputs, allow_pickle=False) as stored:
                arrays = {name: stored[name] for name in stored.files}
    return FormatCheck(said["runtime"], said["ok"], said["max_abs_error"], said["message"] or None, arrays)


def time_in_process(
    target: Target, python: Path, model_dir: Path, format: str, cpus: str | None
) -> InProcessTime | None:
    """Time an artifact in a target's engine, without its server; None where it has no engine. Raises TargetFailed."""
    if target.engine is None:
        return None
    argv = [str(python), *timing_command(target, str(model_dir.resolve()), format)]
    with tempfile.TemporaryDirectory(dir=servers_folder()) as folder:
        try:
            done = subprocess.run(
                confined(argv, cpus),
                cwd=folder,
                env=server_environment(target),
                capture_output=True,
                text=True,
                timeout=BARE_S,
            )
            return read_in_process_time(done.stdout)
        except subprocess.TimeoutExpired:
            raise _failed("timing_slow", target, format, seconds=BARE_S) from None
        except (ValueError, KeyError, IndexError):
            said = done.stderr.strip()[-400:]
            raise _failed("timing_failed", target, format, text=said) from None


def timing_command(target: Target, model_dir: str, format: str) -> list[str]:
    """Return Python's arguments to time an artifact in a target's engine, with the project's root importable."""
    what = ["--engine", str(target.engine), "--model-dir", model_dir, "--format", format]
    return ["-m", "engines.in_process", *what, "--threads", str(target.threads)]


def servers_folder() -> Path:
    """Return where servers have their private folders."""
    folder = STATE / "servers"
    folder.mkdir(parents=True, exist_ok=True)
    return folder
