"""What a long job tells its user while it runs."""

from __future__ import annotations

from typing import Protocol


class Show(Protocol):
    """Where progress goes."""

    def expect(self, steps: int) -> None:
        """Add steps to what is left."""

    def say(self, text: str) -> None:
        """Say what runs now."""

    def step(self, count: int = 1) -> None:
        """Count steps as done."""

    def note(self, text: str) -> None:
        """Leave a line that stays."""


class Quiet:
    """Shows nothing."""

    def expect(self, steps: int) -> None:
        """Ignore it."""

    def say(self, text: str) -> None:
        """Ignore it."""

    def step(self, count: int = 1) -> None:
        """Ignore it."""

    def note(self, text: str) -> None:
        """Ignore it."""
