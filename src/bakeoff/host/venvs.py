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
from bakeoff.host.interpreters import UV, Interpreter, find_interpreter, require_interpreter
from bakeoff.host.locks import current_lock
from bakeoff.host.processes import confined, log_end, spawn, terminate

READY = "ready"
INSTALLER = ROOT / "scripts" / "install_requirements.py"

Say = Callable[[str], None]

_running: set[subprocess.Popen[bytes]] = set()
_failed: dict[Path, BakeoffError] = {}
"""What could not be installed won't be tried again by this process: each attempt may take minutes."""


def venv_path(files: Sequence[Path], interpreter: Interpreter) -> Path:
    """Return where the environment of these requirement files on a Python is, whether it exists yet or not."""
    digest = hashlib.sha256(f"uv {interpreter.version}".encode())
    for file in with_nodeps(files):
        for each in (file, current_lock(file)):
            if each is not None:
                digest.update(b"\0" + each.name.encode() + b"\0" + each.read_bytes())
    return STATE / "venvs" / digest.hexdigest()[:12]


def is_ready(*files: Path) -> bool:
    """Tell whether the environment of these requirement files is complete."""
    interpreter = find_interpreter(with_nodeps(files))
    return interpreter is not None and (venv_path(files, interpreter) / READY).exists()


def ensure_venv(*files: Path, say: Say) -> Path:
    """Return the Python of the environment with these requirement files, making it on first use.

    Equal files share an environment. Raises BakeoffError with the end of uv's output when an installation fails,
    TargetUnavailable where there is no Python for it.
    """
    interpreter = require_interpreter(with_nodeps(files), say)
    folder = venv_path(files, interpreter)
    python = folder / "bin" / "python"
    if (folder / READY).exists():
        return python
    if folder in _failed:
        raise _failed[folder]
    folder.parent.mkdir(parents=True, exist_ok=True)
    with (folder.parent / f"{folder.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if (folder / READY).exists():  # made by another process while we waited
            return python
        say(f"installing {names_of(files)} (first use only)")
        shutil.rmtree(folder, ignore_errors=True)
        try:
            _install(folder, interpreter, with_nodeps(files))
        except BakeoffError as error:
            _failed[folder] = error
            raise
        (folder / READY).touch()
    return python


def end_installers() -> None:
    """End the installations that other threads of this process wait for; they fail."""
    for process in tuple(_running):
        terminate(process)


def installed_version(python: Path, package: str) -> str | None:
    """Return the version of a distribution in an environment, None where it is missing."""
    program = f"import importlib.metadata as m; print(m.version({package!r}))"
    done = subprocess.run([python, "-c", program], capture_output=True, text=True)
    return done.stdout.strip() or None


def names_of(files: Sequence[Path]) -> str:
    """Return requirement files as text."""
    return ", ".join(os.path.relpath(file, ROOT) for file in files)


def with_nodeps(files: Sequence[Path]) -> list[Path]:
    """Return the files and, where one has a requirements-nodeps.txt beside it, that one too."""
    beside = [file.with_name("requirements-nodeps.txt") for file in files]
    return [*files, *(file for file in beside if file.exists())]


def _install(folder: Path, interpreter: Interpreter, files: list[Path]) -> None:
    log = folder.with_suffix(".log")
    python = folder / "bin" / "python"
    with log.open("wb") as output:
        for argv in (
            # uv's are made without ensurepip, which Debian has in a package of its own.
            [str(UV), "--no-config", "venv", "--no-python-downloads", "--python", str(interpreter.path), str(folder)],
            [sys.executable, str(INSTALLER), "--python", str(python), *map(str, files)],
        ):
            process = spawn(confined(argv), output, folder.parent, os.environ)
            _running.add(process)
            try:
                status = process.wait()
            finally:
                terminate(process)  # uv too, when we are interrupted
                _running.discard(process)
            if status != 0:
                raise BakeoffError(f"installing {names_of(files)} failed (whole log: {log}):\n{log_end(log, 6)}")
