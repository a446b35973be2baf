"""Beginning a run, and going on with one that was cut off."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

from bakeoff.artifacts.provenance import is_known_source
from bakeoff.errors import UsageError, one_of, require_known
from bakeoff.experiment.config import Config, RunOptions, check_config
from bakeoff.experiment.runner import Run
from bakeoff.host.catalog import list_models, load_targets
from bakeoff.host.files import validated
from bakeoff.host.machine import describe_machine
from bakeoff.platforms.deploy import Selection, with_floors
from bakeoff.platforms.table import PLATFORMS
from bakeoff.results.store import NAME, SCHEMA_VERSION, read_results
from bakeoff.schema import Measurement, Report

OPTIONS = "run"
"""Where a report's config keeps the options."""


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


def reopen_run(folder: Path, trust: bool = False) -> Run:
    """Return a run as it was cut off; what it finished stays.

    Raises UsageError where the folder holds none, or one whose model would be exported by code from outside of the zoo:
    anybody may have written it there. `trust`: nobody but the user has.
    """
    report = read_results(folder)
    path = folder / NAME
    if any(_is_named_otherwise(measurement) for measurement in report.measurements):
        raise UsageError(f"{path}: was begun by a version that named endpoints otherwise: start a new run")
    stored = dict(report.config)
    options = validated(RunOptions, stored.pop(OPTIONS, {}), path, f"config.{OPTIONS}.")
    require_known(f"{path}: config.{OPTIONS}.platform", [options.platform], PLATFORMS)
    config = validated(Config, stored, path)
    known = load_targets()
    missing = [name for name in config.targets if name not in known]
    if missing:
        raise UsageError(f"{path}: config.targets: {', '.join(missing)} is no target any more")
    config = check_config(config, path, list_models(), known)
    foreign = [text for text in config.models if text not in list_models() and not is_known_source(text)]
    if foreign and not trust:
        says = f"is code from outside of models/zoo, never exported here; add --trust if {folder} is your own run"
        raise UsageError(f"{path}: config.models: {foreign[0]} {says}")
    targets = tuple(known[name] for name in config.targets)
    selection = Selection(targets, config.protocols, config.formats, config.base_port)
    return _make_run(config, selection, options, folder, report)


def _is_named_otherwise(m: Measurement) -> bool:
    """Tell whether a trial has the id of an endpoint that has another name today, so that it would be run again."""
    return m.trial_id.startswith(f"{m.model}.") and not m.trial_id.startswith(f"{m.model}.{m.endpoint}.")


def _make_run(config: Config, selection: Selection, options: RunOptions, folder: Path, report: Report) -> Run:
    platform, everything = PLATFORMS[options.platform](), with_floors(selection, load_targets())
    return Run(config, platform, everything, options, folder, report)
