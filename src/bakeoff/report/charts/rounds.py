"""Every trial in the order it ran, so that a drift of the machine is seen."""

from __future__ import annotations

from collections import defaultdict

from bakeoff.analysis.summary import median
from bakeoff.report.cells import Table, number
from bakeoff.report.charts import vega
from bakeoff.report.charts.chart import Chart, Panel, target_colour
from bakeoff.report.charts.vega import Spec
from bakeoff.report.contest import Contest
from bakeoff.schema import FLOORS, Measurement

NEIGHBOURS = 9
"""The moving median's width: wide enough that one odd endpoint doesn't move it."""


def rounds_chart(contest: Contest) -> Chart | None:
    """Draw each trial's p50 over its endpoint's own median, in the order of the run."""
    panels, cells, drifts = [], [], []
    for workload in dict.fromkeys(m.workload for m in contest.trials):
        rows = _rows([m for m in contest.trials if m.workload == workload and m.target not in FLOORS])
        valid = [row for row in rows if row["valid"]]
        if len(valid) < 3:
            continue
        panels.append(Panel(workload, _spec(contest, rows)))
        first, last = valid[: max(len(valid) // 3, 1)], valid[-max(len(valid) // 3, 1) :]
        drift = median([r["ratio"] for r in last]) / median([r["ratio"] for r in first])
        drifts.append(f"{workload} {100 * (drift - 1):+.0f}%")
        cells += _cells(workload, rows)
    if not panels:
        return None
    says = f"From the run's first third to its last the typical trial's latency moved by: {', '.join(drifts)}. "
    says += "A line at 1 is a machine that held still; hollow marks are invalid trials, which count nowhere."
    columns = ("workload", "round", "trials", "invalid", "median of p50 over its endpoint's")
    about = "Floors apart. Each valid trial's p50 over the median of its endpoint's over all rounds: 1 is no drift."
    table = Table(f"{contest.model.name}: rounds", about, columns, tuple(cells), frozenset(columns[1:]))
    return Chart("rounds", "The run over time", says, tuple(panels), table)


def _rows(trials: list[Measurement]) -> list[Spec]:
    known: dict[str, list[float]] = defaultdict(list)
    for m in trials:
        if m.verdict == "valid" and m.latency_ms.p50:
            known[m.endpoint].append(m.latency_ms.p50)
    rows: list[Spec] = [
        {
            "trial": m.trial_id,
            "target": m.target,
            "place": place,
            "ratio": vega.significant(m.latency_ms.p50 / median(known[m.endpoint])),
            "round": m.round,
            "valid": m.verdict == "valid",
        }
        for place, m in enumerate(trials)
        if m.latency_ms.p50 and known[m.endpoint]
    ]
    valid = [row for row in rows if row["valid"]]
    for number_, row in enumerate(valid):
        near = valid[max(number_ - NEIGHBOURS // 2, 0) : number_ + NEIGHBOURS // 2 + 1]
        row["typical"] = vega.significant(median([other["ratio"] for other in near]))
    return rows


def _cells(workload: str, rows: list[Spec]) -> list[tuple[str, ...]]:
    found: list[tuple[str, ...]] = []
    for number_ in sorted({row["round"] for row in rows}):
        mine = [row for row in rows if row["round"] == number_]
        valid = [row["ratio"] for row in mine if row["valid"]]
        middle = number(median(valid) if valid else None)
        found.append((workload, str(number_), str(len(mine)), str(len(mine) - len(valid)), middle))
    return found


def _spec(contest: Contest, rows: list[Spec]) -> Spec:
    reach = 1.15 * max([2.0, *(max(row["ratio"], 1 / row["ratio"]) for row in rows if row["valid"])])
    ticks = [t for t in (0.1, 0.2, 0.5, 0.8, 1, 1.25, 2, 5, 10) if 1 / reach <= t <= reach]
    scale = {"type": "log", "domain": [vega.significant(1 / reach), vega.significant(reach)], "nice": False}
    y = {"scale": scale, "title": "p50 over its endpoint's median (log)", "axis": {"values": ticks, "format": "~g"}}
    x = vega.figure("place", title="place in the run", axis={"grid": False})
    x["scale"] = {"domain": [-1, max(row["place"] for row in rows) + 1], "nice": False}
    trial: Spec = {"x": x, "y": vega.figure("ratio", **y), "color": target_colour(contest)}
    trial["tooltip"] = vega.tip("trial", "ratio", "valid")
    dot, line = {"size": 34, "clip": True}, {"strokeWidth": 2, "color": "#7d8695", "clip": True}
    one: Spec = {"y": {"datum": 1, "type": "quantitative", **y}}
    layers = [
        {"data": {"values": [{"one": 1}]}} | vega.layer("rule", {"strokeDash": [3, 3]}, **one),
        vega.layer("point", dot, "datum.valid", opacity=vega.focused(0.85), **trial),
        vega.layer("point", dot | {"filled": False}, "!datum.valid", opacity=vega.focused(0.5), **trial),
        vega.layer("line", line, "datum.valid", x=x, y=vega.figure("typical", **y)),
    ]
    return vega.view(rows, layers, {}, 220)
