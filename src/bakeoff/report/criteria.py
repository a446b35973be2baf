"""Two frameworks by what decides a deployment: who wins, by how much, how sure, and what isn't known."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from itertools import combinations

from bakeoff.analysis.capacity import cost_per_million
from bakeoff.report.cells import number
from bakeoff.report.contest import Contest, invert
from bakeoff.report.usage import least_memory, start_up
from bakeoff.report.words import PROTOCOL_WORDS, certainty, listed, seconds, size, times
from bakeoff.schema import EXACT_FORMATS, PROTOCOLS, Comparison
from bakeoff.schema.formats import BY_NAME, TABLE
from bakeoff.schema.metrics import Metric, row_of

EDGE = {row.name for row in TABLE if row.edge and row.framework}
"""Formats of a framework for a device."""
Sides = tuple[str, str]
"""Two frameworks. Ratios are the second one's advantage: above 1 where it is better."""
Cells = tuple[str | None, str | None]
"""What stands on each side; None: not measured."""


@dataclass(frozen=True, slots=True)
class Criterion:
    """One criterion.

    `best`: each side's best figure with whose it is. `ratio`, `low` and `high`: the second side's advantage; None where
    it isn't a number. `chart` names the chart with the evidence.
    """

    name: str
    best: Cells
    outcome: str
    why: str
    winner: str | None = None
    ratio: float | None = None
    low: float | None = None
    high: float | None = None
    chart: str | None = None
    measured: bool = True


@dataclass(frozen=True, slots=True)
class Versus:
    """Two frameworks and how they compare with a model."""

    sides: Sides
    criteria: list[Criterion]


@dataclass(frozen=True, slots=True)
class Pair:
    """A model's results, and the two frameworks to compare by them."""

    contest: Contest
    sides: Sides

    def best(self, metric: str) -> tuple[str | None, str | None]:
        """Return each side's best endpoint at a metric."""
        first, second = (next(iter(self.contest.ranking(metric, side)), None) for side in self.sides)
        return first, second

    def cells(self, known: Mapping[str | None, str]) -> Cells:
        """Return what stands on each side, by framework."""
        return known.get(self.sides[0]), known.get(self.sides[1])

    def ahead(self, ratio: float) -> tuple[str, float]:
        """Return who is ahead by a ratio, and by how much; nobody is by 1."""
        return (self.sides[1], ratio) if ratio > 1 else (self.sides[0], 1 / ratio)


def compare_frameworks(contest: Contest) -> list[Versus]:
    """Return how any two frameworks compare with a model."""
    return [Versus(sides, criteria(Pair(contest, sides))) for sides in combinations(contest.frameworks, 2)]


def criteria(pair: Pair) -> list[Criterion]:
    """Return all criteria of two frameworks."""
    contest = pair.contest
    return [
        *(measured(pair, metric) for metric in contest.metrics),
        cost(pair),
        smallest(pair, "Artifact size", "the smallest that loses no precision (fp32)", EXACT_FORMATS),
        edge_size(pair),
        least(pair, "Memory", "peak of all of a server's processes", least_memory(contest), size),
        least(pair, "Start-up", "from start to the first right answers", start_up(contest), seconds),
        protocols(pair),
        dynamic_shapes(pair),
    ]


TITLES = {"p50": ("Latency", "latency"), "throughput": ("Throughput", "throughput")}
"""What a metric's criterion is called, and its chart."""


def measured(pair: Pair, metric: Metric) -> Criterion:
    """Compare the best endpoint of each side at a metric that has verdicts."""
    contest = pair.contest
    name, chart = TITLES.get(metric.name, (metric.title, None))
    known: dict[str | None, str] = {
        side: f"{number(contest.figure(endpoint, metric.name))} {metric.quantity}, {endpoint}"
        for side, endpoint in zip(pair.sides, pair.best(metric.name), strict=True)
        if endpoint
    }
    what = "faster" if metric.better == "less" else f"the {metric.name}"
    return judged(pair, metric, Criterion(name, pair.cells(known), "", "", chart=chart), what)


def judged(pair: Pair, metric: Metric, plain: Criterion, what: str) -> Criterion:
    """Return a criterion with the ratio of the sides' best endpoints at a metric; `what` names being ahead by it."""
    first, second = pair.best(metric.name)
    if first is None or second is None:
        return unmeasured(pair, plain.name, plain.best, plain.chart)
    found = pair.contest.advantage(metric.name, second, first)
    if found is None:
        return replace(plain, outcome="no ratio", why=certainty(None))
    if not beats_all(pair, metric, found):
        found = replace(found, verdict="inconclusive")
    outcome, winner = judged_words(pair, found, what)
    return replace(
        plain,
        outcome=outcome,
        why=certainty(found),
        winner=winner,
        ratio=found.ratio,
        low=found.low,
        high=found.high,
    )


def beats_all(pair: Pair, metric: Metric, found: Comparison) -> bool:
    """Tell whether a verdict's better endpoint is faster than all of the other framework's, not only its best."""
    if found.verdict not in ("faster", "slower"):
        return True
    better, loser = (found.a, pair.sides[0]) if found.verdict == "faster" else (found.b, pair.sides[1])
    others = pair.contest.ranking(metric.name, loser)
    against = (pair.contest.advantage(metric.name, better, other) for other in others)
    return all(other is not None and other.verdict == "faster" for other in against)


def judged_words(pair: Pair, found: Comparison, what: str) -> tuple[str, str | None]:
    """Say a ratio of the second side's best over the first's, and name a winner only where a verdict does."""
    ahead, shown = (pair.sides[0], invert(found)) if found.ratio < 1 else (pair.sides[1], found)
    by = times(shown.ratio, shown.low, shown.high)
    if found.verdict == "same":
        return f"The same: {by}", None
    if found.verdict in ("faster", "slower"):
        winner = pair.sides[1] if found.verdict == "faster" else pair.sides[0]
        return f"{winner}: {by} {what}", winner
    return f"Undecided; {ahead}'s figure is {by} better", None


def unmeasured(pair: Pair, name: str, cells: Cells, chart: str | None = None, why: str | None = None) -> Criterion:
    """Return a criterion that lacks a side."""
    missing = [side for side, cell in zip(pair.sides, cells, strict=True) if cell is None]
    why = why or f"Nothing of {' and '.join(missing)} was measured in this run."
    return Criterion(name, cells, "not measured here", why, chart=chart, measured=False)


def cost(pair: Pair) -> Criterion:
    """Compare what a million predictions cost: the price of the hour over the best throughput."""
    contest, name = pair.contest, "Cost of a million"
    price = contest.report.config.get("price_per_hour")
    if not isinstance(price, int | float):
        return unmeasured(pair, name, (None, None), why="No price_per_hour was given.")
    if row_of("throughput") not in contest.metrics:
        return unmeasured(pair, name, (None, None), why="No workload is judged by its throughput.")
    known: dict[str | None, str] = {
        side: f"{number(cost_per_million(rate, price))}, {endpoint}"
        for side, endpoint in zip(pair.sides, pair.best("throughput"), strict=True)
        if endpoint and (rate := contest.figure(endpoint, "throughput"))
    }
    found = judged(pair, row_of("throughput"), Criterion(name, pair.cells(known), "", "", chart="cost"), "cheaper")
    load = contest.load("throughput")
    rule = f"{price:g} an hour over the throughput at {load}; on one machine the ratio is the throughput's."
    return replace(found, why=f"{found.why} {rule}")


def least_of(figures: Iterable[tuple[str | None, float, str]]) -> dict[str | None, tuple[float, str]]:
    """Return each framework's least figure with whose it is; of equal ones the first."""
    best: dict[str | None, tuple[float, str]] = {}
    for framework, figure, whose in figures:
        if framework not in best or figure < best[framework][0]:
            best[framework] = figure, whose
    return best


def smallest(pair: Pair, name: str, what: str, formats: Collection[str]) -> Criterion:
    """Compare the smallest artifacts among formats."""
    weighed = [a for a in pair.contest.usable if a.format in formats]
    best = least_of((BY_NAME[a.format].framework, a.size_bytes, a.format) for a in weighed)
    return exact(pair, name, best, f"Counted: {what}.")


def edge_size(pair: Pair) -> Criterion:
    """Compare the smallest artifacts that an edge runtime takes."""
    found = smallest(pair, "Edge size", "the smallest that an edge runtime takes", EDGE)
    missing = next((side for side, cell in zip(pair.sides, found.best, strict=True) if cell is None), None)
    if missing is None:
        return with_runtime(pair, found.name) or found
    whole = [row.name for row in TABLE if row.framework == missing and not row.edge]
    why = f"No edge format of {missing} that can be used was exported in this run"
    why += f"; {listed(whole)} need{'s' * (len(whole) == 1)} all of it." if whole else "."
    return unmeasured(pair, found.name, found.best, "sizes", why)


def with_runtime(pair: Pair, name: str) -> Criterion | None:
    """Compare what an app carries, artifact and runtime; None unless `bakeoff sizes --measure` knows both sides."""
    rows = [row for row in pair.contest.sizes if row.format in EDGE and row.reason is None]
    best = least_of(
        (BY_NAME[row.format].framework, row.app_bytes, f"{row.format} in {row.runtime}")
        for row in rows
        if row.app_bytes is not None
    )
    found = exact(pair, name, best, "Counted: the artifact and its runtime's shared objects, the least an app carries.")
    return found if found.measured else None


def exact(pair: Pair, name: str, best: Mapping[str | None, tuple[float, str]], why: str) -> Criterion:
    """Compare two sizes without chance in them: the sides'."""
    cells = pair.cells({side: f"{size(figure)}, {whose}" for side, (figure, whose) in best.items()})
    if None in cells:
        return unmeasured(pair, name, cells, "sizes")
    ratio = best[pair.sides[0]][0] / best[pair.sides[1]][0]
    if ratio == 1:
        return Criterion(name, cells, "equal", why, ratio=1.0, chart="sizes")
    winner, by = pair.ahead(ratio)
    return Criterion(name, cells, f"{winner}: {times(by)} smaller", why, winner, ratio, chart="sizes")


def least(
    pair: Pair, name: str, what: str, figures: Mapping[str, float], in_words: Callable[[float], str]
) -> Criterion:
    """Compare the least of a figure that each server has once: there is no interval, and so no winner by chance."""
    states = sorted((state.name, state.framework) for state in pair.contest.report.targets if state.name in figures)
    best = least_of((framework, figures[name], name) for name, framework in states)
    cells = pair.cells({side: f"{in_words(figure)}, {target}" for side, (figure, target) in best.items()})
    if None in cells:
        return unmeasured(pair, name, cells, "resources")
    ratio = best[pair.sides[0]][0] / best[pair.sides[1]][0]
    ahead, by = pair.ahead(ratio)
    outcome = f"{ahead}'s figure is {times(by)} lower" if ratio != 1 else "equal"
    why = f"One figure a server ({what}): no interval, so only a large difference means something."
    return Criterion(name, cells, outcome, why, ratio=ratio, chart="resources")


def protocols(pair: Pair) -> Criterion:
    """Say over which protocols each framework's servers answered rightly under load."""
    contest = pair.contest
    answered = {(contest.framework(endpoint), m.protocol) for endpoint, m in contest.endpoints.items()}
    spoken = {side: [p for p in PROTOCOLS if (side, p) in answered] for side in pair.sides}
    cells = pair.cells({side: ", ".join(PROTOCOL_WORDS[p] for p in ps) for side, ps in spoken.items() if ps})
    if None in cells:
        return unmeasured(pair, "Protocols", cells, "protocols")
    first, second = spoken.values()
    if first == second:
        outcome = "both speak the same"
    elif len(first) == len(second):
        outcome = "as many, not the same"
    else:
        outcome = f"{max(pair.sides, key=lambda side: len(spoken[side]))} speaks more"
    why = "Those with a valid trial in this run, by any of its servers; binary is an addition of this project."
    return Criterion("Protocols", cells, outcome, why, chart="protocols")


def dynamic_shapes(pair: Pair) -> Criterion:
    """Say which formats held up at every shape that was tried: batch sizes, and lengths where the model has any."""
    contest = pair.contest
    free = [i for i in contest.model.inputs if None in i.shape[1:]]
    held, all_ = contest.held, [*contest.held, *contest.not_held]
    mine = {side: [name for name in all_ if BY_NAME[name].framework == side] for side in pair.sides}
    cells = pair.cells(
        {side: f"{sum(f in held for f in names)} of {len(names)} formats" for side, names in mine.items() if names}
    )
    if None in cells:
        return unmeasured(pair, "Dynamic shapes", cells)
    tried = sorted({p.batch for a in contest.artifacts for p in a.parity if p.batch is not None})
    what = f"batches of {' and '.join(map(str, tried))}" if tried else "several batches"
    what += f" and lengths of {', '.join(map(str, contest.model.lengths))}" if contest.model.lengths else ""
    why = f"Formats whose one artifact ran at {what}; those in fp32 also agreed with PyTorch within its tolerance."
    gone = [m.format for m in contest.missing]
    why += f" Unavailable: {', '.join(gone)}; the reasons are with the sizes." if gone else ""
    if not free:
        return Criterion("Dynamic shapes", cells, "free batch only", f"{why} This model has no other free dimension.")
    return Criterion("Dynamic shapes", cells, "batch and length free", why)
