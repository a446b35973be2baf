"""Beginning a run, and going on with one that was cut off."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import ClassVar

from bakeoff.catalog import load_targets
from bakeoff.config import Config
from bakeoff.deploy import Selection, with_floors
from bakeoff.errors import UsageError, one_of
from bakeoff.files import validated
from bakeoff.load import Workers
from bakeoff.machine import describe_machine
from bakeoff.runner import Run
from bakeoff.runtimes import RUNTIMES
from bakeoff.store import NAME, SCHEMA_VERSION, read_results
from bakeoff.types import STRICT, Report

OPTIONS = "run"
"""Where a report's config keeps the options."""


@dataclass(frozen=True, slots=True)
class RunOptions:
    """What a run is asked for beside its experiment; `named` are the targets that must be available."""

    __pydantic_config__: ClassVar[dict[str, str]] = STRICT

    runtime: str = "local"
    workers: int = 1
    await_workers: int = 0
    restart_between_rounds: bool = False
    named: tuple[str, ...] = ()
    weights: Path | None = None


def new_run(config: Config, selection: Selection, options: RunOptions, folder: Path, command: str) -> Run:
    """Return a run in which nothing was measured yet; raises UsageError where its reference would not be measured."""
    ids = with_floors(selection, load_targets()).ids
    if config.reference and config.reference not in ids:
        raise UsageError(f"reference: {config.reference!r} would not be measured; allowed: {one_of(ids)}")
    report = Report(
        schema_version=SCHEMA_VERSION,
        created_at=datetime.now(UTC).isoformat(timespec="seconds"),
        command=command,
        seed=config.seed,
        machine=describe_machine(),
        config={**asdict(config), OPTIONS: asdict(options)},
        models=(),
        artifacts=(),
        parity=(),
        support=(),
        targets=(),
        measurements=(),
        summary=(),
        comparisons=(),
    )
    return _make_run(config, selection, options, folder, report)


def reopen_run(folder: Path) -> Run:
    """Return a run as it was cut off; what it finished stays. Raises UsageError where the folder holds none."""
    report = read_results(folder)
    path = folder / NAME
    stored = dict(report.config)
    options = validated(RunOptions, stored.pop(OPTIONS, {}), path)
    config = validated(Config, stored, path)
    known = load_targets()
    missing = [name for name in config.targets if name not in known]
    if missing:
        raise UsageError(f"{path}: config.targets: {', '.join(missing)} is no target any more")
    targets = tuple(known[name] for name in config.targets)
    selection = Selection(targets, config.protocols, config.formats, config.base_port)
    return _make_run(config, selection, options, folder, report)


def _make_run(config: Config, selection: Selection, options: RunOptions, folder: Path, report: Report) -> Run:
    return Run(
        config=config,
        runtime=RUNTIMES[options.runtime],
        selection=with_floors(selection, load_targets()),
        workers=Workers(options.workers, options.await_workers),
        named_targets=frozenset(options.named),
        weights=options.weights,
        out=folder,
        report=report,
        restarts=options.restart_between_rounds,
    )
