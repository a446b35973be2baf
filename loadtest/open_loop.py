"""An open loop: every request starts at its time, however many are outstanding. Knows no clock and no socket."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol


class Link(Protocol):
    """A server as the loop sees it, with the clock that it lives by; times are ns of that clock."""

    in_flight: int

    def now(self) -> int:
        """Return the time."""

    def send(self, arrival: int, intended_ns: int) -> None:
        """Start a request."""

    def wait(self, until_ns: int | None) -> None:
        """Return when requests have ended, `in_flight` counts them no more, or at a time (None: whenever one ends)."""


def open_loop(arrivals: Iterable[int], link: Link, most: int) -> int:
    """Send at the arrivals' times, ns of the link's clock, and see every request to its end.

    Returns how many were held back because `most` were outstanding: those start late, and still count from their time.
    """
    held_back = 0
    for number, intended in enumerate(arrivals):
        while link.now() < intended:
            link.wait(intended)
        if link.in_flight >= most:
            held_back += 1
        while link.in_flight >= most:
            link.wait(None)
        link.send(number, intended)
    while link.in_flight:
        link.wait(None)
    return held_back
