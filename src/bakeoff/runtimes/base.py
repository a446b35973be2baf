"""What every runtime offers; each is one module with these functions."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from bakeoff.config import Cpus
from bakeoff.export import ExportOptions
from bakeoff.load import Workers
from bakeoff.show import Show
from bakeoff.types import Endpoint, Image, MemorySource, Plan, RuntimeName, Surroundings, Target, Trial

# Exit statuses of a server program (sysexits.h): how it tells "not here" and "not this file" from a failure.
EX_DATAERR, EX_UNAVAILABLE = 65, 69
CHECK_S = 120

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
class Usage:
    """CPU time that a server used so far, its peak memory, and where that is from."""

    cpu_seconds: float
    peak_rss_bytes: int
    memory_from: MemorySource = "processes"


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

    def open_load(
        self, plan: Plan, folder: Path, cpus: str, workers: Workers, show: Show
    ) -> AbstractContextManager[Load]:
        """Start the load generator for a plan."""

    def surroundings(self, cpus: Cpus) -> Surroundings:
        """Describe what is around servers and load."""

    def images(self) -> tuple[Image, ...]:
        """Return the container images that were used so far."""
