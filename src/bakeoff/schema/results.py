"""results.json: what a run found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from bakeoff.schema.artifact import Artifact, MissingArtifact, Parity
from bakeoff.schema.comparison import Comparison, Summary
from bakeoff.schema.edge import EdgeMeasurement
from bakeoff.schema.measurement import Measurement
from bakeoff.schema.model import Model
from bakeoff.schema.names import PlatformName
from bakeoff.schema.reasons import Reason


@dataclass(frozen=True, slots=True)
class Startup:
    """Seconds from a server's start to its ports being open, and from there to the first right answers."""

    listening_s: float
    answering_s: float


@dataclass(frozen=True, slots=True)
class InProcess:
    """What an artifact takes in process, without any server: ms a prediction of batch 1, with the target's threads."""

    model: str
    target: str
    format: str
    p50_ms: float
    predictions: int


@dataclass(frozen=True, slots=True)
class TargetState:
    """What became of a target in this run.

    `ready_seconds`, `startup` and `idle_rss_bytes` are by "MODEL FORMAT"; the last is the memory of all its processes
    after the first right answers and before any load. `install_bytes`: its environment on disk (local) or its image.
    `workers` and `threads`: what its server was started with.
    """

    name: str
    framework: str
    server: str
    version: str | None
    status: Literal["available", "unavailable", "failed"]
    reason: Reason | None = None
    remedy: Reason | None = None
    ready_seconds: dict[str, float] | None = None
    startup: dict[str, Startup] | None = None
    idle_rss_bytes: dict[str, int] | None = None
    install_bytes: int | None = None
    workers: int | None = None
    threads: int | None = None


@dataclass(frozen=True, slots=True)
class Support:
    """Whether a target's runtime can load an artifact, and what it said if it can't."""

    model: str
    target: str
    format: str
    supported: bool
    max_abs_error: float | None
    message: Reason | None


@dataclass(frozen=True, slots=True)
class Image:
    """A container image that was used; `own_bytes` are its layers above the base image.

    The id is that of its configuration; a digest exists where it came from a registry.
    """

    target: str
    name: str
    id: str
    digest: str | None
    size_bytes: int
    own_bytes: int | None


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What was around servers and load.

    `network`: what lies between load and server; `resources`: whether the servers' CPU time and memory could be read;
    CPU sets as taskset writes them; `engine`: the container engine and its version.
    """

    network: Literal["loopback", "bridge", "host"]
    resources: bool
    server_cpus: str
    load_cpus: str
    memory_limit_bytes: int | None = None
    engine: str | None = None


@dataclass(frozen=True, slots=True)
class Report:
    """results.json.

    `paused`: whether idle servers were stopped while another was measured; `restarted`: whether servers were restarted
    between rounds; `reference`: the endpoint that verdicts compare with; `finished`: models of which all rounds ran;
    `edge`: what `bakeoff sizes --measure` found of the artifacts before.
    """

    schema_version: int
    created_at: str
    command: str
    seed: int
    machine: dict[str, object]
    config: dict[str, object]
    models: tuple[Model, ...]
    artifacts: tuple[Artifact, ...]
    parity: tuple[Parity, ...]
    support: tuple[Support, ...]
    targets: tuple[TargetState, ...]
    measurements: tuple[Measurement, ...]
    summary: tuple[Summary, ...]
    comparisons: tuple[Comparison, ...]
    platform: PlatformName = "local"
    paused: bool = True
    surroundings: Surroundings | None = None
    images: tuple[Image, ...] = ()
    in_process: tuple[InProcess, ...] = ()
    restarted: bool = False
    reference: str | None = None
    finished: tuple[str, ...] = ()
    missing_artifacts: tuple[MissingArtifact, ...] = ()
    edge: tuple[EdgeMeasurement, ...] = ()

    def configured(self, key: str) -> tuple[Any, ...]:
        """Return what the configuration lists under a key: nothing where it has no list there, as an edited one may."""
        found = self.config.get(key)
        return tuple(found) if isinstance(found, list | tuple) else ()
