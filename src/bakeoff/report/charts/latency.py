"""The latency distribution of every endpoint."""

from __future__ import annotations

import math
from collections import defaultdict
from pathlib import Path

import numpy as np

from bakeoff.analysis.summary import Floats, median, milliseconds, percentile, samples_needed, within
from bakeoff.measure.samples import read_samples
from bakeoff.report.cells import MISSING, Table, number
from bakeoff.report.charts import vega
from bakeoff.report.charts.chart import Chart, Panel, target_colour
from bakeoff.report.charts.vega import Spec
from bakeoff.report.contest import Contest
from bakeoff.report.words import PROTOCOL_WORDS
from bakeoff.schema import FLOORS, PROTOCOLS, Measurement

MARKS = {"p50": -math.log10(0.5), "p90": 1.0, "p99": 2.0, "p99.9": 3.0}
NINES = tuple(sorted({*MARKS.values(), *(round(0.08 * step, 2) for step in range(1, 38))}))
"""Where the curve is drawn: -log10 of the share that is slower, so that p90, p99 and p99.9 lie equally far apart."""


def latency_chart(folder: Path, contest: Contest) -> Chart | None:
    """Draw the distributions at the workload judged by its p50, or at the first; None where there are no samples."""
    workload = contest.calm or next((m.workload for m in contest.valid), None)
    rounds: dict[str, list[Floats]] = defaultdict(list)
    for m in contest.valid:
        if m.workload == workload and (found := latencies(folder, m)) is not None:
            rounds[m.endpoint].append(found)
    curves = {endpoint: curve(found) for endpoint, found in rounds.items()}
    curves = {endpoint: points for endpoint, points in curves.items() if points}
    if not curves:
        return None
    every = [each for points in curves.values() for point in points for each in (point["ms"], point["p0"])]
    x = vega.log_axis("latency, ms (log scale)", every, 1.1)
    panels = []
    for protocol in PROTOCOLS:
        rows = [
            {"endpoint": e, "target": contest.endpoints[e].target, **point}
            for e, points in curves.items()
            if contest.endpoints[e].protocol == protocol
            for point in points
        ]
        if rows:
            panels.append(Panel(PROTOCOL_WORDS[protocol], _spec(contest, rows, x)))
    return Chart("latency", "Latency, to the tail", _says(contest, curves), tuple(panels), _table(contest, curves))


def latencies(folder: Path, measurement: Measurement) -> Floats | None:
    """Return a trial's latencies in ms, ascending; a failed request is infinite. None without samples."""
    path = folder / "samples" / f"{measurement.trial_id}.parquet"
    if not path.exists():
        return None
    samples = read_samples(path)
    inside = within(samples.intended_ns, samples.window)
    found: Floats = np.sort(milliseconds(samples.intended_ns, samples.end_ns, samples.ok)[inside])
    return found if len(found) else None


def curve(rounds: list[Floats]) -> list[dict[str, float]]:
    """Return the median over the rounds of every quantile that all of them can bound, with their least and most."""
    least = min(map(len, rounds))
    points = []
    for nines in NINES:
        quantile = 1 - 10**-nines
        if least < samples_needed(quantile):
            break
        found = [percentile(ordered, quantile) for ordered in rounds]
        if not all(map(math.isfinite, found)):
            break
        low, middle, high = (vega.significant(f) for f in (min(found), median(found), max(found)))
        points.append({"nines": round(nines, 4), "ms": middle, "p0": low, "p1": high})
    return points


def _spec(contest: Contest, rows: list[Spec], x: Spec) -> Spec:
    labels = " : ".join(f"abs(datum.value - {at:.4f}) < 0.01 ? '{name}'" for name, at in MARKS.items())
    axis = {"values": [round(at, 4) for at in MARKS.values()], "labelExpr": f"{labels} : ''"}
    y = vega.figure("nines", axis=axis, scale={"domain": [0, 3]}, title="share of requests answered")
    share = {"calculate": "format(1 - pow(10, -datum.nines), '.2%')", "as": "share"}
    titles = {"endpoint": "endpoint", "ms": "ms", "share": "share answered"}
    tips = [{"field": field, "title": title} for field, title in titles.items()]
    thin, along = {"strokeWidth": 2, "clip": True}, {"orient": "horizontal", "clip": True}
    line = vega.layer(
        "line", thin, x=vega.figure("ms", **x), order={"field": "nines"}, opacity=vega.focused(), tooltip=tips
    )
    band = vega.layer("area", along, x=vega.figure("p0", **x), x2={"field": "p1"}, opacity=vega.focused(0.14))
    common = {"y": y, "color": target_colour(contest), "detail": {"field": "endpoint"}}
    return vega.view(rows, [band, line], common) | {"transform": [share]}


def _says(contest: Contest, curves: dict[str, list[dict[str, float]]]) -> str:
    contenders = [e for e in curves if contest.endpoints[e].target not in FLOORS]
    tails = {e: at(curves[e], MARKS["p90"]) / middle for e in contenders if (middle := at(curves[e], MARKS["p50"]))}
    known = {e: tail for e, tail in tails.items() if math.isfinite(tail)}
    says = "Further left is faster, steeper is steadier; the band spans the rounds, and a curve ends where there were "
    says += "too few requests to bound it. "
    if known:
        steady = min(known, key=lambda e: known[e])
        says += f"Steadiest: {steady}, whose p90 is {number(known[steady])} times its median."
    return says


def at(points: list[dict[str, float]], nines: float) -> float:
    """Return a curve's latency there; NaN where it isn't known."""
    near = [p["ms"] for p in points if abs(p["nines"] - nines) < 0.0001]
    return near[0] if near else math.nan


def _table(contest: Contest, curves: dict[str, list[dict[str, float]]]) -> Table:
    rows = []
    for endpoint, points in curves.items():
        found = [at(points, nines) for nines in MARKS.values()]
        rows.append((endpoint, *(number(f) if math.isfinite(f) else MISSING for f in found)))
    columns = ("endpoint", *(f"{name} ms" for name in MARKS))
    says = "As drawn: medians over the rounds of each round's quantile; a failed request is infinitely slow."
    return Table(f"{contest.model.name}: latency distribution", says, columns, tuple(rows), frozenset(columns[1:]))
