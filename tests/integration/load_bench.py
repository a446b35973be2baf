"""A server of known behaviour, and trials of it by the real load generator."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from bakeoff.analysis.summary import summarize_trial
from bakeoff.host.cpus import Cpus, resolve_cpus
from bakeoff.host.processes import confined
from bakeoff.host.venvs import ensure_venv
from bakeoff.measure.generator import REQUIREMENTS, LoadGenerator, LoadWorkers, start_load
from bakeoff.measure.samples import read_samples
from bakeoff.platforms.ports import free_ports, port_is_free
from bakeoff.schema import Endpoint, Measurement, Model, Plan, TensorSpec, Trial, Workload
from bakeoff.schema.samples import TrialSamples

SPEC = ("float32", (None, 2))
MODEL = Model("double", "0" * 64, (TensorSpec("x", *SPEC),), (TensorSpec("y", *SPEC),), 1e-4, 0.0)
BODY = b'{"instances": [[0.0, 1.0]]}'
CPUS = resolve_cpus(Cpus())


class KnownServer:
    """A running known_server.py."""

    def __init__(self, *options: str) -> None:
        self.port = free_ports(1)[0]
        program = str(Path(__file__).with_name("load") / "known_server.py")
        argv = confined([sys.executable, program, str(self.port), *options], CPUS.server)
        self.process = subprocess.Popen(argv, stdout=subprocess.PIPE, text=True)
        while port_is_free(self.port):
            time.sleep(0.01)
        self.endpoint = Endpoint(
            "known-rest", "double", "known", "torchscript", "rest", "tfserving-rest", "127.0.0.1", self.port
        )

    def end(self) -> dict[str, Any]:
        """End it; return what it says of itself."""
        self.process.terminate()
        out, _ = self.process.communicate(timeout=600)
        said: dict[str, Any] = json.loads(out)
        return said


@dataclass
class Bench:
    """The load generator with a plan of one endpoint and these workloads."""

    load: LoadGenerator
    endpoint: Endpoint
    trials: dict[str, Trial] = field(default_factory=dict)

    def run(self, workload: str) -> tuple[Measurement, TrialSamples]:
        """Run a workload's trial; return what it says and its rows."""
        trial = self.trials[workload]
        self.load.run_trial(trial, self.endpoint)
        samples = read_samples(Path(str(trial.samples)))
        return summarize_trial(trial, self.endpoint, samples), samples

    @property
    def pid(self) -> int:
        """The coordinator's process id."""
        return self.load._process.pid


StartServer = Callable[..., KnownServer]
MakeBench = Callable[..., Bench]


@pytest.fixture
def known_server() -> Iterator[StartServer]:
    """Return a function that starts a known server."""
    with ExitStack() as stack:

        def start(*options: str) -> KnownServer:
            server = KnownServer(*options)
            stack.callback(server.process.kill)
            return server

        yield start


@pytest.fixture
def make_bench(tmp_path: Path) -> Iterator[MakeBench]:
    """Return a function that starts the load generator against an endpoint."""
    python = ensure_venv(REQUIREMENTS, say=print)
    (tmp_path / "body.bin").write_bytes(BODY)
    with ExitStack() as stack:

        def make(endpoint: Endpoint, *workloads: Workload, workers: int = 1, body: Path | None = None) -> Bench:
            trials = tuple(
                Trial(w.name, endpoint.id, w, 0, at, str(tmp_path / f"{w.name}.parquet"))
                for at, w in enumerate(workloads)
            )
            requests = {endpoint.wire: {1: (str(body or tmp_path / "body.bin"),)}}
            plan = Plan(MODEL, "unused", (endpoint,), requests)
            load = stack.enter_context(closing(start_load(python, plan, tmp_path, CPUS.load, LoadWorkers(workers))))
            return Bench(load, endpoint, {trial.id: trial for trial in trials})

        yield make
