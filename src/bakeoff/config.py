"""bench.toml: the experiment as its user writes it."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import ClassVar

from bakeoff.errors import UsageError, one_of
from bakeoff.files import ROOT, read_toml, validated
from bakeoff.types import PROTOCOLS, STRICT, Protocol, Workload

DEFAULT = ROOT / "bench.toml"


@dataclass(frozen=True, slots=True)
class Cpus:
    """CPU sets of the servers and of the load generator, as taskset writes them."""

    __pydantic_config__: ClassVar[dict[str, str]] = STRICT

    server: str = "auto"
    load: str = "auto"


@dataclass(frozen=True, slots=True)
class Quick:
    """What --quick changes in the experiment."""

    __pydantic_config__: ClassVar[dict[str, str]] = STRICT

    models: tuple[str, ...]
    rounds: int
    warmup_s: float
    duration_s: float


@dataclass(frozen=True, slots=True)
class Config:
    """One experiment: which endpoints, which workloads, how often."""

    __pydantic_config__: ClassVar[dict[str, str]] = STRICT

    models: tuple[str, ...]
    targets: tuple[str, ...]
    workloads: tuple[Workload, ...]
    quick: Quick
    protocols: tuple[Protocol, ...] = PROTOCOLS
    formats: tuple[str, ...] = ()
    rounds: int = 1
    seed: int = 0
    base_port: int = 0
    cpus: Cpus = field(default_factory=Cpus)


def load_config(path: Path, models: Iterable[str], targets: Iterable[str]) -> Config:
    """Read an experiment; raise UsageError naming the file, the key and what is allowed.

    `models` and `targets` are the names there are.
    """
    config = validated(Config, read_toml(path), path)
    known_models, known_targets = tuple(models), tuple(targets)
    for key, names, known in (
        ("models", config.models, known_models),
        ("quick.models", config.quick.models, known_models),
        ("targets", config.targets, known_targets),
    ):
        for name in names:
            if name not in known:
                raise UsageError(f"{path}: {key}: {name!r} is unknown; allowed: {one_of(known)}")
    _check_workloads(path, config.workloads)
    for key, number in (("rounds", config.rounds), ("quick.rounds", config.quick.rounds)):
        if number < 1:
            raise UsageError(f"{path}: {key}: is {number}; allowed: 1 or more")
    if not 0 <= config.base_port <= 65000:
        raise UsageError(f"{path}: base_port: is {config.base_port}; allowed: 0 (any free port) to 65000")
    return config


def shorten(config: Config) -> Config:
    """Return the experiment that --quick runs."""
    quick = config.quick
    workloads = tuple(replace(w, warmup_s=quick.warmup_s, duration_s=quick.duration_s) for w in config.workloads)
    return replace(config, models=quick.models, rounds=quick.rounds, workloads=workloads)


def resolve_cpus(cpus: Cpus) -> Cpus:
    """Replace "auto" by halves of the CPUs this process may use; one CPU is shared by both.

    An explicit set is returned as it is; `taskset` refuses one that the machine doesn't have.
    """
    available = sorted(os.sched_getaffinity(0))
    middle = max(1, len(available) // 2)
    halves = (available[:middle], available[middle:] or available)
    server, load = (",".join(map(str, half)) for half in halves)
    return Cpus(server if cpus.server == "auto" else cpus.server, load if cpus.load == "auto" else cpus.load)


def _check_workloads(path: Path, workloads: tuple[Workload, ...]) -> None:
    if not workloads:
        raise UsageError(f"{path}: workloads: is empty; it takes at least one [[workloads]] table")
    names = [workload.name for workload in workloads]
    for at, workload in enumerate(workloads):
        where = f"{path}: workloads.{at}"
        if names.count(workload.name) > 1:
            raise UsageError(f"{where}.name: {workload.name!r} stands twice; names must differ")
        if not workload.name.replace("-", "").replace("_", "").isalnum():
            raise UsageError(f"{where}.name: {workload.name!r}; allowed: letters, digits, - and _")
        if workload.arrival != "closed":
            raise UsageError(f"{where}.arrival: {workload.arrival!r} is not measured yet; allowed: closed")
        if not workload.concurrency or not 1 <= workload.concurrency <= 1000:
            raise UsageError(f"{where}.concurrency: is {workload.concurrency}; allowed: 1 to 1000")
        if workload.batch_size < 1:
            raise UsageError(f"{where}.batch_size: is {workload.batch_size}; allowed: 1 or more")
        if workload.duration_s <= 0 or workload.warmup_s < 0 or workload.timeout_s <= 0:
            raise UsageError(f"{where}: duration_s and timeout_s must be above 0, warmup_s 0 or more")
