"""Why something is excluded, failed, unavailable or missing: a code with values. The words are in report."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

FROM_SAMPLES = frozenset({"no_success", "wrong_answers", "load_busy", "held_back", "late"}) | {
    f"load_worker_{what}" for what in ("ended", "silent", "failed")
}
"""The codes that a trial's samples alone give."""

Value = float | int | str | None


@dataclass(frozen=True, slots=True)
class Reason:
    """A code with its values, and the reason behind it where there is one."""

    code: str
    values: Mapping[str, Value] = field(default_factory=dict)
    cause: Reason | None = None

    def __hash__(self) -> int:
        return hash((self.code, tuple(sorted(self.values)), self.cause))


def quoted(text: str) -> Reason:
    """Return what a library, a program or a log said, which stays text."""
    return Reason("text", {"text": text})


def is_from_samples(reason: Reason) -> bool:
    """Tell whether a trial's samples alone give this reason, so that it can be found anew."""
    return reason.code in FROM_SAMPLES
