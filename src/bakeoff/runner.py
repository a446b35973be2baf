"""A run: export, bring up, verify, measure every trial, take down; the report grows with each trial."""

from __future__ import annotations

import random
from collections import defaultdict
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

from bakeoff.config import Config
from bakeoff.deploy import Deployment, Selection, deployed
from bakeoff.errors import BakeoffError
from bakeoff.export import ExportOptions
from bakeoff.load import Workers
from bakeoff.machine import describe_machine
from bakeoff.runtimes import Load, Runtime, Server
from bakeoff.samples import mark_wrong, read_samples
from bakeoff.show import Show
from bakeoff.stats import add_floors, summarize_rounds, summarize_trial
from bakeoff.store import SCHEMA_VERSION, write_results
from bakeoff.types import FLOORS, NO_FORMAT, Endpoint, Measurement, Plan, Report, Trial, Workload
from bakeoff.verify import wrong_rows


@dataclass(slots=True)
class Run:
    """One run: what is asked, where it goes, and what it found so far."""

    config: Config
    runtime: Runtime
    selection: Selection
    workers: Workers
    named_targets: frozenset[str]
    weights: Path | None
    out: Path
    report: Report
    problems: list[str] = field(default_factory=list)


def start_report(config: Config, command: str) -> Report:
    """Return the report of a run in which nothing was measured yet."""
    return Report(
        schema_version=SCHEMA_VERSION,
        created_at=datetime.now(UTC).isoformat(timespec="seconds"),
        command=command,
        seed=config.seed,
        machine=describe_machine(),
        config=asdict(config),
        models=(),
        artifacts=(),
        parity=(),
        support=(),
        targets=(),
        measurements=(),
        summary=(),
        comparisons=(),
    )


def run(job: Run, show: Show) -> Report:
    """Run the experiment in an open runtime, which is closed at the end.

    results.json in the run's folder is up to date after every trial, also when it is cut off.
    """
    show.expect(len(job.config.models) * (1 + len(job.selection.everything)))
    try:
        job.config = replace(job.config, cpus=job.runtime.resolve_cpus(job.config.cpus))
        job.report = replace(
            job.report,
            config=asdict(job.config),
            runtime=job.runtime.NAME,
            paused=job.runtime.PAUSES,
            surroundings=job.runtime.surroundings(job.config.cpus),
        )
        for model in job.config.models:
            try:
                _run_model(job, model, show)
            except BakeoffError as error:
                job.problems.append(str(error))
                show.note(f"{model}: {error}")
    finally:
        job.runtime.close()
    job.problems += find_gaps(job)
    return job.report


def _run_model(job: Run, model: str, show: Show) -> None:
    runtime, cpus = job.runtime, job.config.cpus
    folder, failed = runtime.export(model, ExportOptions(weights=job.weights), show)
    job.problems += failed
    show.step()
    with deployed(folder, runtime, job.selection, cpus.server, show) as deployment:
        _take_over(job, deployment)
        primers, trials = draw_primers(job, deployment), draw_trials(job, deployment)
        show.expect(len(primers) + len(trials))
        plan = replace(deployment.plan(job.config.workloads), trials=(*primers, *trials))
        if trials:
            with runtime.open_load(plan, job.out, cpus.load, job.workers, show) as load:
                _measure_all(job, deployment, plan, load, show)


def draw_primers(job: Run, deployment: Deployment) -> list[Trial]:
    """Return a trial for each endpoint that loads it as hard as any workload will, and of which nothing is kept.

    A server's first requests are not its speed: TorchServe's Java is compiled while it runs, and is several times
    slower for its first seconds.
    """
    most = max((workload.concurrency or 1 for workload in job.config.workloads), default=1)
    hardest = replace(job.config.workloads[0], arrival="closed", concurrency=most, rate_rps=None)
    primers: list[Trial] = []
    for server in deployment.servers:
        share_s = server.target.prime_s / len(server.endpoints)
        workload = replace(hardest, name="prime", warmup_s=0.0, duration_s=share_s)
        for endpoint in server.endpoints:
            if endpoint in deployment.endpoints:
                id = f"{deployment.model.name}.{endpoint.id}.prime"
                primers.append(Trial(id, endpoint.id, workload, 0, len(primers), None))
    return primers


def draw_trials(job: Run, deployment: Deployment) -> list[Trial]:
    """Return a model's trials: in each round every endpoint with every workload, in an order drawn from the seed."""
    trials: list[Trial] = []
    for number in range(job.config.rounds):
        workloads = [seeded(w, job.config.seed, number) for w in job.config.workloads if is_for(w, deployment)]
        pairs = [(e, w) for e in deployment.endpoints for w in workloads]
        random.Random(f"{job.config.seed} {deployment.model.name} {number}").shuffle(pairs)
        for endpoint, workload in pairs:
            id = f"{deployment.model.name}.{endpoint.id}.{workload.name}.r{number}"
            path = str((job.out / "samples" / f"{id}.parquet").resolve())
            trials.append(Trial(id, endpoint.id, workload, number, len(trials), path))
    return trials


def seeded(workload: Workload, seed: int, round: int) -> Workload:
    """Return a workload with the seed of its arrivals in a round, the same for every endpoint."""
    drawn = random.Random(f"{seed} {workload.seed} {workload.name} {round}").getrandbits(53)
    return replace(workload, seed=drawn)


def is_for(workload: Workload, deployment: Deployment) -> bool:
    """Tell whether a workload is meant for a model."""
    return not workload.models or deployment.model.name in workload.models


def find_gaps(job: Run) -> list[str]:
    """Return what keeps a run from being whole: failed targets, wrong endpoints, endpoints without a valid trial.

    echo is a yardstick, not a contender: where it outruns the load generator (JSON of 3 MB that it doesn't even parse),
    its trial is invalid and says so, and the run is whole all the same.
    """
    gaps = []
    for state in job.report.targets:
        if state.status == "failed" or (state.status == "unavailable" and state.name in job.named_targets):
            gaps.append(f"{state.name} is {state.status}: {state.reason}")
    contenders = [state for state in job.report.targets if state.name not in FLOORS] or job.report.targets
    if contenders and all(state.status == "unavailable" for state in contenders):
        gaps.append("no target is available here: see the reasons and remedies above")
    for row in job.report.parity:
        if not row.ok:
            what = row.endpoint or f"{row.model} {row.format} on {row.runtime}"
            batch = f" at batch {row.batch}" if row.batch else ""
            gaps.append(f"{what} failed parity{batch}: {row.message or row.max_abs_error}")
    verdicts = defaultdict(set)
    for m in job.report.measurements:
        if m.format == NO_FORMAT and m.request_count > m.error_count:
            continue
        verdicts[m.model, m.endpoint, m.workload].add(m.verdict)
    for (model, endpoint, workload), found in verdicts.items():
        if "valid" not in found:
            gaps.append(f"{model} {endpoint} has no valid trial of {workload}")
    return gaps


def _measure_all(job: Run, deployment: Deployment, plan: Plan, load: Load, show: Show) -> None:
    """Run the trials one after the other, each with all other servers paused."""
    runtime = deployment.runtime
    for server in deployment.servers:
        runtime.pause(server)
    endpoints = {endpoint.id: endpoint for endpoint in plan.endpoints}
    for trial in plan.trials:
        server = deployment.server_of(trial.endpoint)
        if runtime.alive(server):
            round_ = f", round {trial.round + 1}" if trial.samples else ""
            show.say(f"{deployment.model.name}: {trial.endpoint} {trial.workload.name}{round_}")
            measurement = _measure(trial, endpoints[trial.endpoint], server, deployment, load)
            if measurement is not None:
                _keep(job, measurement)
            if not runtime.alive(server):
                _mark_dead(job, server, show)
        show.step()


def _measure(
    trial: Trial, endpoint: Endpoint, server: Server, deployment: Deployment, load: Load
) -> Measurement | None:
    """Run one trial, check the answers it kept, and summarise it; None for one that only primes."""
    runtime = deployment.runtime
    runtime.resume(server)
    before = runtime.read_usage(server)
    sent = load.run_trial(trial)
    after = runtime.read_usage(server)
    runtime.pause(server)
    if trial.samples is None:
        return None
    path, reference = Path(trial.samples), deployment.reference(endpoint.target, endpoint.format)
    samples = read_samples(path)
    wrong = wrong_rows(samples, endpoint, trial.workload.batch_size, reference)
    if wrong:
        mark_wrong(path, wrong)
        samples = read_samples(path)
    measurement = summarize_trial(trial, endpoint, samples)
    if before is None or after is None or not runtime.alive(server):
        return measurement
    cpu_ms = (after.cpu_seconds - before.cpu_seconds) * 1000 / sent
    return replace(
        measurement,
        server_cpu_ms_per_request=cpu_ms,
        peak_rss_bytes=after.peak_rss_bytes,
        memory_from=after.memory_from,
    )


def _take_over(job: Run, deployment: Deployment) -> None:
    """Let the report know what the bring-up found; a target's worst state over the models stands."""
    states = {state.name: state for state in job.report.targets}
    for name, state in deployment.states.items():
        old = states.get(name)
        ready = {f"{deployment.model.name} {format}": s for format, s in (state.ready_seconds or {}).items()}
        ready = {**((old.ready_seconds or {}) if old else {}), **ready}
        worst = old if old is not None and old.status != "available" else state
        states[name] = replace(worst, ready_seconds=ready or None)
    report = job.report
    formats = tuple(row for artifact in deployment.artifacts.values() for row in artifact.parity)
    job.report = replace(
        report,
        models=(*report.models, deployment.model),
        artifacts=(*report.artifacts, *deployment.artifacts.values()),
        parity=(*report.parity, *formats, *deployment.parity),
        support=(*report.support, *deployment.support),
        targets=tuple(states.values()),
        images=job.runtime.images(),
    )
    write_results(job.out, job.report)


def _keep(job: Run, measurement: Measurement) -> None:
    measurements = add_floors((*job.report.measurements, measurement))
    job.report = replace(job.report, measurements=measurements, summary=tuple(summarize_rounds(measurements)))
    write_results(job.out, job.report)


def _mark_dead(job: Run, server: Server, show: Show) -> None:
    name = server.target.name
    reason = f"{name}, under load, {job.runtime.last_words(server)}"
    show.note(reason.splitlines()[0])
    targets = tuple(
        replace(state, status="failed", reason=reason) if state.name == name else state for state in job.report.targets
    )
    job.report = replace(job.report, targets=targets)
    write_results(job.out, job.report)
