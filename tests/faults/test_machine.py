"""What the machine does to a run: a full disk, a folder that can't be written, a clock that jumps, signals."""

from __future__ import annotations

import random
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from .conftest import ALL, FaultyRun

Start = Callable[..., FaultyRun]
STATUS = {signal.SIGINT: 130, signal.SIGTERM: 143}
STEPPED_CLOCK = Path("/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1")


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 4 MB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(folder)], capture_output=True)
    if mounted.returncode != 0:
        pytest.skip("a file system can't be mounted here: it takes root")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def test_a_full_disk_ends_with_a_message_and_the_run_goes_on_later(start: Start, small_disk: Path) -> None:
    run = start(folder=small_disk / "run").under_way()
    filler = small_disk / "filler"
    with filler.open("wb") as file:
        for size in (1 << 16, 1 << 8):
            try:
                while True:
                    file.write(b"\0" * size)
                    file.flush()
            except OSError:
                continue
    assert run.end() == 1
    assert "No space left on device" in run.said and "Traceback" not in run.said
    before = {m["trial_id"] for m in run.results["measurements"]}
    assert before
    filler.unlink()
    again = start(folder=run.folder, resume=True)
    again.end()
    assert not again.problems and "Traceback" not in again.said
    assert before <= {m["trial_id"] for m in again.results["measurements"]}
    assert again.rounds("tflite") == ALL


def test_a_folder_that_became_read_only_ends_with_a_message(start: Start, small_disk: Path) -> None:
    run = start(folder=small_disk / "run").under_way()
    done = subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], capture_output=True)
    if done.returncode != 0:  # a file was open for writing just then
        pytest.skip("the file system can't be made read-only")
    assert run.end() == 1
    assert "Read-only file system" in run.said and "Traceback" not in run.said
    assert run.results["measurements"]
    subprocess.run(["mount", "-o", "remount,rw", str(small_disk)], check=True)


@pytest.mark.parametrize(("seed", "number"), [(1, signal.SIGINT), (2, signal.SIGTERM), (3, signal.SIGINT)])
def test_a_signal_at_a_random_moment_leaves_nothing(start: Start, seed: int, number: signal.Signals) -> None:
    run = start()
    time.sleep(random.Random(seed).uniform(1.5, 12.0))
    run.process.send_signal(number)
    assert run.end() == STATUS[number], run.said
    assert "Traceback" not in run.said


def test_a_wall_clock_that_jumps_changes_no_measurement(start: Start, tmp_path: Path) -> None:
    if not STEPPED_CLOCK.exists():
        pytest.skip("libfaketime is not installed (Debian: apt install faketime)")
    clock = tmp_path / "clock"
    clock.write_text("+0\n", encoding="ascii")
    run = start(
        LD_PRELOAD=str(STEPPED_CLOCK),
        FAKETIME_TIMESTAMP_FILE=str(clock),
        FAKETIME_NO_CACHE="1",
        FAKETIME_DONT_FAKE_MONOTONIC="1",
    ).under_way()
    clock.write_text("-3600\n", encoding="ascii")
    run.end()
    assert not run.problems and "Traceback" not in run.said
    for m in run.results["measurements"]:
        assert 0 < m["service_ms"]["p50"] < 1000
        assert m["verdict"] == "valid" or not any("lag" in reason for reason in m["reasons"])
