"""PyTorch against TensorFlow by what decides a deployment: who wins, by how much, how sure, and what isn't known."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

from bakeoff.analysis.capacity import cost_per_million
from bakeoff.report.answer import advantage
from bakeoff.report.cells import number
from bakeoff.report.contest import FRAMEWORKS, Contest
from bakeoff.report.words import PROTOCOL_WORDS, certainty, seconds, size, times
from bakeoff.schema import EXACT_FORMATS, PROTOCOLS, Comparison
from bakeoff.schema.formats import BY_NAME, TABLE
from bakeoff.sizes import SizeRow

EDGE = {row.name for row in TABLE if row.edge and row.framework}
"""Formats of either framework for a device."""


@dataclass(frozen=True, slots=True)
class Criterion:
    """One criterion.

    `best`: PyTorch's and TensorFlow's best figure, each with whose it is. `ratio`, `low` and `high`: TensorFlow's
    advantage, above 1 where it is better; None where it isn't a number. `chart` names the chart with the evidence.
    """

    name: str
    best: tuple[str, str]
    outcome: str
    why: str
    winner: str | None = None
    ratio: float | None = None
    low: float | None = None
    high: float | None = None
    chart: str | None = None


def criteria(contest: Contest) -> list[Criterion]:
    """Return all criteria of a model."""
    return [
        measured(contest, "Latency", "p50", "latency"),
        measured(contest, "Throughput", "throughput", "throughput"),
        cost(contest),
        smallest(contest, "Artifact size", "the smallest that loses no precision (fp32)", EXACT_FORMATS),
        edge_size(contest),
        least(contest, "Memory", "peak of all of a server's processes", least_memory(contest), size),
        least(contest, "Start-up", "from start to the first right answers", start_up(contest), seconds),
        protocols(contest),
        dynamic_shapes(contest),
    ]


def measured(contest: Contest, name: str, metric: str, chart: str) -> Criterion:
    """Compare the best endpoint of each framework at a metric that has verdicts."""
    best = [next(iter(contest.ranking(metric, framework)), None) for framework in FRAMEWORKS]
    unit = "ms p50" if metric == "p50" else "req/s"
    torch, tf = best
    cells = (_best_words(contest, torch, metric, unit), _best_words(contest, tf, metric, unit))
    if torch is None or tf is None:
        return unmeasured(name, cells, chart)
    found = advantage(contest, metric, tf, torch)
    if found is None:
        return Criterion(name, cells, "no ratio", certainty(None), chart=chart)
    if not beats_all(contest, metric, found):
        found = replace(found, verdict="inconclusive")
    outcome, winner = judged_words(found, "faster" if metric == "p50" else "the throughput")
    return Criterion(name, cells, outcome, certainty(found), winner, found.ratio, found.low, found.high, chart)


def beats_all(contest: Contest, metric: str, found: Comparison) -> bool:
    """Return whether a verdict's better endpoint is faster than all of the other framework's, not only its best."""
    if found.verdict not in ("faster", "slower"):
        return True
    better, framework = (found.a, "PyTorch") if found.verdict == "faster" else (found.b, "TensorFlow")
    others = (advantage(contest, metric, better, other) for other in contest.ranking(metric, framework))
    return all(other is not None and other.verdict == "faster" for other in others)


def judged_words(found: Comparison, what: str) -> tuple[str, str | None]:
    """Say a ratio of TensorFlow's best over PyTorch's, and name a winner only where a verdict does."""
    ahead, ratio, low, high = "TensorFlow", found.ratio, found.low, found.high
    if ratio < 1:
        ahead, ratio = "PyTorch", 1 / ratio
        low, high = found.high and 1 / found.high, found.low and 1 / found.low
    by = times(ratio, low, high)
    if found.verdict == "same":
        return f"The same: {by}", None
    if found.verdict in ("faster", "slower"):
        winner = "TensorFlow" if found.verdict == "faster" else "PyTorch"
        return f"{winner}: {by} {what}", winner
    return f"Undecided; {ahead}'s figure is {by} better", None


def sides(cells: Iterable[str]) -> tuple[str, str]:
    """Return what stands on PyTorch's and on TensorFlow's side."""
    torch, tf = cells
    return torch, tf


def _best_words(contest: Contest, endpoint: str | None, metric: str, unit: str) -> str:
    if endpoint is None:
        return "not measured"
    return f"{number(contest.figure(endpoint, metric))} {unit}, {endpoint}"


def unmeasured(name: str, cells: tuple[str, str], chart: str | None = None) -> Criterion:
    """Return a criterion that lacks a side."""
    missing = [f for f, cell in zip(FRAMEWORKS, cells, strict=True) if cell == "not measured"]
    why = f"Nothing of {' and '.join(missing)} was measured in this run."
    return Criterion(name, cells, "not measured here", why, chart=chart)


def cost(contest: Contest) -> Criterion:
    """Compare what a million predictions cost: the price of the hour over the best throughput."""
    price = contest.report.config.get("price_per_hour")
    base = measured(contest, "Cost of a million", "throughput", "cost")
    if not isinstance(price, int | float):
        return Criterion(
            base.name, ("not measured", "not measured"), "not measured here", "No price_per_hour was given."
        )
    best = [next(iter(contest.ranking("throughput", framework)), None) for framework in FRAMEWORKS]
    rates = [contest.figure(endpoint, "throughput") if endpoint else None for endpoint in best]
    cells = sides(
        f"{number(cost_per_million(rate, price))}, {endpoint}" if rate else "not measured"
        for rate, endpoint in zip(rates, best, strict=True)
    )
    rule = f" {price:g} an hour over the throughput at eight callers; on one machine the ratio is the throughput's."
    outcome = base.outcome.replace("the throughput", "cheaper")
    return Criterion(
        base.name, cells, outcome, base.why + rule, base.winner, base.ratio, base.low, base.high, base.chart
    )


def smallest(contest: Contest, name: str, what: str, formats: Iterable[str]) -> Criterion:
    """Compare the smallest artifacts among formats."""
    allowed = set(formats)
    weighed = {
        f: [a for a in contest.usable if a.format in allowed and BY_NAME[a.format].framework == f] for f in FRAMEWORKS
    }
    best = {f: min(found, key=lambda a: a.size_bytes) for f, found in weighed.items() if found}
    cells = sides(f"{size(best[f].size_bytes)}, {best[f].format}" if f in best else "not measured" for f in FRAMEWORKS)
    if len(best) < len(FRAMEWORKS):
        return unmeasured(name, cells, "sizes")
    figures = [float(best[f].size_bytes) for f in FRAMEWORKS]
    return exact(name, cells, figures, "smaller", f"Counted: {what}.", "sizes")


def edge_size(contest: Contest) -> Criterion:
    """Compare the smallest artifacts that an edge runtime takes."""
    found = smallest(contest, "Edge size", "the smallest that an edge runtime takes", EDGE)
    if found.best[0] != "not measured":
        return with_runtime(contest, found.name) or found
    why = "No edge format of PyTorch that can be used was exported in this run; torchscript needs all of it."
    return Criterion(found.name, found.best, "not measured here", why, chart="sizes")


def with_runtime(contest: Contest, name: str) -> Criterion | None:
    """Compare what an app carries, artifact and runtime; None unless `bakeoff sizes --measure` knows both sides."""
    known = [row for row in contest.sizes if row.format in EDGE and row.reason is None and row.app_bytes is not None]
    best: dict[str, SizeRow] = {}
    for row in sorted(known, key=lambda row: -(row.app_bytes or 0)):
        best[str(BY_NAME[row.format].framework)] = row
    if not best.keys() >= set(FRAMEWORKS):
        return None
    cells = sides(f"{size(best[f].app_bytes or 0)}, {best[f].format} in {best[f].runtime}" for f in FRAMEWORKS)
    figures = [float(best[f].app_bytes or 0) for f in FRAMEWORKS]
    return exact(
        name,
        cells,
        figures,
        "smaller",
        "Counted: the artifact and its runtime's shared objects, the least an app carries.",
        "sizes",
    )


def exact(name: str, cells: tuple[str, str], figures: Sequence[float], word: str, why: str, chart: str) -> Criterion:
    """Compare two figures without chance in them, less being better: PyTorch's, TensorFlow's."""
    ratio = figures[0] / figures[1]
    if ratio == 1:
        return Criterion(name, cells, "equal", why, ratio=1.0, chart=chart)
    winner = "TensorFlow" if ratio > 1 else "PyTorch"
    outcome = f"{winner}: {times(max(ratio, 1 / ratio))} {word}"
    return Criterion(name, cells, outcome, why, winner, ratio, chart=chart)


def least(
    contest: Contest, name: str, what: str, figures: dict[str, float], in_words: Callable[[float], str]
) -> Criterion:
    """Compare the least of a figure that each server has once: there is no interval, and so no winner by chance."""
    best = {}
    for framework in FRAMEWORKS:
        known = [(figures[s.name], s.name) for s in contest.of_framework(framework) if s.name in figures]
        if known:
            best[framework] = min(known)
    cells = sides(f"{in_words(best[f][0])}, {best[f][1]}" if f in best else "not measured" for f in FRAMEWORKS)
    if len(best) < len(FRAMEWORKS):
        return unmeasured(name, cells, "resources")
    ratio = best["PyTorch"][0] / best["TensorFlow"][0]
    ahead = "TensorFlow" if ratio > 1 else "PyTorch"
    outcome = f"{ahead}'s figure is {times(max(ratio, 1 / ratio))} lower" if ratio != 1 else "equal"
    why = f"One figure a server ({what}): no interval, so only a large difference means something."
    return Criterion(name, cells, outcome, why, ratio=ratio, chart="resources")


def peak_memory(contest: Contest) -> dict[tuple[str, str], float]:
    """Return the largest memory of all of a server's processes under load, in bytes, by target and format."""
    found: dict[tuple[str, str], float] = {}
    for m in contest.trials:
        if m.peak_rss_bytes:
            place = m.target, m.format
            found[place] = max(found.get(place, 0.0), float(m.peak_rss_bytes))
    return found


def least_memory(contest: Contest) -> dict[str, float]:
    """Return each target's peak memory under load, in bytes; of several formats the least."""
    found: dict[str, float] = {}
    for (target, _), peak in peak_memory(contest).items():
        found[target] = min(found.get(target, peak), peak)
    return found


def start_up(contest: Contest) -> dict[str, float]:
    """Return each target's seconds to the first right answers with this model; of several formats the least."""
    return {
        state.name: min(times_)
        for state in contest.report.targets
        if (
            times_ := [
                s for what, s in (state.ready_seconds or {}).items() if what.startswith(f"{contest.model.name} ")
            ]
        )
    }


def protocols(contest: Contest) -> Criterion:
    """Say over which protocols each framework's servers answered rightly under load."""
    spoken = {
        f: [
            p
            for p in PROTOCOLS
            if any(m.protocol == p and contest.framework(e) == f for e, m in contest.endpoints.items())
        ]
        for f in FRAMEWORKS
    }
    cells = sides(", ".join(PROTOCOL_WORDS[p] for p in spoken[f]) or "not measured" for f in FRAMEWORKS)
    if "not measured" in cells:
        return unmeasured("Protocols", cells, "protocols")
    torch, tf = spoken.values()
    if torch == tf:
        outcome = "both speak the same"
    elif len(torch) == len(tf):
        outcome = "as many, not the same"
    else:
        outcome = f"{max(FRAMEWORKS, key=lambda f: len(spoken[f]))} speaks more"
    why = (
        "Those with a valid trial in this run, by any of its servers. Bytes over REST are an addition of this project."
    )
    return Criterion("Protocols", cells, outcome, why, chart="protocols")


def dynamic_shapes(contest: Contest) -> Criterion:
    """Say which formats held up at every shape that was tried: batch sizes, and lengths where the model has any."""
    free = [i for i in contest.model.inputs if None in i.shape[1:]]
    held, all_ = contest.held, [*contest.held, *contest.not_held]
    mine = {f: [name for name in all_ if BY_NAME[name].framework == f] for f in FRAMEWORKS}
    cells = sides(
        f"{sum(name in held for name in mine[f])} of {len(mine[f])} formats" if mine[f] else "not measured"
        for f in FRAMEWORKS
    )
    if "not measured" in cells:
        return unmeasured("Dynamic shapes", cells)
    tried = sorted({p.batch for a in contest.artifacts for p in a.parity if p.batch is not None})
    what = f"batches of {' and '.join(map(str, tried))}" if tried else "several batches"
    what += f" and lengths of {', '.join(map(str, contest.model.lengths))}" if contest.model.lengths else ""
    why = f"Formats whose one artifact ran at {what}; those in fp32 also agreed with PyTorch within its tolerance."
    gone = [m.format for m in contest.missing]
    why += f" Not to be had: {', '.join(gone)}; why stands with the sizes." if gone else ""
    if not free:
        return Criterion("Dynamic shapes", cells, "free batch only", f"{why} This model has no other free dimension.")
    return Criterion("Dynamic shapes", cells, "batch and length free", why)
