"""bench.toml: the experiment as its user writes it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated, ClassVar

from pydantic import Field

from bakeoff.errors import UsageError, require_known, require_some
from bakeoff.experiment.workloads import Count, DurationS, WarmupS, Workloads, check_workloads, with_judges
from bakeoff.host.catalog import find_models
from bakeoff.host.cpus import Cpus
from bakeoff.host.files import ROOT, read_toml, validated
from bakeoff.schema import FORMATS, PROTOCOLS, STRICT, Protocol

DEFAULT = ROOT / "bench.toml"


@dataclass(frozen=True, slots=True)
class Quick:
    """What --quick changes in the experiment; no workloads means all of them."""

    __pydantic_config__: ClassVar[dict[str, str]] = STRICT

    models: tuple[str, ...]
    rounds: Count
    warmup_s: WarmupS
    duration_s: DurationS
    workloads: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Config:
    """One experiment: which endpoints, which workloads, how often."""

    __pydantic_config__: ClassVar[dict[str, str]] = STRICT

    models: tuple[str, ...]
    targets: tuple[str, ...]
    workloads: Workloads
    quick: Quick
    protocols: tuple[Protocol, ...] = PROTOCOLS
    formats: tuple[str, ...] = ()
    rounds: Count = 1
    reference: str = ""
    price_per_hour: Annotated[float, Field(ge=0, allow_inf_nan=False)] | None = None
    seed: int = 0
    base_port: Annotated[int, Field(ge=0, le=65000)] = 0
    cpus: Cpus = field(default_factory=Cpus)


@dataclass(frozen=True, slots=True)
class RunOptions:
    """What a run is asked for beside its experiment; `named` are the targets that must be available."""

    __pydantic_config__: ClassVar[dict[str, str]] = STRICT

    platform: str = "local"
    load_workers: Annotated[int, Field(ge=1)] = 1
    await_load_workers: Annotated[int, Field(ge=0)] = 0
    restart_between_rounds: bool = False
    named: tuple[str, ...] = ()
    weights: Path | None = None


def load_config(path: Path, models: Iterable[str], targets: Iterable[str]) -> Config:
    """Read an experiment; raise UsageError naming the file, the key and what is allowed.

    `models` are the zoo's names, `targets` the names there are. Paths of models begin at the file's folder.
    """
    return check_config(validated(Config, read_toml(path), path), path, models, targets)


def check_config(config: Config, path: Path, models: Iterable[str], targets: Iterable[str]) -> Config:
    """Return a file's experiment, its models and verdicts written out; raise UsageError as load_config does."""
    config, named = _with_models(config, path)
    require_some(f"{path}: targets", config.targets, tuple(targets))
    require_some(f"{path}: protocols", config.protocols, PROTOCOLS)
    require_known(f"{path}: formats", config.formats, FORMATS)
    check_workloads(path, config.workloads, (*models, *named))
    require_known(f"{path}: quick.workloads", config.quick.workloads, [w.name for w in config.workloads])
    return replace(config, workloads=with_judges(config.workloads))


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


def shorten(config: Config) -> Config:
    """Return the experiment that --quick runs."""
    quick = config.quick
    kept = [w for w in config.workloads if not quick.workloads or w.name in quick.workloads]
    workloads = tuple(replace(w, warmup_s=quick.warmup_s, duration_s=quick.duration_s) for w in kept)
    return replace(config, models=quick.models, rounds=quick.rounds, workloads=workloads)
