"""bench.toml: the experiment as its user writes it."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import ClassVar

from bakeoff.catalog import find_models
from bakeoff.errors import UsageError, one_of
from bakeoff.files import ROOT, read_toml, validated
from bakeoff.types import FORMATS, PROTOCOLS, STRICT, Protocol, Workload
from bakeoff.workloads import check_times, check_workloads

DEFAULT = ROOT / "bench.toml"


@dataclass(frozen=True, slots=True)
class Cpus:
    """CPU sets of the servers and of the load generator, as taskset writes them."""

    __pydantic_config__: ClassVar[dict[str, str]] = STRICT

    server: str = "auto"
    load: str = "auto"


@dataclass(frozen=True, slots=True)
class Quick:
    """What --quick changes in the experiment; no workloads means all of them."""

    __pydantic_config__: ClassVar[dict[str, str]] = STRICT

    models: tuple[str, ...]
    rounds: int
    warmup_s: float
    duration_s: float
    workloads: tuple[str, ...] = ()


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
    reference: str = ""
    price_per_hour: float | None = None
    seed: int = 0
    base_port: int = 0
    cpus: Cpus = field(default_factory=Cpus)


def load_config(path: Path, models: Iterable[str], targets: Iterable[str]) -> Config:
    """Read an experiment; raise UsageError naming the file, the key and what is allowed.

    `models` are the zoo's names, `targets` the names there are. Paths of models begin at the file's folder.
    """
    return check_config(validated(Config, read_toml(path), path), path, models, targets)


def check_config(config: Config, path: Path, models: Iterable[str], targets: Iterable[str]) -> Config:
    """Return a file's experiment with its models written out; raise UsageError as load_config does."""
    known_targets = tuple(targets)
    config, named = _with_models(config, path)
    known_models = tuple(dict.fromkeys([*models, *named]))
    for key, names, known in (
        ("targets", config.targets, known_targets),
        ("protocols", config.protocols, PROTOCOLS),
        ("formats", config.formats or FORMATS, FORMATS),
    ):
        _check_names(f"{path}: {key}", names, known)
    check_workloads(path, config.workloads, known_models)
    if config.quick.workloads:
        _check_names(f"{path}: quick.workloads", config.quick.workloads, tuple(w.name for w in config.workloads))
    check_times(f"{path}: quick", config.quick.duration_s, config.quick.warmup_s)
    for key, number in (("rounds", config.rounds), ("quick.rounds", config.quick.rounds)):
        if number < 1:
            raise UsageError(f"{path}: {key}: is {number}; allowed: 1 or more")
    if config.price_per_hour is not None and not 0 <= config.price_per_hour < float("inf"):
        raise UsageError(f"{path}: price_per_hour: is {config.price_per_hour}; allowed: 0 or more")
    if not 0 <= config.base_port <= 65000:
        raise UsageError(f"{path}: base_port: is {config.base_port}; allowed: 0 (any free port) to 65000")
    return config


def _with_models(config: Config, path: Path) -> tuple[Config, list[str]]:
    """Return the experiment with models written so that they are found from any folder, and the models' names."""
    written, called = [], []
    for key, texts in (("models", config.models), ("quick.models", config.quick.models)):
        if not texts:
            raise UsageError(
                f"{path}: {key}: is empty; it takes names of models/zoo/, or paths of folders with a model.py"
            )
        try:
            found = find_models(texts, path.parent)
        except UsageError as error:
            raise UsageError(f"{path}: {key}: {error}") from None
        written.append(tuple(model.text for model in found))
        called += [model.name for model in found]
    return replace(config, models=written[0], quick=replace(config.quick, models=written[1])), called


def _check_names(where: str, names: tuple[str, ...], known: tuple[str, ...]) -> None:
    if not names:
        raise UsageError(f"{where}: is empty; allowed: {one_of(known)}")
    for name in names:
        if name not in known:
            raise UsageError(f"{where}: {name!r} is unknown; allowed: {one_of(known)}")


def shorten(config: Config) -> Config:
    """Return the experiment that --quick runs."""
    quick = config.quick
    kept = [w for w in config.workloads if not quick.workloads or w.name in quick.workloads]
    workloads = tuple(replace(w, warmup_s=quick.warmup_s, duration_s=quick.duration_s) for w in kept)
    return replace(config, models=quick.models, rounds=quick.rounds, workloads=workloads)


def resolve_cpus(cpus: Cpus) -> Cpus:
    """Replace "auto" by halves of the CPUs this process may use; a lone core is shared by both.

    The threads of one core stay together, or servers and load would slow each other down. Raises UsageError for a set
    that is malformed or has a CPU that isn't there.
    """
    available = os.sched_getaffinity(0)
    for key, text in (("cpus.server", cpus.server), ("cpus.load", cpus.load)):
        if text != "auto" and not _parse_cpus(text) <= available:
            raise UsageError(f"{key}: {text!r}; allowed: auto, or some of the CPUs {_write_cpus(available)}")
    cores = list(dict.fromkeys(tuple(sorted(_siblings(cpu) & available)) for cpu in sorted(available)))
    middle = max(1, len(cores) // 2)
    halves = (cores[:middle], cores[middle:] or cores)
    server, load = (_write_cpus({cpu for core in half for cpu in core}) for half in halves)
    return Cpus(server if cpus.server == "auto" else cpus.server, load if cpus.load == "auto" else cpus.load)


def _siblings(cpu: int) -> set[int]:
    """Return the CPUs that are threads of the same core, this one among them."""
    path = Path(f"/sys/devices/system/cpu/cpu{cpu}/topology/thread_siblings_list")
    try:
        return {cpu} | _parse_cpus(path.read_text(encoding="ascii").strip())
    except OSError:
        return {cpu}


def _parse_cpus(text: str) -> set[int]:
    """Return the CPUs of a list like "0-3,8"; -1 stands for what is malformed, and is never there."""
    found: set[int] = set()
    for part in text.split(","):
        first, dash, last = part.partition("-")
        if not first.isdecimal() or not (last if dash else first).isdecimal():
            return {-1}
        found |= set(range(int(first), int(last if dash else first) + 1))
    return found or {-1}


def _write_cpus(cpus: Iterable[int]) -> str:
    return ",".join(map(str, sorted(cpus)))
