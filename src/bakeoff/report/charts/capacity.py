"""How much load an endpoint bears: brackets under an objective with their cost, and sweeps with their knee."""

from __future__ import annotations

from collections.abc import Sequence

from bakeoff.analysis.capacity import cost_per_million
from bakeoff.report.cells import Table, number, tabulate
from bakeoff.report.charts import vega
from bakeoff.report.charts.chart import Chart, Panel, target_colour
from bakeoff.report.charts.vega import Spec
from bakeoff.report.contest import Contest
from bakeoff.report.searches import Search, of_kind
from bakeoff.report.words import bracket


def capacity_chart(contest: Contest, searches: Sequence[Search]) -> Chart | None:
    """Draw what the searches kept in the run's folder found; None where there are none."""
    objectives = [_objective(search) for search in of_kind(searches, sweep=False)]
    points = [row for search in of_kind(searches, sweep=True) for row in _points(search)]
    panels = [Panel("Highest rate under the objective", _brackets(contest, objectives))] if objectives else []
    panels += [Panel("Sweeps of callers, the knee marked", _sweeps(contest, points, objectives))] if points else []
    if not panels:
        return None
    says = " ".join(_words(row) for row in objectives)
    knees = [f"{row['endpoint']} at {_callers(row)}" for row in points if row["knee"]]
    says += f" Knees: {', '.join(knees)}." if knees else ""
    return Chart("capacity", "Capacity", says.strip(), tuple(panels), _table(contest, objectives, points))


def _objective(search: Search) -> Spec:
    found = search.found
    rate = found.rate_rps or found.low
    return {
        "endpoint": found.endpoint,
        "target": search.measurements[0].target,
        "name": f"{found.endpoint}, p99 under {found.slo_ms:g} ms",
        "slo": found.slo_ms,
        "rate": found.rate_rps,
        "low": found.low,
        "high": found.high,
        "cost": cost_per_million(rate, found.price) if rate and found.price is not None else None,
        "requests": sum(step.requests for step in found.steps),
    }


def _words(row: Spec) -> str:
    rate, low, high = row["rate"], row["low"], row["high"]
    cost = "" if row["cost"] is None else f" A million cost {number(row['cost'])} at {number(rate or low)} req/s."
    if rate is not None:
        return f"{row['endpoint']} bears {number(rate)} req/s with its p99 under {row['slo']:g} ms, confirmed.{cost}"
    return f"{row['endpoint']}: undecided, its capacity under {row['slo']:g} ms {bracket(low, high)}.{cost}"


def _callers(row: Spec) -> str:
    return "1 caller" if row["callers"] == 1 else f"{row['callers']} callers"


def _points(search: Search) -> list[Spec]:
    return [
        {
            "endpoint": search.found.endpoint,
            "target": search.measurements[0].target,
            "callers": point.concurrency,
            "rps": vega.significant(point.throughput_rps),
            "ms": vega.significant(point.latency_ms),
            "knee": point == search.found.knee,
        }
        for point in search.found.points
        if point.latency_ms
    ]


def _brackets(contest: Contest, rows: list[Spec]) -> Spec:
    known = [end for row in rows for end in (row["low"], row["high"]) if end]
    scale = {"domain": [0, vega.significant(1.1 * max(known, default=1.0))], "nice": False}
    low = vega.figure("low", title="requests a second (Poisson)", scale=scale)
    tips, bar = vega.tip("endpoint", "slo", "rate", "low", "high", "cost"), {"height": 10}
    both = "datum.low != null && datum.high != null"
    layers = [
        vega.layer("bar", bar, "datum.low != null", x=low, tooltip=tips, opacity=vega.focused()),
        vega.layer("bar", bar, both, x=low, x2={"field": "high"}, opacity=vega.focused(0.35), tooltip=tips),
    ]
    y = {"field": "name", "type": "nominal", "title": None, "axis": {"labelLimit": 240}}
    return vega.view(rows, layers, {"y": y, "color": target_colour(contest)}, 34 * len(rows))


def _sweeps(contest: Contest, rows: list[Spec], objectives: list[Spec]) -> Spec:
    limits = [row["slo"] for row in objectives]
    common = {
        "x": vega.figure("rps", **vega.log_axis("throughput, req/s (log scale)", [r["rps"] for r in rows])),
        "y": vega.figure("ms", **vega.log_axis("p50, ms (log scale)", [*(row["ms"] for row in rows), *limits])),
        "color": target_colour(contest),
        "opacity": vega.focused(),
    }
    layers = [
        vega.layer("line", detail={"field": "endpoint"}, order={"field": "callers"}),
        vega.layer("point", tooltip=vega.tip("endpoint", "callers", "rps", "ms")),
        vega.layer("point", {"size": 220, "filled": False, "strokeWidth": 2}, "datum.knee"),
        vega.layer("text", {"dy": -14}, "datum.knee", text={"field": "endpoint"}),
    ]
    for limit in dict.fromkeys(limits):
        layers += _limit(limit)
    return vega.view(rows, layers, common)


def _limit(slo_ms: float) -> list[Spec]:
    """Draw an objective: it binds the p99, which lies above the curve."""
    plain: Spec = {"x": None, "color": None, "opacity": None, "y": {"datum": slo_ms}}
    said = {"text": {"value": f"the p99's limit, {slo_ms:g} ms"}, "x": {"value": 4}}
    once: Spec = {"data": {"values": [{}]}}
    rule = vega.layer("rule", {"strokeDash": [5, 4]}, **plain)
    return [once | rule, once | vega.layer("text", {"align": "left", "dy": -6}, **(plain | said))]


def _table(contest: Contest, objectives: list[Spec], points: list[Spec]) -> Table:
    rows = []
    for row in objectives:
        outcome = "undecided" if row["rate"] is None else "confirmed"
        rows.append(row | {"what": f"p99 under {row['slo']:g} ms, {outcome}", "ms": None})
    for row in points:
        what = _callers(row) + (", the knee" if row["knee"] else "")
        rows.append(row | {"what": what, "low": row["rps"], "high": None, "cost": None})
    says = "By bakeoff capacity --out DIR/capacity-NAME into this run's folder: measured apart from the trials above."
    columns = {"endpoint": "endpoint", "what": "what", "req/s": "low", "at most": "high"}
    columns |= {"p50 ms": "ms", "cost of a million": "cost"}
    return tabulate(f"{contest.model.name}: capacity", says, rows, columns, 2)
