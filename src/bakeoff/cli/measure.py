"""`bakeoff run` and `bakeoff export`."""

from __future__ import annotations

import sys
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from bakeoff.artifacts.export import ExportOptions, export_model
from bakeoff.cli import options as o
from bakeoff.cli.sizes import exported_sizes, print_sizes
from bakeoff.cli.terminal import print_table, progress, tell
from bakeoff.errors import BakeoffError, UsageError
from bakeoff.experiment.config import RunOptions
from bakeoff.experiment.resume import new_run, reopen_run
from bakeoff.experiment.runner import Run
from bakeoff.experiment.runner import run as run_experiment
from bakeoff.report import write_report
from bakeoff.report.tables import result_table, target_table
from bakeoff.report.trust import unsettled
from bakeoff.report.words import reason_text
from bakeoff.results.store import locked, refuse_used, write_results

AwaitedWorkers = Annotated[
    int, typer.Option(min=0, help="Share it among so many `locust --worker` that connect to port 5557 instead.")
]
Resumed = Annotated[
    Path | None, typer.Option(metavar="DIR", help="Go on with a run that was cut off, as it was begun.")
]
Restarts = Annotated[
    bool, typer.Option("--restart-between-rounds", help="Start servers anew in each round: `compare` needs it.")
]


def run(
    config: o.ConfigFile = o.DEFAULT_CONFIG,
    platform: o.PlatformName = "local",
    model: o.Models = [],  # noqa: B006
    target: o.Targets = [],  # noqa: B006
    format: o.Formats = [],  # noqa: B006
    protocol: o.Protocols = [],  # noqa: B006
    rounds: Annotated[int | None, typer.Option(min=1, help="Rounds. [default: config's]")] = None,
    quick: Annotated[bool, typer.Option("--quick", help="digits_cnn alone, short trials: a first look.")] = False,
    weights: o.Weights = None,
    load_workers: o.LoadWorkerCount = 1,
    await_load_workers: AwaitedWorkers = 0,
    restart_between_rounds: Restarts = False,
    out: Annotated[Path | None, typer.Option(metavar="DIR", help="Default: results/TIMESTAMP.")] = None,
    resume: Resumed = None,
    trust: o.Trust = False,
    quiet: o.Quietly = False,
) -> None:
    """Export, serve, verify, load and report: the whole experiment.

    DIR then holds report.html, report.md, results.json, sizes.json and every request in samples/. Exit status: 0 every
    available endpoint was measured with right answers, however busy the machine was; 1 a target failed, answers were
    wrong, or nothing was measured; 2 bad usage or configuration.
    """
    if resume is not None:
        if out is not None or model or target or format or protocol or rounds or quick or weights:
            raise UsageError("--resume: goes on as the run was begun, and takes no other option")
        job = reopen_run(resume, trust)
    else:
        experiment, selection = o.experiment(config, model, target, format, protocol, quick)
        experiment = replace(experiment, rounds=rounds or experiment.rounds)
        o.check_weights(weights, experiment.models)
        options = RunOptions(platform, load_workers, await_load_workers, restart_between_rounds, tuple(target), weights)
        folder = out or Path("results") / datetime.now(UTC).strftime("%Y%m%d-%H%M%S")
        refuse_used(folder)
        o.make_platform(platform)
        job = new_run(experiment, selection, options, folder, " ".join(["bakeoff", *sys.argv[1:]]))
    job.trust = trust
    with locked(job.out):
        _run(job, quiet)


def _run(job: Run, quiet: bool) -> None:
    job.platform.open()
    write_results(job.out, job.report, reason_text)
    try:
        with progress(quiet) as show:
            run_experiment(job, show)
    finally:
        # Also when cut off: what was measured is reported.
        write_results(job.out, job.report, reason_text)
        write_report(job.out, job.report)
    for name in job.report.models:
        print_table(result_table(job.report, name.name))
    print_table(target_table(job.report))
    for notice in unsettled(job.report):
        tell(f"{notice.what}: {notice.says}")
    tell(f"report: {job.out / 'report.html'}")
    if job.problems:
        lines = [f"- {reason_text(problem)}" for problem in job.problems]
        raise BakeoffError("\n".join(["not everything was measured:", *lines]))


def export(
    config: o.ConfigFile = o.DEFAULT_CONFIG,
    model: o.Models = [],  # noqa: B006
    format: Annotated[list[str], typer.Option("--format", help="A format; again for more. [default: all]")] = [],  # noqa: B006
    weights: o.Weights = None,
    force: Annotated[bool, typer.Option("--force", help="Export also what is up to date.")] = False,
    json: o.AsJson = False,
    quiet: o.Quietly = False,
) -> None:
    """Export models to every format and prove format parity; what is up to date is skipped."""
    experiment, _ = o.experiment(config, model, [], format, [])
    o.check_weights(weights, experiment.models)
    failed, names = [], []
    with progress(quiet) as show:
        show.expect(len(experiment.models))
        for name in experiment.models:
            options = ExportOptions(tuple(format), weights, force, skip=(), trust=True)
            folder, lines = export_model(name, options, show)
            failed += lines
            names.append(folder.name)
            show.step()
    print_sizes(exported_sizes(names, []), json)
    if failed:
        raise BakeoffError("\n".join(failed))
