"""Memory, start-up and disk of each server."""

from __future__ import annotations

from bakeoff.report.cells import MISSING, Table, number
from bakeoff.report.charts.chart import Chart, Panel, Spec, focused, significant, target_colour, view
from bakeoff.report.contest import Contest
from bakeoff.report.usage import peak_memory
from bakeoff.report.words import seconds
from bakeoff.schema import FLOORS, TargetState


def resource_chart(contest: Contest) -> Chart | None:
    """Draw what each server takes before and under load."""
    peaks = peak_memory(contest)
    rows = [
        _row(contest, state, what, peaks)
        for state in contest.report.targets
        if state.name not in FLOORS
        for what in (state.ready_seconds or {})
        if what.startswith(f"{contest.model.name} ")
    ]
    if not rows:
        return None
    panels = [
        Panel("Memory: idle (tick) and peak", _memory(contest, rows)),
        Panel("Start-up: ports open, then answering", _startup(contest, rows)),
        Panel("Installed: environment or image", _bar(contest, rows, "disk", "MB on disk")),
    ]
    return Chart("resources", "Memory, start-up and disk", _says(rows), tuple(panels), _table(contest, rows))


def _row(contest: Contest, state: TargetState, what: str, peaks: dict[tuple[str, str], float]) -> Spec:
    format = what.removeprefix(f"{contest.model.name} ")
    split = (state.startup or {}).get(what)
    ready = (state.ready_seconds or {})[what]
    return {
        "target": state.name,
        "server": f"{state.name} ({format})",
        "idle": megabytes((state.idle_rss_bytes or {}).get(what)),
        "peak": megabytes(peaks.get((state.name, format))),
        "listening": significant(split.listening_s if split else ready),
        "ready": significant(ready),
        "disk": megabytes(state.install_bytes),
    }


def megabytes(count: float | None) -> float | None:
    """Return bytes in MB."""
    return None if count is None else significant(count / 1e6)


def _y(rows: list[Spec], by: str) -> Spec:
    order = [row["server"] for row in sorted(rows, key=lambda row: row[by] or 0)]
    return {"field": "server", "type": "nominal", "sort": order, "title": None}


def _bar(contest: Contest, rows: list[Spec], field: str, title: str) -> Spec:
    x = {"field": field, "type": "quantitative", "title": title, "axis": {"tickCount": 4}}
    tip = [{"field": "server"}, {"field": field, "title": title}]
    encoding = {"x": x, "color": target_colour(contest), "opacity": focused(), "tooltip": tip}
    return view(rows, [{"mark": {"type": "bar"}, "encoding": encoding}], {"y": _y(rows, field)}, 26 * len(rows))


def _memory(contest: Contest, rows: list[Spec]) -> Spec:
    spec = _bar(contest, rows, "peak", "MB")
    tick = {
        "transform": [{"filter": "datum.idle != null"}],
        "mark": {"type": "tick", "thickness": 2.5},
        "encoding": {"x": {"field": "idle", "type": "quantitative"}},
    }
    return spec | {"layer": [*spec["layer"], tick]}


def _startup(contest: Contest, rows: list[Spec]) -> Spec:
    tip = [{"field": name} for name in ("server", "listening", "ready")]
    colour = target_colour(contest)

    def bar(field: str, opacity: float) -> Spec:
        x = {"field": field, "type": "quantitative", "title": "seconds", "axis": {"tickCount": 4}}
        return {
            "mark": {"type": "bar"},
            "encoding": {"x": x, "color": colour, "opacity": focused(opacity), "tooltip": tip},
        }

    return view(rows, [bar("ready", 0.45), bar("listening", 1)], {"y": _y(rows, "ready")}, 26 * len(rows))


def _says(rows: list[Spec]) -> str:
    says = []
    known = [row for row in rows if row["peak"]]
    if known:
        least, most = (choose(known, key=lambda row: row["peak"]) for choose in (min, max))
        says.append(
            f"{least['server']} needs the least memory under load, {number(least['peak'])} MB; "
            f"{most['server']} the most, {number(most['peak'])} MB"
        )
    quick, slow = (choose(rows, key=lambda row: row["ready"]) for choose in (min, max))
    says.append(
        f"{quick['server']} answers {seconds(quick['ready'])} after its start, {slow['server']} after "
        f"{seconds(slow['ready'])}"
    )
    return ". ".join(says) + ". One figure each, without an interval."


def _table(contest: Contest, rows: list[Spec]) -> Table:
    columns = ("server", "idle MB", "peak MB", "s to open ports", "s to right answers", "installed MB")
    cells = tuple(
        (
            row["server"],
            *(MISSING if row[name] is None else number(row[name]) for name in ("idle", "peak")),
            number(row["listening"]),
            number(row["ready"]),
            MISSING if row["disk"] is None else number(row["disk"]),
        )
        for row in rows
    )
    says = "All of a server's processes: after the first right answers, and the most under any load."
    return Table(f"{contest.model.name}: resources", says, columns, cells, frozenset(columns[1:]))
