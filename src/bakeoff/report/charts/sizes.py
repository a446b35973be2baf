"""What each format weighs, against its accuracy."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from bakeoff.report.charts.chart import Chart, Panel, Spec, log_axis, significant, view
from bakeoff.report.contest import Contest
from bakeoff.report.tables import size_table_of
from bakeoff.report.words import listed, size
from bakeoff.types import Artifact


def size_chart(contest: Contest) -> Chart | None:
    """Draw the sizes as bars from zero, and against accuracy with the formats that no other beats at both."""
    artifacts = sorted(contest.artifacts, key=lambda a: a.size_bytes)
    if not artifacts:
        return None
    best = {a.format for a in pareto(artifacts)}
    rows = [
        {
            "format": a.format,
            "bytes": a.size_bytes,
            "size": size(a.size_bytes),
            "accuracy": None if a.accuracy is None else significant(a.accuracy, 6),
            "best": a.format in best,
        }
        for a in artifacts
    ]
    panels = [Panel("Artifact size", _bars(rows))]
    if sum(row["accuracy"] is not None for row in rows) > 1:
        panels.append(Panel("Size against accuracy", _scatter(rows)))
    table = replace(size_table_of(artifacts), title=f"{contest.model.name}: sizes")
    return Chart("sizes", "Artifact size and accuracy", _says(artifacts, best), tuple(panels), table, False)


def pareto(artifacts: Sequence[Artifact]) -> list[Artifact]:
    """Return the artifacts than which none is smaller and as accurate; without accuracies the smallest."""
    known = sorted((a for a in artifacts if a.accuracy is not None), key=lambda a: (a.size_bytes, -(a.accuracy or 0)))
    found: list[Artifact] = []
    for artifact in known:
        if not found or (artifact.accuracy or 0) > (found[-1].accuracy or 0):
            found.append(artifact)
    return found or [min(artifacts, key=lambda a: a.size_bytes)]


MARKED = {"condition": {"test": "datum.best", "value": "#0072B2"}, "value": "#9aa0aa"}
TIP = [{"field": name} for name in ("format", "size", "accuracy")]


def _bars(rows: list[Spec]) -> Spec:
    most = max(row["bytes"] for row in rows)
    x = {
        "field": "bytes",
        "type": "quantitative",
        "title": "bytes, from zero",
        "axis": {"format": "~s", "tickCount": 4},
    }
    x["scale"] = {"domain": [0, most * 1.22], "nice": False}
    y = {"field": "format", "type": "nominal", "sort": [row["format"] for row in rows], "title": None}
    layers: list[Spec] = [
        {"mark": {"type": "bar"}, "encoding": {"color": MARKED, "tooltip": TIP}},
        {"mark": {"type": "text", "align": "left", "dx": 5}, "encoding": {"text": {"field": "size"}}},
    ]
    return view(rows, layers, {"x": x, "y": y}, 26 * len(rows))


def _scatter(rows: list[Spec]) -> Spec:
    known = [row for row in rows if row["accuracy"] is not None]
    figures = [row["accuracy"] for row in known]
    room = max((max(figures) - min(figures)) * 0.3, 0.002)
    scale = {"domain": [max(0, min(figures) - room), min(1, max(figures) + room)], "zero": False, "nice": False}
    y = {"field": "accuracy", "type": "quantitative", "scale": scale, "axis": {"format": ".4~f", "tickCount": 5}}
    x = {"field": "bytes", "type": "quantitative", **log_axis("bytes (log scale)", (r["bytes"] for r in known), 1.6)}
    x["axis"] = x["axis"] | {"format": "~s"}
    chosen = [{"filter": "datum.best"}]
    line = {"type": "line", "interpolate": "step-after", "color": "#0072B2", "strokeDash": [4, 3]}
    layers: list[Spec] = [
        {"transform": chosen, "mark": line, "encoding": {"order": {"field": "bytes"}}},
        {"mark": {"type": "point", "size": 80}, "encoding": {"color": MARKED, "tooltip": TIP}},
        {
            "transform": chosen,
            "mark": {"type": "text", "dy": -12},
            "encoding": {"text": {"field": "format"}},
        },
    ]
    return view(known, layers, {"x": x, "y": y}, 190)


def _says(artifacts: Sequence[Artifact], best: set[str]) -> str:
    smallest = artifacts[0]
    says = f"{smallest.format} is smallest with {size(smallest.size_bytes)}. "
    known = [a for a in artifacts if a.accuracy is not None]
    if not known:
        return says + "This model has no evaluation, so what that costs in accuracy was not measured."
    if len({a.accuracy for a in known}) == 1:
        return (
            says + f"All {len(known)} formats have the same accuracy, {known[0].accuracy:.4f}: none pays for its size."
        )
    return says + f"Blue: {listed(sorted(best))}, which no other format beats at both size and accuracy."
