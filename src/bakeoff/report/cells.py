"""Tables of plain text cells, so that every form of a report says the same."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bakeoff.schema import Comparison, Summary

MISSING = "–"


@dataclass(frozen=True, slots=True)
class Table:
    """A table of text; columns named in `numbers` hold numbers and are aligned right."""

    title: str
    says: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    numbers: frozenset[str]


def tabulate(title: str, says: str, rows: Iterable[Mapping[str, Any]], columns: Mapping[str, str], texts: int) -> Table:
    """Return rows as a table. `columns`: headings with names of what stands below; `texts`: so many are no numbers."""
    cells = tuple(tuple(cell(row[name]) for name in columns.values()) for row in rows)
    return Table(title, says, tuple(columns), cells, frozenset([*columns][texts:]))


def cell(value: str | float | Sequence[str] | None) -> str:
    """Return text and counts as they are, a list as a sentence has it, and a figure as `number` does."""
    if isinstance(value, str | int):
        return str(value)
    return number(value) if value is None or isinstance(value, float) else ", ".join(value)


def number(value: float | None) -> str:
    """Return a figure with three significant digits, or more where it is large."""
    if value is None:
        return MISSING
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def most(figures: Iterable[float | None]) -> str:
    """Return the largest figure that is known."""
    return number(max((figure for figure in figures if figure is not None), default=None))


def scientific(value: float | None) -> str:
    """Return a small figure, or a dash."""
    return MISSING if value is None else f"{value:.1e}"


def interval(found: Summary | Comparison) -> list[str]:
    """Return the interval as it stands behind its figure; the range over the rounds where two are too few for one."""
    if found.low is not None and found.high is not None:
        return [between(found.low, found.high)]
    if found.least is None or found.most is None or found.least == found.most:
        return []
    return [f"[rounds: {number(found.least)} to {number(found.most)}]"]


def between(low: float, high: float) -> str:
    """Return an interval in brackets."""
    return f"({number(low)} to {number(high)})"
