"""The edge-model size report as tables of text."""

from __future__ import annotations

from collections.abc import Sequence

from bakeoff.report.cells import MISSING, Table, number, scientific
from bakeoff.report.words import reason_text
from bakeoff.sizes import SizeReport, SizeRow, Timing

STAR = "*"
RULE = (
    f"{STAR}: in the Pareto set, that is, no other of the model is at least as good in all that is known of it (bytes, "
    "one thread's undisturbed median latency, and accuracy; top-1 where there is none, or the error) and better in "
    "something."
)


def size_tables(report: SizeReport) -> list[Table]:
    """Return what formats weigh and answer, what they cost in process, and what there is no figure for and why."""
    tables = [_weights_table(report.rows), _cost_table(report.rows), _reasons_table(report.rows)]
    return [table for table in tables if table.rows]


def answer_table(report: SizeReport) -> Table:
    """Return the answers in words."""
    rows = tuple((model, line) for model, lines in report.answers.items() for line in lines)
    return Table("Edge-model sizes: which one?", "From the figures below.", ("model", "answer"), rows, frozenset())


def _weights_table(rows: Sequence[SizeRow]) -> Table:
    columns: tuple[str, ...] = ("model", "format", "", "bytes", "of torchscript", "gzip", "zstd", "weights", "graph")
    columns += ("max error", "cosine", "top-1", "accuracy", "lost")
    cells: dict[tuple[str, str], tuple[str, ...]] = {}
    best = {(row.model, row.format) for row in rows if row.pareto}
    for row in rows:
        if row.size_bytes is not None:
            place = row.model, row.format
            cells[place] = (*place, STAR if place in best else "", *_weight_cells(row))
    says = (
        f"{RULE} gzip -9 and zstd -19: as a store ships it. Weights: the stored tensors; graph: the rest. Max error "
        "and cosine: the worst of the golden samples' outputs against PyTorch's; top-1: the share of them with the "
        f"same first class. Lost: accuracy against PyTorch. {MISSING}: not known or not measured."
    )
    return Table("Edge-model sizes", says, columns, tuple(cells.values()), frozenset(columns[3:]))


def _weight_cells(row: SizeRow) -> list[str]:
    sizes = (row.gzip_bytes, row.zstd_bytes, row.weights_bytes, row.graph_bytes)
    cells = [_count(row.size_bytes), MISSING if row.relative_size is None else f"{row.relative_size:.2f}"]
    cells += [_count(size) for size in sizes]
    cells += [scientific(row.max_abs_error), _share(row.cosine, 5), _share(row.top1, 3)]
    return [*cells, _share(row.accuracy, 4), _share(row.accuracy_loss, 4)]


def _cost_table(rows: Sequence[SizeRow]) -> Table:
    columns: tuple[str, ...] = ("model", "format", "runtime", "", "load ms", "first ms", "1 thread ms", "2 threads ms")
    columns += ("peak MB", "app MB", "shared objects MB", "installed MB", "waited %")
    cells = tuple(
        (row.model, row.format, f"{row.runtime} {row.runtime_version}", STAR if row.pareto else "", *_cost_cells(row))
        for row in rows
        if row.one_thread is not None
    )
    says = (
        f"{RULE} In process at batch 1, Python's call included; medians of fresh processes, each pinned to as many "
        "CPUs as threads. Latency: the median of the steady predictions (p10 to p90). Peak: resident memory over what "
        "it was before loading. App: the artifact and the runtime's shared objects that were loaded, for this "
        "machine's architecture. Installed: the artifact, the runtime's Python package and what that requires. Waited: "
        "of the CPU time that it wanted, the share it had to wait for, in the worst process: past 10% "
        "the latency counts for nothing."
    )
    return Table("What they cost in process", says, columns, cells, frozenset(columns[4:]))


def _cost_cells(row: SizeRow) -> list[str]:
    one, two = row.one_thread, row.two_threads
    waited = [timing.waited for timing in (one, two) if timing]
    cells = [number(one.load_ms if one else None), number(one.first_ms if one else None), _latency(one), _latency(two)]
    sizes = (one.peak_bytes if one else None, row.app_bytes, row.shared_objects_bytes, row.installed_bytes)
    cells += [MISSING if size is None else number(size / 1e6) for size in sizes]
    return [*cells, f"{max(waited):.0%}".removesuffix("%") if waited else MISSING]


def _reasons_table(rows: Sequence[SizeRow]) -> Table:
    cells = tuple(
        (row.model, row.format, row.runtime or MISSING, reason_text(row.reason)) for row in rows if row.reason
    )
    says = "No runtime: there is no artifact, since the export could not make one that holds up."
    return Table("What there is no figure for", says, ("model", "format", "runtime", "reason"), cells, frozenset())


def _latency(timing: Timing | None) -> str:
    if timing is None:
        return MISSING
    return f"{number(timing.p50_ms)} ({number(timing.p10_ms)} to {number(timing.p90_ms)})"


def _count(value: int | None) -> str:
    return MISSING if value is None else f"{value:,}"


def _share(value: float | None, places: int) -> str:
    return MISSING if value is None else f"{value:.{places}f}"
