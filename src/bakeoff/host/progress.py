"""What a long job tells its user while it runs."""

from __future__ import annotations

from bakeoff.schema import Measurement, Reason, Trial


class Show:
    """Where progress goes; of this one nowhere, and each other says what it shows."""

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


def describe(trial: Trial, rounds: int) -> str:
    """Return in words which trial it is."""
    which = f", try {trial.attempt + 1}" if trial.attempt else ""
    return f"{trial.endpoint} {trial.workload.name}, round {trial.round + 1} of {rounds}{which}"
