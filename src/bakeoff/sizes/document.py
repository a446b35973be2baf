"""sizes.json and sizes.csv."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from bakeoff.host.files import as_json, write_atomic
from bakeoff.schema import Artifact, EdgeMeasurement, MissingArtifact, Model, Report
from bakeoff.sizes.answers import answer_lines
from bakeoff.sizes.rows import SizeRow, Timing, size_rows

SCHEMA_VERSION = 1
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


def size_json(report: SizeReport) -> str:
    """Return sizes.json."""
    return as_json(report)


def size_csv(report: SizeReport) -> str:
    """Return sizes.csv: sizes.json's rows, with a column for each figure of a timing; empty: null."""
    text = io.StringIO()
    writer = csv.DictWriter(text, _columns(), lineterminator="\n")
    writer.writeheader()
    writer.writerows(_flat(row) for row in report.rows)
    return text.getvalue()


def _columns() -> list[str]:
    names = []
    for field in fields(SizeRow):
        inner = [f"{field.name}.{part.name}" for part in fields(Timing)] if field.name in TIMED else [field.name]
        names += inner
    return names


def _flat(row: SizeRow) -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for name, value in asdict(row).items():
        if name in TIMED:
            flat |= {f"{name}.{part}": figure for part, figure in (value or {}).items()}
        else:
            flat[name] = value
    return flat


def write_sizes(folder: Path, report: SizeReport) -> None:
    """Write sizes.json and sizes.csv."""
    write_atomic(folder / "sizes.json", size_json(report))
    write_atomic(folder / "sizes.csv", size_csv(report))
