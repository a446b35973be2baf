"""The report of a run: report.html, report.md, sizes.json and sizes.csv, made from results.json and the samples."""

from __future__ import annotations

from pathlib import Path

from bakeoff.files import write_atomic
from bakeoff.report.html import render_html
from bakeoff.report.markdown import render_markdown
from bakeoff.sizes import size_report_of, write_sizes
from bakeoff.types import Report


def write_report(folder: Path, report: Report) -> None:
    """Write report.html, report.md, sizes.json and sizes.csv beside results.json."""
    write_atomic(folder / "report.html", render_html(folder, report))
    write_atomic(folder / "report.md", render_markdown(report))
    write_sizes(folder, size_report_of(report))
