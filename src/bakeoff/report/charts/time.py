"""Where a request's time goes."""

from __future__ import annotations

from bakeoff.analysis.summary import median
from bakeoff.report.cells import Table, number
from bakeoff.report.charts import vega
from bakeoff.report.charts.chart import Chart, Panel
from bakeoff.report.charts.vega import Spec
from bakeoff.report.contest import Contest
from bakeoff.report.words import listed, optional_text
from bakeoff.schema import FLOORS

PARTS = {
    "compute": "#4a6fa5",
    "queue": "#c98b2b",
    "transport and encoding": "#9db4d0",
    "not split": "#9aa0aa",
}


def time_chart(contest: Contest) -> Chart | None:
    """Draw the mean service time in parts, beside what the artifact takes without a server."""
    found = {e: parts for e, m in contest.endpoints.items() if m.target not in FLOORS and (parts := _parts(contest, e))}
    if not found:
        return None
    order = sorted(found, key=lambda e: sum(found[e].values()))
    rows = []
    for e in order:
        whole, begin = sum(found[e].values()), 0.0
        for part, ms in found[e].items():
            end = begin + ms
            rows.append(
                {
                    "endpoint": e,
                    "target": contest.endpoints[e].target,
                    "part": part,
                    "ms": vega.significant(ms),
                    "from": vega.significant(begin / whole),
                    "to": vega.significant(end / whole),
                    "in_process": in_process(contest, e),
                }
            )
            begin = end
    panels = (
        Panel("Milliseconds", _bars(rows, order, contest.load("p50"))),
        Panel("Share of the whole", _shares(rows, order)),
    )
    return Chart("time", "Where the time goes", _says(contest, found), panels, _table(contest, found, order), False)


def _parts(contest: Contest, endpoint: str) -> dict[str, float]:
    """Return the medians over the valid trials of a split mean, or the whole where none was split."""
    mine = [m for m in contest.valid if m.endpoint == endpoint and m.workload == contest.calm]
    split = [m.breakdown for m in mine if m.breakdown and m.breakdown.compute_ms is not None]
    if not split:
        means = [m.service_ms.mean for m in mine if m.service_ms.mean is not None]
        return {"not split": median(means)} if means else {}

    def middle(name: str) -> float:
        return median([max(getattr(s, name) or 0.0, 0.0) for s in split])

    return {
        "compute": middle("compute_ms"),
        "queue": middle("queue_ms"),
        "transport and encoding": middle("remainder_ms"),
    }


def in_process(contest: Contest, endpoint: str) -> float | None:
    """Return what the endpoint's artifact takes in process, in ms."""
    m = contest.endpoints[endpoint]
    rows = contest.report.in_process
    return next((r.p50_ms for r in rows if (r.model, r.target, r.format) == (m.model, m.target, m.format)), None)


COLOUR = {
    "field": "part",
    "type": "nominal",
    "title": None,
    "scale": {"domain": list(PARTS), "range": list(PARTS.values())},
}
TIPS = vega.tip("endpoint", "part", "ms", "in_process")


def _bars(rows: list[Spec], order: list[str], load: str) -> Spec:
    x = vega.figure("ms", title=f"mean service time at {load}, ms", stack="zero")
    bar = vega.layer("bar", x=x, color=COLOUR, order=vega.figure("order"), tooltip=TIPS)
    own = vega.figure("in_process", aggregate="min")
    tick = vega.layer("tick", {"thickness": 2.5}, "datum.in_process != null", x=own)
    stacked = {"calculate": f"indexof({list(PARTS)!r}, datum.part)", "as": "order"}
    y = vega.names("endpoint", order)
    return vega.view(rows, [bar, tick], {"y": y}, 20 * len(order)) | {"transform": [stacked]}


def _shares(rows: list[Spec], order: list[str]) -> Spec:
    x = vega.figure("from", title="share of the mean service time", axis={"format": "%", "tickCount": 5})
    x["scale"] = {"domain": [0, 1]}
    bar = vega.layer("bar", x=x, x2={"field": "to"}, color=COLOUR | {"legend": None}, tooltip=TIPS)
    return vega.view(rows, [bar], {"y": vega.names("endpoint", order)}, 20 * len(order))


def _says(contest: Contest, found: dict[str, dict[str, float]]) -> str:
    over = {e: sum(parts.values()) / own for e, parts in found.items() if (own := in_process(contest, e))}
    whole = [e for e, parts in found.items() if "not split" in parts]
    says = "The tick is the artifact's median time in process, without any server. "
    if over:
        least, most = min(over, key=lambda e: over[e]), max(over, key=lambda e: over[e])
        says += f"A request takes {number(over[least])} times that on {least}, {number(over[most])} times on {most}. "
    if whole:
        says += (
            f"Not split, since the server's counters don't cover it or disagree with what was sent: {listed(whole)}."
        )
    return says.strip()


def _table(contest: Contest, found: dict[str, dict[str, float]], order: list[str]) -> Table:
    columns = ("endpoint", "mean ms", "compute", "queue", "transport and encoding", "in process", "echo floor", "note")
    rows = []
    for e in order:
        parts = found[e]
        mine = [m for m in contest.valid if m.endpoint == e and m.workload == contest.calm]
        cells = [number(sum(parts.values())), *(number(parts.get(name)) for name in list(PARTS)[:3])]
        floor = next((m.floors.server_ms for m in mine if m.floors), None)
        note = next((m.breakdown.reason for m in mine if m.breakdown and m.breakdown.reason), None)
        rows.append((e, *cells, number(in_process(contest, e)), number(floor), optional_text(note)))
    load = contest.load("p50")
    says = f"Means at {load}, medians over the trials; in process and echo floor (same wire, no model): medians."
    return Table(f"{contest.model.name}: where the time goes", says, columns, tuple(rows), frozenset(columns[1:7]))
