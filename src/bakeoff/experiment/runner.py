"""A run: export, bring up, verify, measure every trial, take down; the report grows with each trial."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar

from bakeoff.analysis.completeness import is_right, unmeasured
from bakeoff.artifacts.export import ExportOptions
from bakeoff.errors import BakeoffError, UsageError, reason_of
from bakeoff.experiment.config import Config, RunOptions
from bakeoff.experiment.in_process import time_artifacts
from bakeoff.experiment.slices import find_failure, measure_trial
from bakeoff.experiment.stream import ATTEMPTS, draw_primers, draw_round, left_of
from bakeoff.host.catalog import find_model
from bakeoff.host.progress import Show
from bakeoff.measure.generator import LoadWorkers, RenewedLoad
from bakeoff.platforms.deploy import Deployment, Selection, deployed, joined_starts, parity_failure, restart
from bakeoff.platforms.platform import Platform, Server
from bakeoff.report.words import reason_text
from bakeoff.results.recompute import summarize_report
from bakeoff.results.store import write_results
from bakeoff.schema import (
    FLOORS,
    UNSERVED_FORMATS,
    Artifact,
    EdgeMeasurement,
    Measurement,
    MissingArtifact,
    Parity,
    Plan,
    Reason,
    Report,
    Support,
    Trial,
)
from bakeoff.sizes.records import load_current

RowT = TypeVar("RowT", Artifact, EdgeMeasurement, MissingArtifact, Parity, Support)


@dataclass(slots=True)
class Run:
    """One run: what is asked, where it goes, and what it found so far."""

    config: Config
    platform: Platform[Any]
    selection: Selection
    options: RunOptions
    out: Path
    report: Report
    trust: bool = False
    problems: list[Reason] = field(default_factory=list)

    @property
    def export_options(self) -> ExportOptions:
        """How models are exported: only to what is served, or asked for."""
        unasked = tuple(format for format in UNSERVED_FORMATS if format not in self.config.formats)
        return ExportOptions(weights=self.options.weights, skip=unasked, trust=self.trust)

    @property
    def measured(self) -> dict[str, Measurement]:
        """What was measured so far, by the trial's id."""
        return {m.trial_id: m for m in self.report.measurements}


def run(job: Run, show: Show) -> Report:
    """Run the experiment in an open platform, which is closed at the end.

    results.json in the run's folder is up to date after every trial, also when it is cut off.
    """
    models = [model for model in job.config.models if find_model(model).name not in job.report.finished]
    show.expect(len(models) * (1 + len(job.selection.everything)))
    try:
        job.config = replace(job.config, cpus=job.platform.resolve_cpus(job.config.cpus))
        job.report = replace(
            job.report,
            config={**job.report.config, **asdict(job.config)},
            platform=job.platform.NAME,
            paused=job.platform.PAUSES,
            restarted=job.options.restart_between_rounds,
            surroundings=job.platform.surroundings(job.config.cpus),
        )
        job.platform.install(job.selection.everything, dict.fromkeys(models, job.export_options), show)
        for model in models:
            try:
                _run_model(job, model, show)
            except UsageError:
                raise  # what the user gave is wrong, and --resume goes on when it is put right
            except BakeoffError as error:
                job.problems.append(reason_of(error))
                show.note(Reason("of_model", {"model": model}, reason_of(error)))
    finally:
        job.platform.close()
    job.problems += find_gaps(job)
    return job.report


def _run_model(job: Run, model: str, show: Show) -> None:
    platform, cpus = job.platform, job.config.cpus
    folder, _ = platform.export(model, job.export_options, show)
    show.step()
    with deployed(folder, platform, job.selection, cpus.server, show) as deployment:
        _take_over(job, deployment)
        timed = time_artifacts(deployment, cpus.server, job.report.in_process, show)
        job.report = replace(job.report, in_process=(*job.report.in_process, *timed))
        plan = deployment.plan(job.config.workloads)
        if deployment.endpoints:
            workers = LoadWorkers(job.options.load_workers, job.options.await_load_workers)
            renewed = RenewedLoad(lambda: platform.open_load(plan, job.out, cpus.load, workers, show), show)
            with closing(renewed) as load:
                _measure_rounds(job, deployment, plan, load, show)
    job.report = replace(job.report, finished=(*job.report.finished, deployment.model.name))
    write_results(job.out, job.report, reason_text)


def _measure_rounds(job: Run, deployment: Deployment, plan: Plan, load: RenewedLoad, show: Show) -> None:
    """Run all rounds; in each every endpoint once with every workload, each with all other servers paused."""
    platform = deployment.platform
    rounds = [draw_round(job.config, plan, number, job.out) for number in range(job.config.rounds)]
    # Of a run that goes on, only what is left.
    rounds = [trials for trials in rounds if left_of(trials, job.measured, job.out)]
    show.expect(len(plan.endpoints))
    left = [trial for trials in rounds for trial in left_of(trials, job.measured, job.out)]
    show.expect_load(deployment.model.name, sum(t.workload.warmup_s + t.workload.duration_s for t in left))
    for server in deployment.servers:
        platform.pause(server)
    for at, trials in enumerate(rounds):
        if at == 0 or job.options.restart_between_rounds:
            if at:
                _restart_servers(job, deployment, show)
            _prime(job, deployment, load, show)
        _measure_round(job, deployment, trials, load, show)


def _measure_round(job: Run, deployment: Deployment, trials: list[Trial], load: RenewedLoad, show: Show) -> None:
    """Run a round's trials, then again those that were disturbed."""
    for _ in range(ATTEMPTS):
        left = left_of(trials, job.measured, job.out)
        show.expect(len(left))
        for trial in left:
            show.begin(deployment.model.name, trial, job.config.rounds)
            _run_trial(job, deployment, trial, load, show)
            show.step()


def _prime(job: Run, deployment: Deployment, load: RenewedLoad, show: Show) -> None:
    """Load every server until its speed has settled."""
    for server in list(deployment.servers):
        endpoints = [endpoint for endpoint in server.endpoints if endpoint in deployment.endpoints]
        for trial in draw_primers(deployment.model.name, endpoints, job.config.workloads, server.target.prime_s):
            show.say(f"{deployment.model.name}: {trial.endpoint} prime")
            _run_trial(job, deployment, trial, load, show)
            show.step()


def _restart_servers(job: Run, deployment: Deployment, show: Show) -> None:
    """Start every server anew, since a process's luck is part of the variance; one that fails is out from here on."""
    for server in list(deployment.servers):
        show.say(f"{deployment.model.name}: restarting {server.target.name}")
        try:
            deployment.platform.pause(restart(deployment, server))
        except BakeoffError as error:
            reason = Reason("server_not_restarted", {"target": server.target.name}, reason_of(error))
            _mark_failed(job, server, reason, show)


def find_gaps(job: Run) -> list[Reason]:
    """Return what keeps a run from being complete: failed targets, wrong answers, endpoints without right ones.

    How busy the machine was keeps no run from being complete: the report tells.
    """
    gaps: list[Reason] = []
    for state in job.report.targets:
        if state.status == "failed" or (state.status == "unavailable" and state.name in job.options.named):
            gaps.append(Reason(f"target_{state.status}", {"target": state.name}, state.reason))
    contenders = [state for state in job.report.targets if state.name not in FLOORS] or job.report.targets
    if contenders and all(state.status == "unavailable" for state in contenders):
        gaps.append(Reason("no_target"))
    for missing in job.report.missing_artifacts:
        if missing.format in job.selection.formats:  # asked for; without its default format a target has failed
            values = {"model": missing.model, "format": missing.format}
            gaps.append(Reason("format_missing", values, missing.reason))
    gaps += [parity_failure(row) for row in job.report.parity if not row.ok]
    places = unmeasured(job.report.measurements)
    gaps += [Reason("not_measured", dict(zip(("model", "endpoint", "workload"), at, strict=True))) for at in places]
    reference = job.config.reference
    if reference and reference not in {m.endpoint for m in job.report.measurements if is_right(m)}:
        gaps.append(Reason("reference_not_measured", {"endpoint": reference}))
    return gaps


def _run_trial(job: Run, deployment: Deployment, trial: Trial, load: RenewedLoad, show: Show) -> None:
    """Run one trial with its server alone awake, and keep what it says."""
    platform = deployment.platform
    server = next((s for s in deployment.servers if any(e.id == trial.endpoint for e in s.endpoints)), None)
    if server is None:  # it failed before
        return
    endpoint = next(e for e in server.endpoints if e.id == trial.endpoint)
    measurement = measure_trial(trial, endpoint, server, deployment, load) if platform.alive(server) else None
    if measurement is not None:
        _keep(job, measurement)
        show.found(measurement)
    nothing_came = measurement is not None and measurement.error_count == measurement.request_count
    problem = find_failure(deployment, server, endpoint, nothing_came)
    if problem is not None:
        _mark_failed(job, server, problem, show)
        deployment.servers.remove(server)
        platform.stop(server)


def _take_over(job: Run, deployment: Deployment) -> None:
    """Let the report know what the bring-up found; a target's worst state over the models stands.

    Of a run that goes on, what an earlier bring-up of this model found is replaced. Raises UsageError where the model
    or an artifact is not the one that was measured before.
    """
    name, report = deployment.model.name, job.report
    _require_same(report, deployment)
    states = {state.name: state for state in report.targets}
    for target, state in deployment.states.items():
        old = states.get(target)
        worst = old if old is not None and old.status != "available" else state
        states[target] = joined_starts(worst, *([old] if old else []), state)
    formats = tuple(row for artifact in deployment.artifacts.values() for row in artifact.parity)
    job.report = replace(
        report,
        models=(*(m for m in report.models if m.name != name), deployment.model),
        artifacts=(*_others(report.artifacts, name), *deployment.artifacts.values()),
        parity=(*_others(report.parity, name), *formats, *deployment.parity),
        support=(*_others(report.support, name), *deployment.support),
        targets=tuple(states.values()),
        images=job.platform.images(),
        missing_artifacts=(*_others(report.missing_artifacts, name), *deployment.missing),
        edge=(*_others(report.edge, name), *load_current(deployment.folder, deployment.artifacts.values())),
    )
    write_results(job.out, job.report, reason_text)


def _others(rows: Iterable[RowT], model: str) -> Iterator[RowT]:
    """Yield the rows of other models."""
    return (row for row in rows if row.model != model)


def _require_same(report: Report, deployment: Deployment) -> None:
    name = deployment.model.name
    if all(m.model != name for m in report.measurements):
        return
    old = {a.format: a.sha256 for a in report.artifacts if a.model == name}
    new = {a.format: a.sha256 for a in deployment.artifacts.values()}
    models = {m.name: m.sha256 for m in report.models}
    if models.get(name) != deployment.model.sha256 or old != new:
        raise UsageError(f"{name} is another model or was exported anew since the run began: start a new run")


def _keep(job: Run, measurement: Measurement) -> None:
    job.report = summarize_report(job.report, (*job.report.measurements, measurement), job.config.reference or None)
    write_results(job.out, job.report, reason_text)


def _mark_failed(job: Run, server: Server, reason: Reason, show: Show) -> None:
    name = server.target.name
    show.note(reason)
    targets = tuple(
        replace(state, status="failed", reason=reason) if state.name == name else state for state in job.report.targets
    )
    job.report = replace(job.report, targets=targets)
    write_results(job.out, job.report, reason_text)
