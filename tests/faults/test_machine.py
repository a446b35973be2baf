"""What the machine does to a run: a full disk, a folder that can't be written, a clock that jumps, signals."""

from __future__ import annotations

import random
import shutil
import signal
import struct
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from faulty_run import ALL, LONG, STATUS, FaultyRun, interrupt

Start = Callable[..., FaultyRun]


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 4 MB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(folder)], capture_output=True)
    if mounted.returncode != 0:
        pytest.skip("a file system can't be mounted here: it takes root")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


def test_a_full_disk_ends_with_a_message_and_the_run_goes_on_later(small_disk: Path, start: Start) -> None:
    run = start(folder=small_disk / "run").under_way()
    filler = small_disk / "filler"
    with filler.open("wb", buffering=0) as file:
        for size in (1 << 16, 1 << 8):
            try:
                while True:
                    file.write(b"\0" * size)
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
    assert again.rounds("lean-tflite") == ALL


def test_a_results_file_that_can_not_be_replaced_ends_with_a_message(small_disk: Path, start: Start) -> None:
    run = start(folder=small_disk / "run").under_way()
    results = run.folder / "results.json"
    subprocess.run(["mount", "--bind", str(results), str(results)], check=True)  # a mode wouldn't stop root
    try:
        assert run.end() == 1
        assert "results.json" in run.said and "busy" in run.said and "Traceback" not in run.said
        assert run.results["measurements"]
    finally:
        subprocess.run(["umount", "--lazy", str(results)], check=True)


@pytest.mark.parametrize(("seed", "number"), [(1, signal.SIGINT), (2, signal.SIGTERM)])
def test_a_signal_at_a_random_moment_leaves_nothing(start: Start, seed: int, number: signal.Signals) -> None:
    run = start(*LONG)
    assert interrupt(run, number, random.Random(seed))
    assert run.process.returncode == STATUS[number], run.said
    assert "Traceback" not in run.said


@pytest.fixture
def stepped_clock(tmp_path: Path) -> tuple[Path, Path]:
    """A library that steps the wall clock of whoever loads it, and the file with the seconds."""
    library, seconds = tmp_path / "stepped_clock.so", tmp_path / "seconds"
    compiler = shutil.which("cc")
    if compiler is None:
        pytest.skip("there is no C compiler to make the stepped clock with")
    source = Path(__file__).with_name("stepped_clock.c")
    subprocess.run([compiler, "-shared", "-fPIC", "-O1", "-o", library, source, "-ldl"], check=True)
    seconds.write_bytes(struct.pack("d", 0.0))
    return library, seconds


def test_a_wall_clock_that_jumps_changes_no_measurement(start: Start, stepped_clock: tuple[Path, Path]) -> None:
    library, seconds = stepped_clock
    run = start(LD_PRELOAD=str(library), STEPPED_CLOCK=str(seconds)).under_way()
    with seconds.open("r+b") as file:  # in place: it is mapped
        file.write(struct.pack("d", -3600.0))
    run.end()
    assert not run.problems and "Traceback" not in run.said
    assert run.rounds("lean-tflite") == run.rounds("lean-litert") == ALL
    for m in run.results["measurements"]:
        assert 0 < m["service_ms"]["mean"] < m["service_ms"]["max"] < 2000
        # One caller: a second has a second's requests, and one that was under way at each end of it.
        edges = 1 + (m["service_ms"]["max"] / 600) + 2 / m["request_count"]
        assert 0 < m["throughput_rps"] * m["service_ms"]["mean"] < 1000 * edges
