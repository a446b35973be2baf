"""sizes.json and sizes.csv."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from bakeoff.host.files import as_json, write_atomic
from bakeoff.schema import Artifact, EdgeMeasurement, MissingArtifact, Model, Reason, Report
from bakeoff.sizes.answers import answer_lines
from bakeoff.sizes.rows import SizeRow, Timing, size_rows

SCHEMA_VERSION = 1
Words = Callable[[Reason], str]
TIMED = ("one_thread", "two_threads")


@dataclass(frozen=True, slots=True)
class SizeReport:
    """sizes.json: the rows, and the answers in words by model."""

    schema_version: int
    answers: dict[str, list[str]]
    rows: list[SizeRow]


def make_size_report(
    models: Iterable[Model],
    artifacts: Iterable[Artifact],
    measured: Iterable[EdgeMeasurement] = (),
    missing: Iterable[MissingArtifact] = (),
) -> SizeReport:
    """Return the size report of some models."""
    rows = size_rows(models, artifacts, measured, missing)
    names = list(dict.fromkeys(row.model for row in rows))
    answers = {name: answer_lines([row for row in rows if row.model == name]) for name in names}
    return SizeReport(SCHEMA_VERSION, answers, rows)


def size_report_of(report: Report) -> SizeReport:
    """Return the size report of a run."""
    return make_size_report(report.models, report.artifacts, report.edge, report.missing_artifacts)


def size_json(report: SizeReport, words: Words) -> str:
    """Return sizes.json."""
    return as_json({"schema_version": report.schema_version, "answers": report.answers, "rows": _told(report, words)})


def size_csv(report: SizeReport, words: Words) -> str:
    """Return sizes.csv: sizes.json's rows, with a column for each figure of a timing; empty: null."""
    text = io.StringIO()
    writer = csv.DictWriter(text, _columns(), lineterminator="\n")
    writer.writeheader()
    writer.writerows(_flat(row) for row in _told(report, words))
    return text.getvalue()


def _columns() -> list[str]:
    parts = {name: [f"{name}.{part.name}" for part in fields(Timing)] for name in TIMED}
    return [column for field in fields(SizeRow) for column in parts.get(field.name, [field.name])]


def _told(report: SizeReport, words: Words) -> list[dict[str, Any]]:
    return [asdict(row) | {"reason": words(row.reason) if row.reason else None} for row in report.rows]


def _flat(row: dict[str, Any]) -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for name, value in row.items():
        if name in TIMED:
            flat |= {f"{name}.{part}": figure for part, figure in (value or {}).items()}
        else:
            flat[name] = value
    return flat


def write_sizes(folder: Path, report: SizeReport, words: Words) -> None:
    """Write sizes.json and sizes.csv."""
    write_atomic(folder / "sizes.json", size_json(report, words))
    write_atomic(folder / "sizes.csv", size_csv(report, words))
