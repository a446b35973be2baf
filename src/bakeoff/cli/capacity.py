"""`bakeoff capacity`: how much load an endpoint bears."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from bakeoff.analysis.capacity import (
    Budget,
    Capacity,
    Objective,
    SweepPoint,
    cost_per_million,
    find_knee,
    is_hopeless,
    search_capacity,
)
from bakeoff.analysis.summary import Floats
from bakeoff.artifacts.export import ExportOptions
from bakeoff.cli import options as o
from bakeoff.cli.terminal import print_rows, progress, tell
from bakeoff.errors import BakeoffError, UsageError
from bakeoff.experiment.config import Config
from bakeoff.experiment.probe import Probe
from bakeoff.host.files import write_atomic
from bakeoff.host.progress import Show
from bakeoff.measure.generator import LoadWorkers
from bakeoff.platforms.deploy import Selection, deployed
from bakeoff.platforms.platform import Platform
from bakeoff.report.cells import MISSING, Table, number
from bakeoff.report.words import bracket, joined, reason_text
from bakeoff.results.store import told
from bakeoff.schema import Workload

MOST_CALLERS = 256
START_CALLERS, START_SHARE = 8, 0.5
"""The search begins at half of what eight callers get who wait for their answers."""
WARMUP_S = 1.0
FEWEST_TRIALS = 4
PAUSE_S = 0.5
"""Between trials, about: priming, connecting, writing."""


OneTarget = Annotated[str, typer.Option("--target", callback=lambda name: o.renamed([name])[0], help="A target.")]


@dataclass(frozen=True, slots=True)
class Place:
    """Where a search runs: its platform and load workers, its folder, and whether artifacts of others may be loaded."""

    platform: Platform[Any]
    workers: LoadWorkers
    folder: Path
    trust: bool


def capacity(
    slo_ms: Annotated[float | None, typer.Option("--slo-ms", min=0.001, help="The limit of the p99, in ms.")] = None,
    sweep: Annotated[bool, typer.Option("--sweep", help="Callers that wait, 1, 2, 4, 8, ... to the knee.")] = False,
    config: o.ConfigFile = o.DEFAULT_CONFIG,
    platform: o.PlatformName = "local",
    model: Annotated[str, typer.Option("--model", help=f"{o.MODEL_HELP}.")] = "digits_cnn",
    target: OneTarget = "lean-tflite",
    protocol: Annotated[str, typer.Option("--protocol", help="rest, binary or grpc.")] = "grpc",
    trial_s: Annotated[float, typer.Option(min=1, help="Seconds of a trial.")] = 10.0,
    budget_s: Annotated[float, typer.Option(min=10, help="Seconds for the whole search.")] = 300.0,
    precision: Annotated[
        float, typer.Option(min=1.01, help="Narrow enough: the bracket's high end over its low.")
    ] = 1.1,
    load_workers: o.LoadWorkerCount = 1,
    out: Annotated[Path | None, typer.Option(metavar="DIR", help="Default: results/capacity-TIMESTAMP.")] = None,
    trust: o.Trust = False,
    json: o.AsJson = False,
) -> None:
    """Search the highest Poisson rate whose p99 stays under --slo-ms (MLPerf's Server scenario), or a --sweep's knee.

    Rates are doubled, then bisected; each is decided by a t interval over blocks that are nearly independent, and the
    rate that is found is confirmed on fresh seeds. What stays undecided in --budget-s is a bracket, not a number.
    """
    if (slo_ms is None) == (not sweep):
        raise UsageError("give --slo-ms X for the capacity under an objective, or --sweep for the knee")
    experiment, selection = o.experiment(config, [model], [target], [], [protocol])
    folder = out or Path("results") / f"capacity-{datetime.now(UTC):%Y%m%d-%H%M%S}"
    folder.mkdir(parents=True, exist_ok=True)
    workload = Workload("capacity", "closed", warmup_s=WARMUP_S, duration_s=trial_s, timeout_s=10.0)
    place = Place(o.make_platform(platform), LoadWorkers(load_workers), folder, trust)
    objective = None if slo_ms is None else Objective(slo_ms, precision)
    with progress() as show, probed(experiment, selection, workload, place, show) as probe:
        probe.prime()
        found, table = find_sweep(probe) if objective is None else find_capacity(probe, objective, budget_s, experiment)
    write_atomic(folder / "capacity.json", told({"found": found, "measurements": probe.measurements}, reason_text))
    print_rows(found, table, json)
    tell(f"kept: {folder / 'capacity.json'}")
    if found.get("unmeasured"):
        raise BakeoffError(f"this machine can't keep the arrivals: {joined(probe.measurements[-1].reasons)}")


def find_sweep(probe: Probe) -> tuple[dict[str, Any], Table]:
    """Sweep to the knee; return what was found, and a table of it."""
    points = sweep_callers(probe)
    knee = find_knee(points)
    return {"endpoint": probe.endpoint.id, "points": points, "knee": knee}, sweep_table(probe, points, knee)


def find_capacity(probe: Probe, objective: Objective, budget_s: float, config: Config) -> tuple[dict[str, Any], Table]:
    """Search the capacity under an objective; return what was found, and a table of it."""
    trials = max(FEWEST_TRIALS, int(budget_s / (probe.workload.duration_s + WARMUP_S + PAUSE_S)))
    result = search_under(probe, objective, trials, config.seed)
    price = config.price_per_hour
    found = {"endpoint": probe.endpoint.id, "slo_ms": objective.slo_ms, **asdict(result), "price": price}
    found["unmeasured"] = is_unmeasured(result)
    return found, capacity_table(probe, result, objective.slo_ms, price)


def search_under(probe: Probe, objective: Objective, trials: int, seed: int) -> Capacity:
    """Search from what a few waiting callers get, with so many trials in all."""
    probe.show.expect(trials)
    start_rps = max(1.0, START_SHARE * probe.call(START_CALLERS).throughput_rps)
    budget = Budget(max(1, trials - len(probe.measurements)))

    def measure(rate: float, seed: int) -> Floats | None:
        return probe.offer(rate, seed, objective.slo_ms)

    return search_capacity(measure, start_rps, objective, budget, seed)


@contextmanager
def probed(config: Config, selection: Selection, workload: Workload, place: Place, show: Show) -> Iterator[Probe]:
    """Bring the one endpoint up, and the load generator; take both down at the end."""
    platform = place.platform
    with closing(platform):
        platform.open()
        cpus = platform.resolve_cpus(config.cpus)
        show.expect(1)
        artifacts, _ = platform.export(config.models[0], ExportOptions(trust=place.trust), show)
        show.step()
        with deployed(artifacts, platform, selection, cpus.server, show) as deployment:
            if not deployment.endpoints:
                state = deployment.states[selection.targets[0].name]
                why = joined(reason for reason in (state.reason, state.remedy) if reason)
                raise BakeoffError(f"{state.name} is {state.status}: {why}")
            plan = deployment.plan((workload,))
            with closing(platform.open_load(plan, place.folder, cpus.load, place.workers, show)) as load:
                yield Probe(deployment, plan.endpoints[0], load, workload, place.folder, show)


def sweep_callers(probe: Probe) -> list[SweepPoint]:
    """Double the callers until the knee is two points behind, or there are as many as are allowed."""
    points: list[SweepPoint] = []
    callers = 1
    while callers <= MOST_CALLERS:
        probe.show.expect(1)
        points.append(probe.call(callers))
        knee = find_knee(points)
        if knee is not None and len(points) - points.index(knee) > 2:
            break
        callers *= 2
    return points


def sweep_table(probe: Probe, points: list[SweepPoint], knee: SweepPoint | None) -> Table:
    """Return the sweep with its knee marked."""
    marks = ["no valid p50" if p.latency_ms is None else "the knee" if p == knee else "" for p in points]
    figures = [(str(p.concurrency), number(p.throughput_rps), number(p.latency_ms)) for p in points]
    says = "The knee has the most throughput for its latency: beyond it callers wait longer than they get more done."
    if knee is None:
        says = f"No knee was found up to {points[-1].concurrency} callers."
    columns = ("callers", "req/s", "p50 ms", "")
    cells = tuple((*row, mark) for row, mark in zip(figures, marks, strict=True))
    title = f"{probe.endpoint.model}: {probe.endpoint.id}, closed loop"
    return Table(title, says, columns, cells, frozenset(columns[:3]))


def capacity_table(probe: Probe, found: Capacity, slo_ms: float, price: float | None) -> Table:
    """Return the search's steps, and in words what it found."""
    rows = tuple(
        (
            number(step.rate_rps),
            str(len(step.seeds)),
            f"{step.requests:,}",
            MISSING if step.exceedance is None else f"{100 * step.exceedance.share:.2f}",
            step.decision + (", confirming" if step.confirms else ""),
        )
        for step in found.steps
    )
    columns = ("req/s offered", "trials", "requests", f"% over {slo_ms:g} ms", "p99 is")
    title = f"{probe.endpoint.model}: {probe.endpoint.id}, Server scenario"
    return Table(title, in_words(found, slo_ms, price), columns, rows, frozenset(columns[:4]))


def is_unmeasured(found: Capacity) -> bool:
    """Tell whether a search ended since trials were invalid, and not for its budget."""
    return found.low is None and (is_hopeless(found.steps) or not any(step.requests for step in found.steps))


def in_words(found: Capacity, slo_ms: float, price: float | None) -> str:
    """Say what was found, and what a million predictions cost then."""
    if found.rate_rps is not None:
        says = f"Capacity: {number(found.rate_rps)} requests a second with the p99 under {slo_ms:g} ms, "
        says += "confirmed on fresh seeds."
    else:
        why = "as lower rates could not be measured" if is_unmeasured(found) else "within the budget"
        says = f"Undecided {why}: the capacity under {slo_ms:g} ms {bracket(found.low, found.high)}."
    rate = found.rate_rps or found.low
    if rate and price is not None:
        cost = cost_per_million(rate, price)
        says += f" At {number(rate)} a second a million predictions cost {cost:.3f}, with {price:g} an hour."
    return says
