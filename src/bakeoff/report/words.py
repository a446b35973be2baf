"""Figures and names as the page's sentences say them."""

from __future__ import annotations

from collections.abc import Sequence

from bakeoff.analysis.compare import MARGIN, ROUNDS_FOR_VERDICT
from bakeoff.report.cells import number
from bakeoff.schema import Comparison, Measurement

PROTOCOL_WORDS = {"rest": "REST (JSON)", "binary": "REST (bytes)", "grpc": "gRPC"}


def size(count: float) -> str:
    """Return bytes with a decimal unit."""
    for unit, scale in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if count >= scale:
            return f"{number(count / scale)} {unit}"
    return f"{count:.0f} B"


def seconds(value: float) -> str:
    """Return a duration in seconds."""
    return f"{number(value)} s"


def times(ratio: float, low: float | None = None, high: float | None = None, word: str = "x") -> str:
    """Return a ratio as a multiple, with its interval where there is one."""
    bounds = "" if low is None or high is None else f" [{number(low)}, {number(high)}]"
    return f"{number(ratio)}{word}{bounds}"


def bracket(low: float | None, high: float | None) -> str:
    """Return in words where a rate lies, of which one end or both may not be known."""
    ends = [f"over {number(low)}"] * (low is not None) + [f"under {number(high)}"] * (high is not None)
    return f"lies {' and '.join(ends)} requests a second" if ends else "is not known"


def listed(names: Sequence[str], most: int = 4) -> str:
    """Return names as a sentence lists them, the rest counted."""
    shown = list(names[:most]) + ([f"{len(names) - most} more"] if len(names) > most else [])
    return shown[0] if len(shown) == 1 else ", ".join(shown[:-1]) + " and " + shown[-1]


CARDINALS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")


def callers_words(count: int) -> str:
    """Return a number of callers that wait for each answer."""
    return f"{CARDINALS[count] if count < len(CARDINALS) else count} caller{'s' * (count != 1)}"


def load_words(trial: Measurement) -> str:
    """Return a trial's workload as a sentence names it."""
    if trial.concurrency is not None:
        said = callers_words(trial.concurrency)
    else:
        said = f"{number(trial.rate_rps)} requests a second"
    return said if trial.batch_size == 1 else f"{said} with {trial.batch_size} rows each"


def endpoint_words(trial: Measurement) -> str:
    """Return an endpoint as a sentence names it."""
    return f"{trial.target} over {PROTOCOL_WORDS[trial.protocol]}"


def certainty(found: Comparison | None) -> str:
    """Return how sure a ratio is, in words."""
    if found is None:
        return "No round has both, so there is no ratio."
    if found.verdict in ("faster", "slower"):
        return f"Sure: a verdict at {percent(found.confidence)} over {found.rounds} rounds."
    if found.verdict == "same":
        return f"Sure: the same within {MARGIN - 1:.0%}, over {found.rounds} rounds."
    if found.verdict == "inconclusive":
        return (
            f"Not decided: over {found.rounds} rounds, at {percent(found.confidence)}, no verdict tells them all apart."
        )
    if found.low is None and found.least is not None and found.most is not None and found.rounds > 1:
        return f"Two rounds, {number(found.least)} and {number(found.most)}: no interval and no verdict."
    if found.low is None:
        return "One round: no interval and no verdict."
    return f"No verdict: {found.rounds} rounds in common, and it takes {ROUNDS_FOR_VERDICT}. The interval holds 95%."


def percent(share: float) -> str:
    """Return a confidence as a percentage that is never rounded up to 100."""
    digits = 0 if share <= 0.99 else 2 if share <= 0.9999 else 4
    return f"{100 * share:.{digits}f}%"
