"""Child processes that can't outlive us: how to start them, and how to end them."""

from __future__ import annotations

import contextlib
import functools
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import IO

from bakeoff.errors import BakeoffError
from bakeoff.host.files import ROOT

GRACE_S = 10.0


def confined(argv: list[str], cpus: str | None = None, detached: bool = False) -> list[str]:
    """Prefix a command so that it dies with us (unless detached) and runs on the CPU set `cpus`.

    Uses util-linux's setpriv and taskset, which need no code to run between fork and exec.
    """
    prefix = []
    if not detached and shutil.which("setpriv"):
        prefix += ["setpriv", "--pdeathsig", "TERM", "--"]
    if cpus is not None and shutil.which("taskset"):
        prefix += ["taskset", "--cpu-list", cpus]
    return prefix + argv


def child_environment(**extra: str) -> dict[str, str]:
    """Return the environment variables of our programs: ours, with the import path of `src` and of `engines`."""
    return {**os.environ, "PYTHONPATH": f"{ROOT / 'src'}{os.pathsep}{ROOT}", "PYTHONUNBUFFERED": "1", **extra}


def spawn(
    argv: list[str], log: IO[bytes] | int, cwd: Path, env: Mapping[str, str], stdin: int = subprocess.DEVNULL
) -> subprocess.Popen[bytes]:
    """Start a program as the leader of its own session, so that a terminal's Ctrl-C reaches only bakeoff."""
    stdout = subprocess.PIPE if stdin == subprocess.PIPE else log
    return subprocess.Popen(argv, stdin=stdin, stdout=stdout, stderr=log, cwd=cwd, env=env, start_new_session=True)


def terminate(process: subprocess.Popen[bytes], grace_s: float = GRACE_S) -> None:
    """End a process we started and everything in its session: SIGTERM, then SIGKILL after the grace period."""
    if process.poll() is None:
        signal_group(process.pid, signal.SIGCONT)
        process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(grace_s)
    signal_group(process.pid, signal.SIGKILL)
    process.wait()


def signal_group(leader: int, number: int) -> None:
    """Send a signal to all processes of a group that may be gone already."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(leader, number)


def group_is_alive(leader: int) -> bool:
    """Tell whether a process group has any process left."""
    try:
        os.killpg(leader, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def put_under_guard(pid: int, folder: Path) -> None:
    """Have a process group ended and its folder removed when we end, even if we are killed."""
    _tell_guardian(f"+{pid} {folder}")


def take_from_guard(pid: int) -> None:
    """Tell that a process group is ended."""
    _tell_guardian(f"-{pid}")


@functools.cache
def _guardian() -> IO[bytes]:
    """Start bakeoff.host.guardian; it lives as long as we hold its stdin."""
    argv = [sys.executable, "-m", "bakeoff.host.guardian"]
    process = subprocess.Popen(argv, stdin=subprocess.PIPE, start_new_session=True, env=child_environment())
    if process.stdin is None:
        raise BakeoffError("bakeoff.host.guardian has no stdin")
    return process.stdin


def _tell_guardian(line: str) -> None:
    stdin = _guardian()
    stdin.write(line.encode() + b"\n")
    stdin.flush()


def log_end(path: Path, lines: int = 15) -> str:
    """Return the last lines of a log file, or a note that it holds nothing."""
    try:
        text = path.read_text(encoding="utf-8", errors="replace").strip()
    except OSError as error:
        return f"(no log: {error})"
    return "\n".join(text.splitlines()[-lines:]) or "(its log is empty)"
