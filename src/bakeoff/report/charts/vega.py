"""The parts of Vega-Lite views that charts have in common."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

Spec = dict[str, Any]
"""A Vega-Lite view without its data's origin: everything stands in it, nothing is loaded."""


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


def layer(kind: str, how: Spec | None = None, where: str = "", **encoding: Any) -> Spec:
    """Return marks of a kind that look so, of the rows where an expression holds, and what they show of them."""
    chosen: Spec = {"transform": [{"filter": where}]} if where else {}
    return {**chosen, "mark": {"type": kind, **(how or {})}, "encoding": encoding}


def figure(field: str, **axis: Any) -> Spec:
    """Return the encoding of a figure."""
    return {"field": field, "type": "quantitative", **axis}


def names(field: str, order: Sequence[str]) -> Spec:
    """Return the encoding of names in an order, which need no title."""
    return {"field": field, "type": "nominal", "sort": list(order), "title": None}


def tip(*fields: str) -> list[Spec]:
    """Return what a mark says when it is pointed at."""
    return [{"field": field} for field in fields]


def log_axis(title: str, figures: Iterable[float], room: float = 1.25) -> Spec:
    """Return a logarithmic scale that holds these figures, with ticks at 1, 2 and 5."""
    known = [each for each in figures if each > 0 and math.isfinite(each)] or [1.0]
    domain = [significant(min(known) / room), significant(max(known) * room)]
    ticks = [m * 10.0**e for e in range(-4, 10) for m in (1, 2, 5)]
    inside = [significant(tick) for tick in ticks if domain[0] <= tick <= domain[1]]
    return {
        "title": title,
        "scale": {"type": "log", "domain": domain, "nice": False},
        "axis": {"values": inside, "format": "~g", "labelOverlap": True},
    }


def significant(value: float, digits: int = 4) -> float:
    """Return a figure with so many digits: what a chart can show, at a third of the bytes."""
    return float(f"{value:.{digits}g}")
