"""The size report's answers in words, by model."""

from __future__ import annotations

from collections.abc import Sequence

from bakeoff.sizes.rows import BUSY, SizeRow, calm_timing, quality_kind

LOSS = 0.01
"""How much accuracy may be lost, or how much of the top-1 agreement may be missing, for "within 1%"."""
NOT_MEASURED = "not measured: run with --measure"
UNTRAINED = "the weights were drawn at random: a trained network's formats may be closer to it, or further off"
BUSY_MACHINE = "not known, the machine was busy with other things: run with --measure again on a calmer one"


def answer_lines(rows: Sequence[SizeRow]) -> list[str]:
    """Return what is smallest, fastest and the smallest app among one model's rows."""
    usable = [row for row in rows if row.reason is None and row.size_bytes is not None]
    if not usable:
        return ["nothing is exported that can be used: run `scripts/bakeoff export`"]
    lines = [_smallest(usable), _fastest(usable), _smallest_app(usable)]
    gone = sorted({row.format for row in rows if row.size_bytes is None})
    timings = [(_place(row), timing) for row in usable for timing in (row.one_thread, row.two_threads) if timing]
    busy = sorted({place for place, timing in timings if timing.waited > BUSY})
    if busy:
        lines.append(f"disturbed, so that their latency counts for nothing: {', '.join(busy)}")
    if any(row.untrained for row in usable):
        lines.append(UNTRAINED)
    return lines + ([f"can't be exported: {', '.join(gone)} (reasons below)"] if gone else [])


def quality_in_words(row: SizeRow, kind: str) -> str:
    """Return a row's accuracy, agreement or error as text."""
    if kind == "accuracy" and row.accuracy is not None:
        loss = f", PyTorch {row.accuracy + row.accuracy_loss:.4f}" if row.accuracy_loss is not None else ""
        return f"accuracy {row.accuracy:.4f}{loss}"
    if kind == "top1" and row.top1 is not None:
        return f"top-1 as PyTorch in {row.top1:.0%} of {row.golden_samples} samples"
    return "error not known" if row.max_abs_error is None else f"max error {row.max_abs_error:.1e}"


def _smallest(rows: Sequence[SizeRow]) -> str:
    kind = quality_kind(rows)
    if kind == "max_abs_error":
        return "smallest within 1% of the accuracy: not known, the model has no evaluate() and gives no scores"
    what = "smallest within 1% of the accuracy"
    if kind == "top1":
        what = "smallest with PyTorch's top-1 (no accuracy: the model has no evaluate())"
    known = [(row, row.accuracy_loss) for row in rows if row.accuracy_loss is not None]
    if kind == "top1":
        known = [(row, 1 - row.top1) for row in rows if row.top1 is not None]
    if not known:
        return f"{what}: not known, PyTorch's own accuracy isn't in model.json"
    # A loss of exactly 1% is within, whatever binary fractions make of it.
    within = [row for row, loss in known if loss <= LOSS + 1e-9]
    if not within:
        return f"{what}: none"
    best = min(within, key=lambda row: row.size_bytes or 0)
    return f"{what}: {best.format}, {_bytes(best.size_bytes)} ({quality_in_words(best, kind)})"


def _fastest(rows: Sequence[SizeRow]) -> str:
    timed = [(row, timing) for row in rows if (timing := calm_timing(row))]
    if not timed:
        return f"fastest: {BUSY_MACHINE if any(row.one_thread for row in rows) else NOT_MEASURED}"
    best, time = min(timed, key=lambda pair: pair[1].p50_ms)
    said = f"fastest: {_place(best)}, {time.p50_ms:.3g} ms at one thread ({quality_in_words(best, quality_kind(rows))})"
    equal = [_place(row) for row, other in timed if row is not best and other.p50_low_ms <= time.p50_high_ms]
    if equal:
        said += f"; not told apart from {', '.join(equal)}"
    return said + _unmeasured(rows, [row for row in rows if row.one_thread])


def _smallest_app(rows: Sequence[SizeRow]) -> str:
    weighed = [row for row in rows if row.app_bytes is not None]
    if not weighed:
        return f"smallest app: {NOT_MEASURED}"
    best = min(weighed, key=lambda row: row.app_bytes or 0)
    parts = f"{_bytes(best.size_bytes)} and {_bytes(best.shared_objects_bytes)} of shared objects"
    quality = quality_in_words(best, quality_kind(rows))
    return f"smallest app: {_place(best)}, {_bytes(best.app_bytes)}: {parts} ({quality})" + _unmeasured(rows, weighed)


def _unmeasured(rows: Sequence[SizeRow], known: Sequence[SizeRow]) -> str:
    left = sorted({row.format for row in rows} - {row.format for row in known})
    return f" (not measured: {', '.join(left)})" if left else ""


def _place(row: SizeRow) -> str:
    return f"{row.format} in {row.runtime}"


def _bytes(count: int | None) -> str:
    return "–" if count is None else f"{count:,} bytes"
