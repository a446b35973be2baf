"""What a chart is, and how all of them look."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from bakeoff.report.cells import Table
from bakeoff.report.contest import Contest
from bakeoff.schema import FLOORS, Report

Spec = dict[str, Any]
"""A Vega-Lite view without its data's origin: everything stands in it, nothing is loaded."""

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


def focused(full: float = 1.0) -> Spec:
    """Return the opacity of a mark: full, but faint while the reader looks at another target."""
    return {"condition": {"test": "focus == '' || focus == datum.target", "value": full}, "value": full * 0.12}


def view(values: Sequence[Spec], layers: Sequence[Spec], encoding: Spec, height: int = 260) -> Spec:
    """Return a view of layers over the same rows, as wide as its place."""
    return {
        "data": {"values": list(values)},
        "width": "container",
        "height": height,
        "params": [{"name": "focus", "value": ""}],
        "encoding": encoding,
        "layer": list(layers),
    }


def log_axis(title: str, figures: Iterable[float], room: float = 1.25) -> Spec:
    """Return a logarithmic scale that holds these figures, with ticks at 1, 2 and 5."""
    known = [figure for figure in figures if figure > 0 and math.isfinite(figure)] or [1.0]
    domain = [significant(min(known) / room), significant(max(known) * room)]
    ticks = [m * 10.0**e for e in range(-4, 10) for m in (1, 2, 5)]
    inside = [significant(tick) for tick in ticks if domain[0] <= tick <= domain[1]]
    return {
        "title": title,
        "scale": {"type": "log", "domain": domain, "nice": False},
        "axis": {"values": inside, "format": "~g", "labelOverlap": True},
    }


def significant(figure: float, digits: int = 4) -> float:
    """Return a figure with so many digits: what a chart can show, at a third of the bytes."""
    return float(f"{figure:.{digits}g}")


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
