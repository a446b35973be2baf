"""What every runtime offers; each is one module with these functions."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from bakeoff.artifacts.export import ExportOptions
from bakeoff.host.cpus import Cpus
from bakeoff.host.progress import Show
from bakeoff.measure.generator import LoadGenerator, Workers
from bakeoff.schema import (
    Endpoint,
    Image,
    MemorySource,
    Plan,
    Reason,
    RuntimeName,
    Startup,
    Surroundings,
    Target,
    Trial,
)

# Exit statuses of a server program (sysexits.h): how it tells "not here" and "not this file" from a failure.
EX_DATAERR, EX_UNAVAILABLE = 65, 69
CHECK_S = 120
BARE_S = 120  # most of it for PyTorch or TensorFlow to be imported on a busy machine

Canary = Callable[[Endpoint], str | None]
"""Asks an endpoint for one prediction; returns None, or what went wrong."""


@dataclass(frozen=True, slots=True)
class StartOptions:
    """How a server is started: REST and gRPC port (None: any free), CPU set, and whether it outlives bakeoff."""

    ports: tuple[int, int] | None = None
    cpus: str | None = None
    detached: bool = False


@dataclass(frozen=True, slots=True)
class FormatCheck:
    """What a target's runtime did with an artifact; `outputs` are its answers to the golden inputs, by output name."""

    runtime: str
    ok: bool
    max_abs_error: float | None
    message: str | None
    outputs: dict[str, np.ndarray[Any, Any]]


@dataclass(frozen=True, slots=True)
class BareTime:
    """What an artifact takes in process: the median of so many predictions of one row."""

    p50_ms: float
    predictions: int


def read_bare_time(said: str) -> BareTime:
    """Read the JSON line that a program with --bare ends with; raises ValueError, KeyError or IndexError."""
    line = json.loads(said.strip().splitlines()[-1])
    return BareTime(float(line["p50_ms"]), int(line["predictions"]))


@dataclass(frozen=True, slots=True)
class Usage:
    """CPU time that a server used so far, its peak memory, and where that is from; `rss_bytes`: its memory now."""

    cpu_seconds: float
    peak_rss_bytes: int
    memory_from: MemorySource = "processes"
    rss_bytes: int | None = None


def split_startup(listening_s: float | None, answering_s: float) -> Startup:
    """Split the seconds from a server's start to its first right answers at the moment when its ports were open.

    A server that was first seen open when it answered was ready with that.
    """
    opened = answering_s if listening_s is None else min(listening_s, answering_s)
    return Startup(opened, answering_s - opened)


def not_ready(target: Target, endpoint: str, problem: str | None, log: str) -> Reason:
    """Return why a server that runs is given up: what an endpoint last answered, and the end of the log."""
    where = {"target": target.name, "endpoint": endpoint, "problem": problem, "log": log}
    return Reason("not_ready", {"seconds": target.start_timeout_s, **where})


class Server(Protocol):
    """A target that was started for one model and format."""

    @property
    def target(self) -> Target:
        """The target."""

    @property
    def format(self) -> str:
        """The format it serves."""

    @property
    def endpoints(self) -> tuple[Endpoint, ...]:
        """Its endpoints, with addresses that this process can reach."""

    @property
    def ready_seconds(self) -> float | None:
        """How long it took from its start to the first right answers."""

    @property
    def startup(self) -> Startup | None:
        """The same, split; None where its start was not seen."""


class Load(Protocol):
    """A load generator that is ready."""

    def run_trial(self, trial: Trial, endpoint: Endpoint) -> int:
        """Run a trial to its end; return how many requests were sent."""


class Runtime(Protocol):
    """A module that brings servers up and down. Servers are the module's own: it gets back what it gave."""

    NAME: RuntimeName
    PAUSES: bool
    CHECKS: bool
    """Whether `check_format` can be asked."""

    def open(self) -> None:
        """Make ready to start; raise BakeoffError where this runtime can't be used on this machine."""

    def close(self) -> None:
        """Leave nothing behind that `stop` has not ended."""

    def resolve_cpus(self, cpus: Cpus) -> Cpus:
        """Replace "auto"."""

    def export(self, model: str, options: ExportOptions, show: Show) -> tuple[Path, list[str]]:
        """Export a model; return its artifacts' folder on this machine and a line for each format that failed."""

    def prepare(self, target: Target, show: Show) -> tuple[Any, str | None]:
        """Make what a target runs in; return it and the server's version. Raises TargetUnavailable, TargetFailed."""

    def check_format(self, target: Target, prepared: Any, model: str, model_dir: Path, format: str) -> FormatCheck:
        """Run a target's own check of an artifact."""

    def time_bare(
        self, target: Target, prepared: Any, model_dir: Path, format: str, cpus: str | None
    ) -> BareTime | None:
        """Time an artifact without a server, in a target's environment and on a CPU set; None where it can't be done.

        Raises TargetFailed.
        """

    def install_bytes(self, target: Target, prepared: Any) -> int | None:
        """Return what a target takes on disk, its environment or image; None where there is none of its own."""

    def start(
        self,
        target: Target,
        format: str,
        endpoints: list[Endpoint],
        model_dir: Path,
        prepared: Any,
        options: StartOptions,
    ) -> Server:
        """Start a server."""

    def wait_ready(self, server: Any, canary: Canary) -> None:
        """Wait until a canary prediction succeeds on every endpoint; else end the server and raise BakeoffError."""

    def alive(self, server: Any) -> bool:
        """Tell whether a server still runs."""

    def last_words(self, server: Any) -> str:
        """Say how a server ended, with its log's end."""

    def pause(self, server: Any) -> None:
        """Stop a server from running until `resume`."""

    def resume(self, server: Any) -> None:
        """Let a paused server run on."""

    def stop(self, server: Any) -> None:
        """End a server and remove what it had."""

    def read_usage(self, server: Any) -> Usage | None:
        """Read what a server used so far, None where that can't be seen."""

    def read_metrics(self, server: Any) -> str | None:
        """Fetch the metrics page of a server that is not paused; None where it has none or it can't be had."""

    def open_load(self, plan: Plan, folder: Path, cpus: str, workers: Workers, show: Show) -> LoadGenerator:
        """Start the load generator for a plan."""

    def surroundings(self, cpus: Cpus) -> Surroundings:
        """Describe what is around servers and load."""

    def images(self) -> tuple[Image, ...]:
        """Return the container images that were used so far."""
