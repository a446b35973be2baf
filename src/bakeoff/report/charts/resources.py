"""Memory, start-up and disk of each server."""

from __future__ import annotations

from bakeoff.report.cells import Table, number, tabulate
from bakeoff.report.charts import vega
from bakeoff.report.charts.chart import Chart, Panel, target_colour
from bakeoff.report.charts.vega import Spec
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
    idle = vega.layer("tick", {"thickness": 2.5}, "datum.idle != null", x=vega.figure("idle"))
    panels = [
        Panel("Memory: idle (tick) and peak", _bars(contest, rows, "peak", "MB", idle)),
        Panel("Start-up: ports open, then answering", _startup(contest, rows)),
        Panel("Installed: environment or image", _bars(contest, rows, "disk", "MB on disk")),
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
        "listening": vega.significant(split.listening_s if split else ready),
        "ready": vega.significant(ready),
        "disk": megabytes(state.install_bytes),
    }


def megabytes(count: float | None) -> float | None:
    """Return bytes in MB."""
    return None if count is None else vega.significant(count / 1e6)


def _view(rows: list[Spec], by: str, *layers: Spec) -> Spec:
    order = [row["server"] for row in sorted(rows, key=lambda row: row[by] or 0)]
    return vega.view(rows, layers, {"y": vega.names("server", order)}, 26 * len(rows))


def _bar(contest: Contest, field: str, title: str, tips: list[Spec], opacity: float = 1.0) -> Spec:
    x = vega.figure(field, title=title, axis={"tickCount": 4})
    return vega.layer("bar", x=x, color=target_colour(contest), opacity=vega.focused(opacity), tooltip=tips)


def _bars(contest: Contest, rows: list[Spec], field: str, title: str, *more: Spec) -> Spec:
    tips: list[Spec] = [{"field": "server"}, {"field": field, "title": title}]
    return _view(rows, field, _bar(contest, field, title, tips), *more)


def _startup(contest: Contest, rows: list[Spec]) -> Spec:
    tips = vega.tip("server", "listening", "ready")
    both = [_bar(contest, field, "seconds", tips, opacity) for field, opacity in (("ready", 0.45), ("listening", 1))]
    return _view(rows, "ready", *both)


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
    columns = {"server": "server", "idle MB": "idle", "peak MB": "peak", "s to open ports": "listening"}
    columns |= {"s to right answers": "ready", "installed MB": "disk"}
    says = "All of a server's processes: after the first right answers, and the most under any load."
    return tabulate(f"{contest.model.name}: resources", says, rows, columns, 1)
