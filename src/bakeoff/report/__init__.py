"""The report of a run, made from results.json and the samples: pages, tables, sizes and charts/*.svg."""

from __future__ import annotations

from pathlib import Path

from bakeoff.host.files import write_atomic
from bakeoff.report.charts import charts_of
from bakeoff.report.charts.svg import dump_charts
from bakeoff.report.contest import Contest
from bakeoff.report.csv import render_csv
from bakeoff.report.html import render_html
from bakeoff.report.markdown import render_markdown
from bakeoff.report.words import reason_text
from bakeoff.schema import Report
from bakeoff.sizes import size_report_of, write_sizes


def write_report(folder: Path, report: Report) -> None:
    """Write report.html, report.md, results.csv, sizes.json, sizes.csv and charts/*.svg beside results.json."""
    drawn = [(contest, charts_of(folder, contest)) for contest in (Contest(report, model) for model in report.models)]
    write_atomic(folder / "report.html", render_html(report, drawn))
    write_atomic(folder / "report.md", render_markdown(report))
    write_atomic(folder / "results.csv", render_csv(report))
    write_sizes(folder, size_report_of(report), reason_text)
    for contest, charts in drawn:
        dump_charts(folder, contest, charts)
