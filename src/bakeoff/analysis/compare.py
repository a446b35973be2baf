"""From per-trial figures to statements: ratios with intervals, and verdicts for one family of them."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from bakeoff.analysis.intervals import Estimate, estimate_difference, estimate_mean
from bakeoff.schema import FLOORS, Comparison, Measurement, Report, Verdict
from bakeoff.schema.metrics import row_of, shown_in, usual_judge

ALPHA = 0.05
MARGIN = 1.05
"""Ratios within [1/MARGIN, MARGIN] are the same for every practical purpose."""
ROUNDS_FOR_VERDICT = 5
"""With fewer, the t quantile is so large that nothing can be decided after the adjustment: intervals, no verdicts."""

USUAL_REFERENCE = "torchserve-rest"
"""What a PyTorch model is deployed on first."""

Series = Mapping[int, float]
"""One figure a round, of the rounds whose trial is valid; figures are above 0."""


class Place(NamedTuple):
    """What one series is of."""

    model: str
    workload: str
    metric: str
    judged: bool
    """Whether it belongs to the family that gets verdicts."""


@dataclass(frozen=True, slots=True)
class Contrast:
    """The logarithm of a ratio, before it is judged."""

    place: Place
    a: str
    b: str
    log_ratio: Estimate
    span: tuple[float, float] | tuple[None, None] = (None, None)
    """The smallest and the largest ratio of a round."""


def compare_endpoints(measurements: Iterable[Measurement], reference: str) -> list[Comparison]:
    """Compare every endpoint with the reference, round by round; the judged ones are one family of verdicts.

    A floor gets ratios to a contender, too: how far that is from what costs nothing. It gets no verdict.
    """
    contrasts, found = [], collect_series(measurements)
    bases = {place._replace(judged=False): of[reference] for place, of in found.items() if reference in of}
    for place, endpoints in found.items():
        base = bases.get(place._replace(judged=False), {})
        for endpoint, series in endpoints.items():
            if endpoint != reference and series.keys() & base.keys():
                ratio = contrast_paired(series, base)
                contrasts.append(Contrast(place, endpoint, reference, ratio, range_paired(series, base)))
    return conclude(contrasts)


def compare_runs(
    new: Iterable[Measurement], old: Iterable[Measurement], reference: str | None = None
) -> list[Comparison]:
    """Compare each endpoint of one run with itself in another; the judged ones are one family of verdicts.

    The runs have no rounds in common, so their figures are two independent groups. With a reference, what is compared
    is each endpoint's ratio to it within the round, which is all that runs on two machines can share. The new run says
    which ratios are judged.
    """
    news, olds = collect_series(new), collect_series(old)
    contrasts = []
    for place, endpoints in news.items():
        ours, theirs = (_relative(series, reference) for series in (endpoints, series_at(olds, place)))
        for endpoint in ours.keys() & theirs.keys():
            log_ratio = contrast_unpaired(ours[endpoint], theirs[endpoint])
            contrasts.append(Contrast(place, endpoint, endpoint, log_ratio))
    return conclude(sorted(contrasts, key=lambda contrast: (contrast.place, contrast.a)))


def default_reference(report: Report) -> str | None:
    """Return the endpoint to compare the others with: torchserve-rest, else the first by name that is no floor.

    Only endpoints with a valid trial count; None where there is none.
    """
    measured = {m.endpoint for m in report.measurements if m.verdict == "valid" and m.target not in FLOORS}
    return USUAL_REFERENCE if USUAL_REFERENCE in measured else min(measured, default=None)


def collect_series(measurements: Iterable[Measurement]) -> dict[Place, dict[str, dict[int, float]]]:
    """Return each place's series by endpoint; of several valid trials in a round the last counts.

    A figure that is missing (too few requests, or a failed one at the percentile) leaves its round out.
    """
    found: dict[Place, dict[str, dict[int, float]]] = defaultdict(lambda: defaultdict(dict))
    for m in measurements:
        if m.verdict != "valid":
            continue
        for row in shown_in("ratios"):
            figure = row.of(m)
            if figure is not None and figure > 0:
                found[Place(m.model, m.workload, row.name, is_judged(m, row.name))][m.endpoint][m.round] = figure
    return found


def series_at(found: Mapping[Place, Mapping[str, Series]], place: Place) -> dict[str, Series]:
    """Return a place's series by endpoint, whether or not they are judged."""
    return {**found.get(place._replace(judged=False), {}), **found.get(place._replace(judged=True), {})}


def is_judged(measurement: Measurement, name: str) -> bool:
    """Tell whether a metric's figure gets a verdict: its workload is judged by it, and it is no floor's."""
    if measurement.target in FLOORS:
        return False
    judged_by = usual_judge(measurement) if measurement.judged_by is None else measurement.judged_by
    return judged_by == name


def contrast_paired(a: Series, b: Series) -> Estimate:
    """Estimate log(a/b) from the rounds that both have, at least one: what a round does to both cancels."""
    return estimate_mean([math.log(a[number] / b[number]) for number in sorted(a.keys() & b.keys())])


def range_paired(a: Series, b: Series) -> tuple[float, float]:
    """Return the smallest and the largest a/b of the rounds that both have, at least one."""
    ratios = [a[number] / b[number] for number in a.keys() & b.keys()]
    return min(ratios), max(ratios)


def contrast_unpaired(a: Series, b: Series) -> Estimate:
    """Estimate log(a/b) from runs without common rounds, by Welch's t on the logarithms."""
    return estimate_difference(*([math.log(figure) for figure in series.values()] for series in (a, b)))


def conclude(contrasts: Sequence[Contrast]) -> list[Comparison]:
    """Turn contrasts into ratios with intervals, and judge those of the family that have enough rounds.

    A judged interval's confidence is Holm's for its place in the family; all others hold 95% each, for themselves.
    """
    judged = [c for c in contrasts if c.place.judged and c.log_ratio.count >= ROUNDS_FOR_VERDICT]
    levels = iter(holm_levels([c.log_ratio.p_value() for c in judged]))
    statements = []
    for c in contrasts:
        is_in_family = c.place.judged and c.log_ratio.count >= ROUNDS_FOR_VERDICT
        confidence = 1 - (next(levels) if is_in_family else ALPHA)
        interval = c.log_ratio.interval(confidence)
        low, high = (None, None) if interval is None else (math.exp(interval[0]), math.exp(interval[1]))
        verdict = judge(low, high, c.place.metric) if is_in_family and low is not None and high is not None else None
        statements.append(
            Comparison(
                model=c.place.model,
                a=c.a,
                b=c.b,
                workload=c.place.workload,
                metric=c.place.metric,
                ratio=math.exp(c.log_ratio.value),
                low=low,
                high=high,
                verdict=verdict,
                confidence=confidence,
                rounds=c.log_ratio.count,
                least=c.span[0],
                most=c.span[1],
            )
        )
    return statements


def holm_levels(p_values: Sequence[float], alpha: float = ALPHA) -> list[float]:
    """Return for each hypothesis "the ratio is 1" the level at which its interval is to be read.

    Holm's test goes through m p-values from the smallest up and rejects the k-th while it is below alpha/(m-k+1).
    A rejected one keeps that level, so that its interval excludes 1 just when Holm rejects: the chance of any wrong
    "faster" or "slower" in the family is at most alpha, whatever depends on what. Those that aren't rejected all get
    the first level, alpha/m, and not the one where the test stopped: their intervals hold together, so that the chance
    of any wrong "same" is at most alpha too. The level of the stop doesn't promise that: the least significant of many
    real differences would be judged by itself, though it was chosen for being the least significant.

    The promise is on verdicts. The intervals of the rejected don't hold all at once; no intervals as narrow do.

    Source: Holm, "A simple sequentially rejective multiple test procedure", Scand. J. Statist. 6 (1979); step-down
    intervals: Serlin, "Confidence intervals and the scientific method: a case for Holm on the range", J. Exp. Educ. 61
    (1993); Ludbrook, "Multiple inferences using confidence intervals", Clin. Exp. Pharmacol. Physiol. 27 (2000).
    """
    count = len(p_values)
    levels = [alpha / max(count, 1)] * count
    for rank, place in enumerate(sorted(range(count), key=p_values.__getitem__)):
        level = alpha / (count - rank)
        if p_values[place] >= level:
            break
        levels[place] = level
    return levels


def judge(low: float, high: float, name: str) -> Verdict:
    """Return what an adjusted interval of a metric's ratio says of its first endpoint."""
    if low > 1 or high < 1:
        return "faster" if (low > 1) == (row_of(name).better == "more") else "slower"
    return "same" if low >= 1 / MARGIN and high <= MARGIN else "inconclusive"


def find_regressions(comparisons: Iterable[Comparison]) -> list[Comparison]:
    """Return what got slower with the whole interval beyond the margin: a difference that is sure and matters."""
    return [
        c
        for c in comparisons
        if c.verdict == "slower"
        and c.low is not None
        and c.high is not None
        and (c.low > MARGIN or c.high < 1 / MARGIN)
    ]


def _relative(endpoints: Mapping[str, Series], reference: str | None) -> dict[str, Series]:
    """Return each endpoint's series divided by the reference's, round by round; unchanged without a reference."""
    if reference is None:
        return dict(endpoints)
    base = endpoints.get(reference, {})
    ratios = {
        endpoint: {number: figure / base[number] for number, figure in series.items() if number in base}
        for endpoint, series in endpoints.items()
        if endpoint != reference
    }
    return {endpoint: series for endpoint, series in ratios.items() if series}
