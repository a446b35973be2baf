"""How much load an endpoint bears: brackets under an objective with their cost, and sweeps with their knee."""

from __future__ import annotations

from collections.abc import Sequence

from bakeoff.analysis.capacity import cost_per_million
from bakeoff.report.cells import MISSING, Table, number
from bakeoff.report.charts.chart import Chart, Panel, Spec, focused, log_axis, significant, target_colour, view
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
    priced = rate is not None and found.price is not None
    return {
        "endpoint": found.endpoint,
        "target": search.measurements[0].target,
        "name": f"{found.endpoint}, p99 under {found.slo_ms:g} ms",
        "slo": found.slo_ms,
        "rate": found.rate_rps,
        "low": found.low,
        "high": found.high,
        "cost": cost_per_million(rate, found.price) if priced and rate and found.price is not None else None,
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
            "rps": significant(point.throughput_rps),
            "ms": significant(point.latency_ms),
            "knee": point == search.found.knee,
        }
        for point in search.found.points
        if point.latency_ms
    ]


def _brackets(contest: Contest, rows: list[Spec]) -> Spec:
    known = [end for row in rows for end in (row["low"], row["high"]) if end]
    x: Spec = {"type": "quantitative", "title": "requests a second (Poisson)"}
    x["scale"] = {"domain": [0, significant(1.1 * max(known, default=1.0))], "nice": False}
    tip = [{"field": name} for name in ("endpoint", "slo", "rate", "low", "high", "cost")]
    layers: list[Spec] = [
        {
            "transform": [{"filter": "datum.low != null"}],
            "mark": {"type": "bar", "height": 10},
            "encoding": {"x": x | {"field": "low"}, "tooltip": tip, "opacity": focused()},
        },
        {
            "transform": [{"filter": "datum.low != null && datum.high != null"}],
            "mark": {"type": "bar", "height": 10},
            "encoding": {"x": x | {"field": "low"}, "x2": {"field": "high"}, "opacity": focused(0.35), "tooltip": tip},
        },
    ]
    y = {"field": "name", "type": "nominal", "title": None, "axis": {"labelLimit": 240}}
    return view(rows, layers, {"y": y, "color": target_colour(contest)}, 34 * len(rows))


def _sweeps(contest: Contest, rows: list[Spec], objectives: list[Spec]) -> Spec:
    limits = [row["slo"] for row in objectives]
    y = log_axis("p50, ms (log scale)", [*(row["ms"] for row in rows), *limits])
    common = {
        "x": {
            "field": "rps",
            "type": "quantitative",
            **log_axis("throughput, req/s (log scale)", [r["rps"] for r in rows]),
        },
        "y": {"field": "ms", "type": "quantitative", **y},
        "color": target_colour(contest),
        "opacity": focused(),
    }
    tip = [{"field": name} for name in ("endpoint", "callers", "rps", "ms")]
    layers: list[Spec] = [
        {"mark": "line", "encoding": {"detail": {"field": "endpoint"}, "order": {"field": "callers"}}},
        {"mark": "point", "encoding": {"tooltip": tip}},
        {
            "transform": [{"filter": "datum.knee"}],
            "mark": {"type": "point", "size": 220, "filled": False, "strokeWidth": 2},
        },
        {
            "transform": [{"filter": "datum.knee"}],
            "mark": {"type": "text", "dy": -14},
            "encoding": {"text": {"field": "endpoint"}},
        },
    ]
    for limit in dict.fromkeys(limits):
        layers += _limit(limit)
    return view(rows, layers, common)


def _limit(slo_ms: float) -> list[Spec]:
    """Draw an objective: it binds the p99, which lies above the curve."""
    plain: Spec = {"x": None, "color": None, "opacity": None, "y": {"datum": slo_ms}}
    said = {"text": {"value": f"the p99's limit, {slo_ms:g} ms"}, "x": {"value": 4}}
    text = {"type": "text", "align": "left", "dy": -6}
    rule = {"type": "rule", "strokeDash": [5, 4]}
    once: Spec = {"values": [{}]}
    return [
        {"data": once, "mark": rule, "encoding": plain},
        {"data": once, "mark": text, "encoding": plain | said},
    ]


def _table(contest: Contest, objectives: list[Spec], points: list[Spec]) -> Table:
    columns = ("endpoint", "what", "req/s", "at most", "p50 ms", "cost of a million")
    rows = [
        (
            row["endpoint"],
            f"p99 under {row['slo']:g} ms" + (", confirmed" if row["rate"] is not None else ", undecided"),
            number(row["low"]),
            number(row["high"]),
            MISSING,
            number(row["cost"]),
        )
        for row in objectives
    ]
    rows += [
        (
            row["endpoint"],
            _callers(row) + (", the knee" if row["knee"] else ""),
            number(row["rps"]),
            MISSING,
            number(row["ms"]),
            MISSING,
        )
        for row in points
    ]
    says = "By bakeoff capacity --out DIR/capacity-NAME into this run's folder: measured apart from the trials above."
    return Table(f"{contest.model.name}: capacity", says, columns, tuple(rows), frozenset(columns[2:]))
