"""What a killed bakeoff leaves is ended: running or paused, with children."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from bakeoff.host.processes import group_is_alive

PROGRAM = "import subprocess, time; subprocess.Popen(['sleep', '600']); print('up', flush=True); time.sleep(600)"


@pytest.mark.parametrize("paused", [False, True], ids=["running", "paused"])
def test_a_guarded_group_ends_with_the_pipe(paused: bool, tmp_path: Path) -> None:
    folder = tmp_path / "private"
    folder.mkdir()
    server = subprocess.Popen([sys.executable, "-c", PROGRAM], stdout=subprocess.PIPE, start_new_session=True)
    assert server.stdout and server.stdout.readline() == b"up\n"
    if paused:
        os.killpg(server.pid, signal.SIGSTOP)
    guardian = subprocess.Popen([sys.executable, "-m", "bakeoff.host.guardian"], stdin=subprocess.PIPE, text=True)
    assert guardian.stdin
    guardian.stdin.write(f"+{server.pid} {folder}\n")
    guardian.stdin.close()
    server.wait(30)  # at once: until somebody has taken note of its end, it counts as alive
    guardian.wait(30)
    deadline = time.monotonic() + 600
    while group_is_alive(server.pid) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not group_is_alive(server.pid)
    assert not folder.exists()


def test_what_was_taken_from_guard_is_left_alone(tmp_path: Path) -> None:
    server = subprocess.Popen(["sleep", "600"], start_new_session=True)
    guardian = subprocess.Popen([sys.executable, "-m", "bakeoff.host.guardian"], stdin=subprocess.PIPE, text=True)
    guardian.communicate(f"+{server.pid} {tmp_path}\n-{server.pid}\n", timeout=600)
    try:
        assert server.poll() is None and tmp_path.exists()
    finally:
        server.kill()
        server.wait()
