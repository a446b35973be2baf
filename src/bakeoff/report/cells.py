"""Tables of plain text cells, so that every form of a report says the same."""

from __future__ import annotations

from dataclasses import dataclass

MISSING = "–"


@dataclass(frozen=True, slots=True)
class Table:
    """A table of text; columns named in `numbers` hold numbers and are aligned right."""

    title: str
    says: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    numbers: frozenset[str]


def number(value: float | None) -> str:
    """Return a figure with three significant digits, or more where it is large."""
    if value is None:
        return MISSING
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def scientific(value: float | None) -> str:
    """Return a small figure, or a dash."""
    return MISSING if value is None else f"{value:.1e}"


def interval(low: float | None, high: float | None) -> list[str]:
    """Return an interval as it stands behind its figure; nothing where there is none."""
    return [] if low is None or high is None else [f"({number(low)} to {number(high)})"]
