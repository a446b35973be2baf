"""A real run of a few seconds, into which a fault can be put; benchmarks/long/faults.py uses it, too."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import psutil
from checkout import ROOT, SERVERS, our_processes, results_of, wait_for_a_measurement

EXPERIMENT = """
models = ["digits_cnn"]
targets = ["lean-tflite", "lean-litert"]
protocols = ["grpc"]
rounds = 2
reference = ""
price_per_hour = 0.1
seed = 5
base_port = 0
[[workloads]]
name = "c1"
arrival = "closed"
concurrency = 1
warmup_s = 0.1
duration_s = 0.6
batch_size = 1
timeout_s = 2.0
[cpus]
server = "auto"
load = "auto"
[quick]
models = ["digits_cnn"]
workloads = ["c1"]
rounds = 1
warmup_s = 0.1
duration_s = 0.5
"""


ALL = {0, 1}
STATUS = {signal.SIGINT: 130, signal.SIGTERM: 143}
LATEST_S = 10.0  # after its begin; a run of this many rounds goes on for longer, however fast the machine
LONG = ("--rounds", "10")


class FaultyRun:
    """A run that goes on in the background; `folder` is its DIR."""

    def __init__(self, folder: Path, arguments: tuple[str, ...], environment: dict[str, str]) -> None:
        self.folder = folder
        self.process = subprocess.Popen(
            [str(ROOT / ".venv" / "bin" / "bakeoff"), "run", *arguments],
            cwd=ROOT,
            env={**os.environ, **environment},
            stderr=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            text=True,
        )
        self.said = ""

    def begun(self) -> FaultyRun:
        """Wait until it has begun: its folder is there."""
        while not (self.folder / "results.json").exists() and self.process.poll() is None:
            time.sleep(0.01)
        return self

    def under_way(self) -> FaultyRun:
        """Wait for its first measurement."""
        wait_for_a_measurement(self.folder, self.process)
        return self

    def end(self) -> int:
        """Wait for its end and return its exit status; what it said is in `said`."""
        self.said = self.process.communicate(timeout=1500)[1]
        return self.process.returncode

    @property
    def results(self) -> dict[str, Any]:
        return results_of(self.folder)

    def rounds(self, target: str) -> set[int]:
        """Return the rounds in which a target answered; on a busy machine none of its trials need be valid."""
        rows = (m for m in self.results["measurements"] if m["target"] == target)
        return {m["round"] for m in rows if m["request_count"] > m["error_count"]}

    @property
    def problems(self) -> list[str]:
        """What it said was not measured."""
        return [line for line in self.said.splitlines() if line.startswith("- ")]

    def state(self, target: str) -> dict[str, Any]:
        """Return what became of a target."""
        return next(state for state in self.results["targets"] if state["name"] == target)


def server(target: str) -> psutil.Process:
    """Return the main process of a target that is up: the one whose parent doesn't live in its folder."""
    own = [p for p in psutil.process_iter(["cwd"]) if str(p.info["cwd"] or "").startswith(f"{SERVERS}/{target}-")]
    pids = {p.pid for p in own}
    return next(p for p in own if p.ppid() not in pids)


def interrupt(run: FaultyRun, number: signal.Signals, draw: random.Random) -> bool:
    """Send a signal at a random moment after the begin and wait for the end; return whether the run had not ended."""
    run.begun()
    time.sleep(draw.uniform(0.0, LATEST_S))
    going = run.process.poll() is None
    run.process.send_signal(number)
    run.end()
    return going


def left_behind() -> list[str]:
    """Return the command lines of our processes and the names of servers' folders: none where no run goes on."""
    folders = SERVERS.iterdir() if SERVERS.exists() else ()
    return our_processes() + [path.name for path in folders]
