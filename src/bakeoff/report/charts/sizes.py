"""What each format weighs, against how well it answers and how fast it does."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from bakeoff.report.charts import vega
from bakeoff.report.charts.chart import Chart, Panel
from bakeoff.report.charts.vega import Spec
from bakeoff.report.contest import Contest
from bakeoff.report.sizes import size_tables
from bakeoff.report.words import listed, size
from bakeoff.sizes import SizeRow, size_report_of
from bakeoff.sizes.pareto import pareto_set
from bakeoff.sizes.rows import calm_timing, quality_kind

WORDS = {
    "accuracy": "accuracy",
    "top1": "top-1 agreement with PyTorch",
    "max_abs_error": "largest error against PyTorch",
}


@dataclass(frozen=True, slots=True)
class Axis:
    """A figure that sizes are drawn against: its values by format, None where it isn't known, and whether less wins."""

    title: str
    values: dict[str, float | None]
    less: bool


def size_chart(contest: Contest) -> Chart | None:
    """Draw sizes as bars from zero, and against quality and latency with the formats that no other beats at both."""
    report = size_report_of(replace(contest.report, artifacts=tuple(contest.artifacts), missing_artifacts=()))
    formats = {row.format: row for row in report.rows}
    if not formats:
        return None
    kind = quality_kind(report.rows)
    quality = Axis(WORDS[kind], {f: getattr(row, kind) for f, row in formats.items()}, kind == "max_abs_error")
    latency = Axis("ms a prediction in process (log scale)", {f: _quickest(report.rows, f) for f in formats}, True)
    best = _best(formats, quality)
    panels = [Panel("Artifact size", _bars(_points(formats, quality, best)))]
    for title, axis in ((f"Size against {quality.title}", quality), ("Size against latency, one thread", latency)):
        if sum(value is not None for value in axis.values.values()) > 1:
            panels.append(Panel(title, _scatter(_points(formats, axis, _best(formats, axis)), axis)))
    table = next(t for t in size_tables(report) if "bytes" in t.columns)
    table = replace(table, title=f"{contest.model.name}: sizes")
    return Chart(
        "sizes", "Artifact size, accuracy and speed", _says(formats, quality, best), tuple(panels), table, False
    )


def _quickest(rows: Sequence[SizeRow], format: str) -> float | None:
    """Return a format's undisturbed latency at one thread, in the runtime where that is least."""
    known = [timing.p50_ms for row in rows if row.format == format and (timing := calm_timing(row))]
    return min(known, default=None)


def _best(formats: dict[str, SizeRow], axis: Axis) -> set[str]:
    """Return the formats that no other beats at both size and this figure; where it is known of none, the smallest."""
    names = [name for name, row in formats.items() if axis.values[name] is not None] or list(formats)
    sign = 1 if axis.less else -1
    points = [(formats[n].size_bytes, None if (v := axis.values[n]) is None else sign * v) for n in names]
    return {names[i] for i in pareto_set(points)}


def _points(formats: dict[str, SizeRow], axis: Axis, best: set[str]) -> list[Spec]:
    return [
        {
            "format": name,
            "bytes": row.size_bytes,
            "size": size(row.size_bytes or 0),
            "value": None if (value := axis.values[name]) is None else vega.significant(value, 6),
            "best": name in best,
        }
        for name, row in formats.items()
    ]


MARKED = {"condition": {"test": "datum.best", "value": "#0072B2"}, "value": "#9aa0aa"}
TIPS = vega.tip("format", "size", "value")


def _bars(rows: list[Spec]) -> Spec:
    most = max(row["bytes"] for row in rows)
    x = vega.figure("bytes", title="bytes, from zero", axis={"format": "~s", "tickCount": 4})
    x["scale"] = {"domain": [0, most * 1.22], "nice": False}
    y = vega.names("format", [row["format"] for row in rows])
    layers = [
        vega.layer("bar", color=MARKED, tooltip=TIPS),
        vega.layer("text", {"align": "left", "dx": 5}, text={"field": "size"}),
    ]
    return vega.view(rows, layers, {"x": x, "y": y}, 26 * len(rows))


def _scatter(rows: list[Spec], axis: Axis) -> Spec:
    known = [row for row in rows if row["value"] is not None]
    y = vega.figure("value", **_scale(axis, [row["value"] for row in known]))
    x = vega.figure("bytes", **vega.log_axis("bytes (log scale)", (row["bytes"] for row in known), 1.6))
    x["axis"] = x["axis"] | {"format": "~s"}
    line = {"interpolate": "step-after", "color": "#0072B2", "strokeDash": [4, 3]}
    layers = [
        vega.layer("line", line, "datum.best", order={"field": "bytes"}),
        vega.layer("point", {"size": 80}, color=MARKED, tooltip=TIPS),
        vega.layer("text", {"dy": -12}, "datum.best", text={"field": "format"}),
    ]
    return vega.view(known, layers, {"x": x, "y": y}, 190)


def _scale(axis: Axis, figures: Sequence[float]) -> Spec:
    """Return a linear scale around shares, and a logarithmic one for what spans orders of magnitude."""
    if axis.less and min(figures) > 0:
        return vega.log_axis(axis.title, figures, 1.6)
    room = max((max(figures) - min(figures)) * 0.3, 0.002)
    top = max(figures) + room
    scale = {"domain": [max(0, min(figures) - room), top if axis.less else min(1, top)], "zero": False, "nice": False}
    return {"title": axis.title, "scale": scale, "axis": {"format": ".4~f", "tickCount": 5}}


def _says(formats: dict[str, SizeRow], quality: Axis, best: set[str]) -> str:
    smallest = next(iter(formats.values()))
    says = f"{smallest.format} is smallest with {size(smallest.size_bytes or 0)}. "
    known = {name: value for name, value in quality.values.items() if value is not None}
    if not known:
        return says + "How well the formats answer is not known."
    if quality.title != WORDS["accuracy"]:
        says += "This model has no evaluation, so what that costs in accuracy was not measured. "
    if len(set(known.values())) == 1:
        value = next(iter(known.values()))
        return says + f"All {len(known)} formats have the same {quality.title}, {value:.4g}: none pays for its size."
    return says + f"Blue: {listed(sorted(best))}, which no other format beats at both size and {quality.title}."
