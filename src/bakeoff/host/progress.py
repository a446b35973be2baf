"""What a long job tells its user while it runs."""

from __future__ import annotations

from typing import Protocol

from bakeoff.schema import Measurement, Reason, Trial


class Show(Protocol):
    """Where progress goes."""

    def expect(self, steps: int) -> None:
        """Add steps to what is left."""

    def say(self, text: str) -> None:
        """Say what runs now."""

    def step(self, count: int = 1) -> None:
        """Count steps as done."""

    def note(self, what: str | Reason) -> None:
        """Leave a line that stays."""

    def expect_load(self, model: str, seconds: float) -> None:
        """Say how many seconds of load a model's trials are, repeats and all that lies between them apart."""

    def begin(self, model: str, trial: Trial, rounds: int) -> None:
        """Say which trial runs now, of so many rounds."""

    def found(self, measurement: Measurement) -> None:
        """Say what the trial found."""


class Quiet:
    """Shows nothing."""

    def expect(self, steps: int) -> None:
        """Ignore it."""

    def say(self, text: str) -> None:
        """Ignore it."""

    def step(self, count: int = 1) -> None:
        """Ignore it."""

    def note(self, what: str | Reason) -> None:
        """Ignore it."""

    def expect_load(self, model: str, seconds: float) -> None:
        """Ignore it."""

    def begin(self, model: str, trial: Trial, rounds: int) -> None:
        """Ignore it."""

    def found(self, measurement: Measurement) -> None:
        """Ignore it."""


def describe(trial: Trial, rounds: int) -> str:
    """Return in words which trial it is."""
    which = f", try {trial.attempt + 1}" if trial.attempt else ""
    return f"{trial.endpoint} {trial.workload.name}, round {trial.round + 1} of {rounds}{which}"
