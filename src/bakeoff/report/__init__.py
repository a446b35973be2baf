"""The report of a run: report.html, report.md, results.csv and sizes.json, made from results.json and the samples."""

from __future__ import annotations

from pathlib import Path

from bakeoff.files import as_json, write_atomic
from bakeoff.report.csv import render_csv
from bakeoff.report.html import render_html
from bakeoff.report.markdown import render_markdown
from bakeoff.report.sizes import size_rows
from bakeoff.types import Report


def write_report(folder: Path, report: Report) -> None:
    """Write report.html, report.md, results.csv and sizes.json beside results.json."""
    write_atomic(folder / "report.html", render_html(folder, report))
    write_atomic(folder / "report.md", render_markdown(report))
    write_atomic(folder / "results.csv", render_csv(report))
    write_atomic(folder / "sizes.json", as_json(size_rows(report.artifacts)))
