"""What a killed bakeoff left is found by its owner, and nothing else is touched."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from bakeoff.platforms.leftovers import OWNER, clear_leftovers, started_at, write_owner


@pytest.fixture
def sleeper() -> Iterator[subprocess.Popen[bytes]]:
    """A process in a session of its own, as servers are, and stopped as idle servers are."""
    process = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(100)"], start_new_session=True)
    process.send_signal(signal.SIGSTOP)
    yield process
    process.kill()
    process.wait()


def disown(folder: Path) -> None:
    """Let the folder's owner be a process that is gone."""
    gone = subprocess.Popen([sys.executable, "-c", ""])
    owner = (gone.pid, started_at(gone.pid))
    gone.wait()
    rows = json.loads((folder / OWNER).read_text(encoding="ascii"))
    (folder / OWNER).write_text(json.dumps(rows | {"bakeoff": owner}), encoding="ascii")


def test_a_server_whose_bakeoff_is_gone_is_ended(tmp_path: Path, sleeper: subprocess.Popen[bytes]) -> None:
    folder = tmp_path / "tflite-1"
    folder.mkdir()
    write_owner(folder, sleeper.pid)
    disown(folder)
    assert clear_leftovers(tmp_path) == ["tflite-1"]
    assert sleeper.wait(20) == -signal.SIGKILL
    assert not folder.exists()


def test_a_living_bakeoff_keeps_its_servers(tmp_path: Path, sleeper: subprocess.Popen[bytes]) -> None:
    folder = tmp_path / "tflite-1"
    folder.mkdir()
    write_owner(folder, sleeper.pid)
    assert clear_leftovers(tmp_path) == []
    assert sleeper.poll() is None and folder.exists()


def test_another_process_with_the_pid_is_left_alone(tmp_path: Path) -> None:
    folder = tmp_path / "tflite-1"
    folder.mkdir()
    write_owner(folder, os.getpid())
    disown(folder)
    rows = json.loads((folder / OWNER).read_text(encoding="ascii"))
    (folder / OWNER).write_text(json.dumps(rows | {"server": [os.getpid(), 1.0]}), encoding="ascii")
    assert clear_leftovers(tmp_path) == ["tflite-1"]
