"""Environments of targets and programs: one virtual environment for each distinct set of requirement files."""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from bakeoff.errors import BakeoffError
from bakeoff.host.files import ROOT, STATE
from bakeoff.host.processes import confined, log_end, spawn, terminate

READY = "ready"
INSTALLER = ROOT / "scripts" / "install_requirements.py"


def venv_path(files: Sequence[Path]) -> Path:
    """Return where the environment of these requirement files is, whether it exists yet or not."""
    digest = hashlib.sha256(f"{sys.version_info[:2]}".encode())
    for file in _with_nodeps(files):
        digest.update(b"\0" + file.name.encode() + b"\0" + file.read_bytes())
    return STATE / "venvs" / digest.hexdigest()[:12]


def is_ready(*files: Path) -> bool:
    """Tell whether the environment of these requirement files is complete."""
    return (venv_path(files) / READY).exists()


def ensure_venv(*files: Path, say: Callable[[str], None]) -> Path:
    """Return the Python of the environment with these requirement files, making it on first use.

    Equal files share an environment. Raises BakeoffError with the end of pip's output when an installation fails.
    """
    folder = venv_path(files)
    python = folder / "bin" / "python"
    if is_ready(*files):
        return python
    folder.parent.mkdir(parents=True, exist_ok=True)
    with (folder.parent / f"{folder.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if is_ready(*files):  # made by another process while we waited
            return python
        say(f"installing {', '.join(os.path.relpath(file, ROOT) for file in files)} (first use only)")
        shutil.rmtree(folder, ignore_errors=True)
        _install(folder, python, _with_nodeps(files))
        (folder / READY).touch()
    return python


def installed_version(python: Path, package: str) -> str | None:
    """Return the version of a distribution in an environment, None where it is missing."""
    program = f"import importlib.metadata as m; print(m.version({package!r}))"
    done = subprocess.run([python, "-c", program], capture_output=True, text=True)
    return done.stdout.strip() or None


def _with_nodeps(files: Sequence[Path]) -> list[Path]:
    """Return the files and, where one has a requirements-nodeps.txt beside it, that one too."""
    beside = [file.with_name("requirements-nodeps.txt") for file in files]
    return [*files, *(file for file in beside if file.exists())]


def _install(folder: Path, python: Path, files: list[Path]) -> None:
    log = folder.with_suffix(".log")
    environment = {**os.environ, "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
    with log.open("wb") as output:
        for argv in (
            [sys.executable, "-m", "venv", str(folder)],
            [str(python), str(INSTALLER), *map(str, files)],
        ):
            process = spawn(confined(argv), output, folder.parent, environment)
            try:
                status = process.wait()
            finally:
                terminate(process)  # pip's own children too, when we are interrupted
            if status != 0:
                names = ", ".join(os.path.relpath(file, ROOT) for file in files)
                raise BakeoffError(f"installing {names} failed (whole log: {log}):\n{log_end(log, 6)}")
