"""The page's charts: Vega-Lite, drawn by the reader's browser, and as SVG by vl-convert without one."""

from __future__ import annotations

from pathlib import Path

from bakeoff.report.charts.capacity import capacity_chart
from bakeoff.report.charts.chart import Chart
from bakeoff.report.charts.cost import cost_chart
from bakeoff.report.charts.latency import latency_chart
from bakeoff.report.charts.protocols import protocol_chart
from bakeoff.report.charts.resources import resource_chart
from bakeoff.report.charts.rounds import rounds_chart
from bakeoff.report.charts.sizes import size_chart
from bakeoff.report.charts.throughput import throughput_chart
from bakeoff.report.charts.time import time_chart
from bakeoff.report.contest import Contest
from bakeoff.report.searches import load_searches


def charts_of(folder: Path, contest: Contest) -> list[Chart]:
    """Return the charts of a model that there is something for."""
    found = [
        latency_chart(folder, contest),
        throughput_chart(contest),
        protocol_chart(contest),
        time_chart(contest),
        size_chart(contest),
        resource_chart(contest),
        cost_chart(contest),
        capacity_chart(contest, load_searches(folder, contest.model.name)),
        rounds_chart(contest),
    ]
    return [chart for chart in found if chart is not None]
