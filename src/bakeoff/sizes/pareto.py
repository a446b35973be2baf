"""Which of several points no other beats."""

from __future__ import annotations

from collections.abc import Sequence

Point = Sequence[float | None]
"""Less is better in each place; None: not known."""


def pareto_set(points: Sequence[Point]) -> list[int]:
    """Return the indices of the points that no other beats, in order."""
    return [i for i, point in enumerate(points) if not any(beats(other, point) for other in points)]


def beats(a: Point, b: Point) -> bool:
    """Tell whether a is known wherever b is, nowhere worse there, and better somewhere.

    So what wasn't measured beats nothing that was, and the relation stays transitive: there is always a best point.
    """
    pairs = [(x, y) for x, y in zip(a, b, strict=True) if y is not None]
    if any(x is None or x > y for x, y in pairs):
        return False
    return any(x is not None and x < y for x, y in pairs)
