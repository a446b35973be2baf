"""Throughput against latency over the workloads."""

from __future__ import annotations

import math

from bakeoff.report.cells import number, tabulate
from bakeoff.report.charts import vega
from bakeoff.report.charts.chart import Chart, Panel, target_colour
from bakeoff.report.charts.vega import Spec
from bakeoff.report.contest import Contest
from bakeoff.report.words import PROTOCOL_WORDS, listed
from bakeoff.schema import FLOORS, PROTOCOLS

LABEL_WIDTH, LABEL_HEIGHT = 0.45, 0.065
"""What a label takes, as shares of the chart's sides."""


def throughput_chart(contest: Contest) -> Chart | None:
    """Draw what each endpoint gains in throughput and pays in latency from one closed workload to the next."""
    rows = points_of(contest)
    if not rows:
        return None
    x = vega.log_axis("throughput, req/s (log scale)", (row["rps"] for row in rows), 1.5)
    y = vega.log_axis("p50, ms (log scale)", (row["ms"] for row in rows), 1.5)
    panels = []
    for protocol in PROTOCOLS:
        mine = [row for row in rows if row["protocol"] == protocol]
        if mine:
            place_labels(mine, x, y)
            panels.append(Panel(PROTOCOL_WORDS[protocol], _spec(contest, mine, x, y)))
    columns = {"endpoint": "endpoint", "workload": "workload", "callers": "callers", "req/s": "rps", "p50 ms": "ms"}
    says = "Medians over the valid trials of closed workloads."
    table = tabulate(f"{contest.model.name}: throughput and latency", says, rows, columns, 2)
    return Chart("throughput", "Throughput against latency", _says(rows), tuple(panels), table)


def points_of(contest: Contest) -> list[Spec]:
    """Return a row for each contender and closed workload with single rows a request, by callers."""
    found = []
    for (endpoint, workload), summary in contest.summaries.items():
        trial = next((m for m in contest.valid if (m.endpoint, m.workload) == (endpoint, workload)), None)
        p50 = summary.latency_ms.p50
        if trial is None or trial.target in FLOORS or trial.arrival != "closed" or trial.batch_size != 1 or p50 is None:
            continue
        found.append(
            {
                "endpoint": endpoint,
                "target": trial.target,
                "label": contest.labels[endpoint],
                "protocol": trial.protocol,
                "workload": workload,
                "callers": trial.concurrency or 0,
                "rps": vega.significant(summary.throughput_rps),
                "ms": vega.significant(p50),
            }
        )
    return sorted(found, key=lambda row: (str(row["endpoint"]), row["callers"]))


def place_labels(rows: list[Spec], x: Spec, y: Spec) -> None:
    """Give each endpoint's last point a place for its label, beside it and clear of the labels placed before."""
    last = {row["endpoint"]: row for row in rows}
    taken: list[tuple[float, float]] = []
    for row in sorted(last.values(), key=lambda row: row["ms"]):
        across, up = share(row["rps"], x), share(row["ms"], y)
        while any(abs(across - a) < LABEL_WIDTH and abs(up - u) < LABEL_HEIGHT for a, u in taken):
            up += LABEL_HEIGHT
        taken.append((across, up))
        low, high = y["scale"]["domain"]
        row |= {"at": vega.significant(low * (high / low) ** up), "side": "left" if across < 0.5 else "right"}


def share(value: float, axis: Spec) -> float:
    """Return where a figure lies on a logarithmic axis, from 0 to 1."""
    low, high = axis["scale"]["domain"]
    return math.log(value / low) / math.log(high / low)


def _spec(contest: Contest, rows: list[Spec], x: Spec, y: Spec) -> Spec:
    common = {"x": vega.figure("rps", **x), "y": vega.figure("ms", **y), "opacity": vega.focused()}
    colour = target_colour(contest)
    path: Spec = {"detail": {"field": "endpoint"}, "order": {"field": "callers"}}
    layers = [
        vega.layer("line", {"strokeWidth": 1.5}, color=colour, **path),
        vega.layer("point", tooltip=vega.tip("endpoint", "workload", "callers", "rps", "ms"), color=colour),
        *(_label(side, y) for side in ("left", "right")),
    ]
    return vega.view(rows, layers, common)


def _label(side: str, y: Spec) -> Spec:
    """Write the names of the points on one side of the chart towards its middle."""
    text = {"align": side, "dx": 9 if side == "left" else -9, "limit": 110}
    return vega.layer("text", text, f"datum.side == '{side}'", y=vega.figure("at", **y), text={"field": "label"})


def _says(rows: list[Spec]) -> str:
    gains: dict[str, float] = {}
    for endpoint in dict.fromkeys(row["endpoint"] for row in rows):
        mine = [row for row in rows if row["endpoint"] == endpoint]
        if len(mine) > 1 and mine[0]["rps"]:
            gains[endpoint] = mine[-1]["rps"] / mine[0]["rps"]
    says = "A line goes from the fewest callers to the most: right is more answers a second, up is a longer wait. "
    if not gains:
        return says + "Only one number of callers was measured."
    best = max(gains, key=lambda e: gains[e])
    none = [e for e, gain in gains.items() if gain <= 1]
    if len(none) == len(gains):
        return says + "By the medians more callers bring no endpoint more throughput."
    says += f"More callers bring {best} the most: {number(gains[best])} times the throughput (a ratio of medians)."
    return says + (f" They bring {listed(none)} none." if none else "")
