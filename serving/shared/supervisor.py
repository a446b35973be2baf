"""Run the two halves of a server, one for REST and one for gRPC, as one server."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from types import FrameType
from typing import NoReturn

from end_with_parent import end_with_parent

STOP_SECONDS = 7.0  # the whole server must be gone within 10


class _Stopped(Exception):
    """A signal asked to stop."""


def supervise(commands: dict[str, list[str]], environment: dict[str, str]) -> int:
    """Run commands until a signal comes or the first of them ends, end the others, and return the exit status."""
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _stop)
    own_id = os.getpid()
    children: dict[str, subprocess.Popen[bytes]] = {}
    try:
        for name, command in commands.items():
            children[name] = subprocess.Popen(
                command, env=environment, preexec_fn=lambda: end_with_parent(own_id, signal.SIGTERM)
            )
        ended = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOWAIT)
        name = next((name for name, child in children.items() if child.pid == ended.si_pid), "a child")
        sys.stderr.write(f"error: {name} ended with status {ended.si_status}; what it said stands above\n")
        return 1
    except _Stopped:
        return 0
    finally:
        _end(list(children.values()))


def _stop(number: int, frame: FrameType | None) -> NoReturn:
    raise _Stopped


def _end(children: list[subprocess.Popen[bytes]]) -> None:
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.SIG_IGN)
    for child in children:
        child.terminate()
    deadline = time.monotonic() + STOP_SECONDS
    for child in children:
        try:
            child.wait(max(0.0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()
