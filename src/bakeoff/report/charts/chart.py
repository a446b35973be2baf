"""What a chart is, and how all of them look."""

from __future__ import annotations

from dataclasses import dataclass

from bakeoff.report.cells import Table
from bakeoff.report.charts.vega import Spec
from bakeoff.report.contest import Contest
from bakeoff.schema import FLOORS, Report

# Okabe and Ito's palette, told apart with any colour vision; one colour a target throughout.
# On dark ground each is the same hue, lighter.
PALETTES = {
    "light": ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#B8A800"),
    "dark": ("#3A8FD9", "#F07A2B", "#1FBF8F", "#E39AC4", "#F2B53A", "#8AD1F7", "#D6CB2F"),
}
FLOOR_COLOURS = ("#8C8C8C", "#B0B0B0")
FONT = "Inter, system-ui, sans-serif"
THEMES = {
    "light": {"ink": "#16181d", "soft": "#5b6270", "line": "#e3e6eb", "shade": "#8b93a1"},
    "dark": {"ink": "#eceef2", "soft": "#a3abb9", "line": "#2c313b", "shade": "#7d8695"},
}


@dataclass(frozen=True, slots=True)
class Panel:
    """One of a chart's views, side by side where there is room."""

    title: str
    spec: Spec


@dataclass(frozen=True, slots=True)
class Chart:
    """A chart: what it asks, one sentence that says what it shows, its views and the table behind them."""

    id: str
    title: str
    says: str
    panels: tuple[Panel, ...]
    table: Table
    colours: bool = True
    """Whether its colours are the targets'."""


def colours_of(report: Report, theme: str) -> dict[str, str]:
    """Return each target's colour."""
    palette = PALETTES[theme]
    contenders = [state.name for state in report.targets if state.name not in FLOORS]
    floors = [state.name for state in report.targets if state.name in FLOORS]
    found = {name: palette[i % len(palette)] for i, name in enumerate(contenders)}
    return found | {name: FLOOR_COLOURS[i % len(FLOOR_COLOURS)] for i, name in enumerate(floors)}


def target_colour(contest: Contest) -> Spec:
    """Return the encoding that gives each target its colour, without a legend: the page has one key for all charts."""
    scale = {"domain": list(colours_of(contest.report, "light")), "range": "category"}
    return {"field": "target", "type": "nominal", "scale": scale, "legend": None}


def config(theme: str, report: Report) -> Spec:
    """Return Vega's configuration in a theme's colours."""
    c = THEMES[theme]
    text = {"labelColor": c["soft"], "titleColor": c["soft"], "labelFontSize": 11, "titleFontSize": 11}
    return {
        "background": "transparent",
        "font": FONT,
        "view": {"stroke": None},
        "range": {"category": list(colours_of(report, theme).values())},
        "axis": {
            **text,
            "titleFontWeight": "normal",
            "gridColor": c["line"],
            "domainColor": c["line"],
            "tickColor": c["line"],
            "labelLimit": 150,
            "titlePadding": 8,
        },
        "axisY": {"domain": False, "ticks": False, "labelPadding": 6},
        "legend": {
            **text,
            "orient": "top",
            "titleFontWeight": "normal",
            "symbolFillColor": c["soft"],
            "offset": 6,
        },
        "text": {"color": c["ink"], "fontSize": 11},
        "rule": {"color": c["soft"]},
        "tick": {"color": c["ink"]},
        "title": {"color": c["ink"], "fontSize": 12, "anchor": "start"},
        "point": {"size": 60, "filled": True},
    }
