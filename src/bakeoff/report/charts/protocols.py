"""REST against gRPC on each target."""

from __future__ import annotations

from collections import defaultdict

from bakeoff.report.cells import MISSING, Table, interval, number
from bakeoff.report.charts import vega
from bakeoff.report.charts.chart import Chart, Panel, target_colour
from bakeoff.report.charts.vega import Spec
from bakeoff.report.contest import Contest
from bakeoff.report.words import PROTOCOL_WORDS, times
from bakeoff.schema import FLOORS, PROTOCOLS, Verdict

WORDS: dict[Verdict | None, str] = {
    "faster": "faster",
    "slower": "slower",
    "same": "the same",
    "inconclusive": "not decided",
    None: "not decided",
}
"""What a verdict says of gRPC."""


def protocol_chart(contest: Contest) -> Chart | None:
    """Draw each target's p50 over its protocols, with intervals."""
    groups = by_server(contest)
    rows = [_row(contest, e) for group in groups.values() for e in group if contest.figure(e, "p50")]
    if not rows:
        return None
    x = vega.log_axis(f"p50 at {contest.load('p50')}, ms (log scale)", (row["ms"] for row in rows), 1.6)
    order = list(dict.fromkeys(row["server"] for row in sorted(rows, key=lambda row: row["ms"])))
    protocols = list(PROTOCOL_WORDS.values())
    offset = {"field": "protocol", "sort": protocols}
    scale = {"domain": protocols, "range": ["circle", "square", "triangle-up"]}
    shape = {"field": "protocol", "title": None, "scale": scale}
    line, dot = {"strokeWidth": 2, "clip": True}, {"clip": True, "size": 70}
    tips = vega.tip("endpoint", "ms", "interval")
    ends = {"x": vega.figure("low", **x), "x2": {"field": "high"}}
    layers = [
        vega.layer("rule", line, "datum.low != null", opacity=vega.focused(0.45), **ends),
        vega.layer("point", dot, x=vega.figure("ms", **x), shape=shape, opacity=vega.focused(), tooltip=tips),
    ]
    common = {"y": vega.names("server", order), "yOffset": offset, "color": target_colour(contest)}
    spec = vega.view(rows, layers, common, 45 * len(order))
    return Chart("protocols", "REST against gRPC", _says(contest, groups), (Panel("", spec),), _table(contest, groups))


def by_server(contest: Contest) -> dict[tuple[str, str], list[str]]:
    """Return the endpoints of each target and format, protocols in their usual order; floors are none's server."""
    found: dict[tuple[str, str], list[str]] = defaultdict(list)
    for endpoint, m in sorted(contest.endpoints.items(), key=lambda item: PROTOCOLS.index(item[1].protocol)):
        if m.target not in FLOORS:
            found[m.target, m.format].append(endpoint)
    return found


def _row(contest: Contest, endpoint: str) -> Spec:
    m, summary = contest.endpoints[endpoint], contest.summaries[endpoint, contest.calm or ""]
    low, high = summary.low, summary.high
    return {
        "endpoint": endpoint,
        "target": m.target,
        "server": f"{m.target} ({m.format})",
        "protocol": PROTOCOL_WORDS[m.protocol],
        "ms": vega.significant(summary.latency_ms.p50 or 0),
        "low": None if low is None else vega.significant(low),
        "high": None if high is None else vega.significant(high),
        "interval": " ".join(interval(summary)) or "one round: none",
    }


def _says(contest: Contest, groups: dict[tuple[str, str], list[str]]) -> str:
    by: dict[str, list[str]] = {word: [] for word in WORDS.values()}
    for endpoints in groups.values():
        of = {contest.endpoints[e].protocol: e for e in endpoints}
        if "rest" in of and "grpc" in of:
            found = contest.advantage("p50", of["grpc"], of["rest"])
            server = contest.labels[of["grpc"]]
            bracket = f" ({times(found.ratio, found.low, found.high)})" if found else ""
            by[WORDS[found.verdict if found else None]].append(server + bracket)
    says = [f"{word} on {', '.join(servers)}" for word, servers in by.items() if servers]
    if not says:
        return "No target was measured over both."
    return (
        f"gRPC against JSON over REST, by verdict: {'; '.join(says)}. In brackets: JSON's p50 over gRPC's. A line that "
        "leaves the chart goes on."
    )


def _table(contest: Contest, groups: dict[tuple[str, str], list[str]]) -> Table:
    rows = []
    for (target, format), endpoints in groups.items():
        cells = {p: MISSING for p in PROTOCOLS}
        for e in endpoints:
            if contest.figure(e, "p50"):
                summary = contest.summaries[e, contest.calm or ""]
                p50 = number(summary.latency_ms.p50)
                cells[contest.endpoints[e].protocol] = " ".join([p50, *interval(summary)])
        rows.append((target, format, *cells.values()))
    columns = ("target", "format", *(f"{PROTOCOL_WORDS[p]} p50 ms" for p in PROTOCOLS))
    says = (
        f"Medians at {contest.load('p50')}, with the 95% interval of the rounds' geometric mean; of two rounds their "
        "range."
    )
    return Table(f"{contest.model.name}: protocols", says, columns, tuple(rows), frozenset(columns[2:]))
