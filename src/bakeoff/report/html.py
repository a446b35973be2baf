"""report.html: one file that opens offline."""

from __future__ import annotations

from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from bakeoff.report.charts import latency_chart
from bakeoff.report.tables import all_tables, apart, invalid_trials, workload_names
from bakeoff.types import Report


def render_html(folder: Path, report: Report) -> str:
    """Return the report as a page; `folder` holds the samples. All text is escaped, the charts are ours."""
    environment = Environment(
        loader=PackageLoader("bakeoff.report", "."), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    targets = [state.name for state in report.targets]
    charts = []
    for model in report.models:
        calm = [m for m in report.measurements if m.model == model.name and m.workload in workload_names(report)[:1]]
        svg = latency_chart(folder, calm, targets)
        if svg:
            charts.append((model.name, Markup(svg)))
    return environment.get_template("report.html.j2").render(
        report=report,
        title=", ".join(model.name for model in report.models) or "nothing measured",
        tables=all_tables(report),
        charts=charts,
        apart=apart(report),
        invalid=invalid_trials(report),
        unavailable=[state for state in report.targets if state.status != "available"],
    )
