"""What artifacts cost in process, in the runtimes of edge devices."""

from __future__ import annotations

from dataclasses import dataclass

from bakeoff.schema.reasons import Reason


@dataclass(frozen=True, slots=True)
class EdgeProcess:
    """What one fresh process saw of an artifact in process, at batch 1 and pinned to as many CPUs as threads.

    ns; percentiles over `count` steady predictions. `peak_bytes`: of resident memory, over what it was with the runtime
    imported and nothing loaded. `waited`: of the CPU time that its threads wanted while steady, the share they had to
    wait for, because others had the CPUs.
    """

    threads: int
    load_ns: int
    first_ns: int
    p10_ns: int
    p50_ns: int
    p90_ns: int
    count: int
    peak_bytes: int | None
    waited: float


@dataclass(frozen=True, slots=True)
class EdgeMeasurement:
    """What an artifact costs in process in one runtime; with a `reason` it couldn't be measured, and nothing else is.

    Sizes are of the runtime's package, of the packages that it requires, and of its own shared objects that were
    loaded. `max_abs_error`: against PyTorch, in this runtime.
    """

    model: str
    format: str
    sha256: str
    runtime: str
    measured_at: str
    cpu: str
    reason: Reason | None = None
    version: str | None = None
    runtime_bytes: int | None = None
    dependencies_bytes: int | None = None
    shared_objects_bytes: int | None = None
    max_abs_error: float | None = None
    processes: tuple[EdgeProcess, ...] = ()
