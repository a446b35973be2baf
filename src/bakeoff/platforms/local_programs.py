"""A target's program as a process of this machine: its command line and environment."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from bakeoff.host.catalog import program_of, serving_arguments
from bakeoff.host.processes import child_environment, confined
from bakeoff.platforms.programs import Done
from bakeoff.schema import Target


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


def run_once(target: Target, argv: list[str], folder: Path, limit_s: float, cpus: str | None = None) -> Done:
    """Run a program of a target to its end in a folder. Raises subprocess.TimeoutExpired."""
    environment, command = server_environment(target), confined(argv, cpus)
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=limit_s)
