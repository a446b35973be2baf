"""Charts as files, for a README or a pull request: SVG drawn by vl-convert, without a browser."""

from __future__ import annotations

import re
from contextlib import suppress
from functools import cache
from importlib.metadata import version
from pathlib import Path

import vl_convert

from bakeoff.host.files import STATE, write_atomic
from bakeoff.report.charts.chart import Chart, Panel, config
from bakeoff.report.charts.vega import Spec
from bakeoff.report.contest import Contest
from bakeoff.schema import Report

WIDTH = 330
NAME = "charts"


def dump_charts(folder: Path, contest: Contest, charts: list[Chart]) -> None:
    """Write each chart into the run's charts folder, named MODEL-CHART.svg."""
    (folder / NAME).mkdir(exist_ok=True)
    for chart in charts:
        write_atomic(folder / NAME / f"{plain(contest.model.name)}-{chart.id}.svg", render_svg(chart, contest.report))


def plain(name: str) -> str:
    """Return a name as a file or an anchor may have it."""
    return re.sub(r"[^A-Za-z0-9_]+", "-", name).strip("-") or "x"


def render_svg(chart: Chart, report: Report) -> str:
    """Return a chart as SVG on white, its views side by side."""
    spec: Spec = {
        "title": {"text": chart.title, "offset": 14, "fontSize": 15},
        "params": [{"name": "focus", "value": ""}],
        "hconcat": [_standing(panel) for panel in chart.panels],
        "config": config("light", report) | {"background": "white", "font": "sans-serif"},
        "padding": 12,
    }
    svg: str = vl_convert.vegalite_to_svg(spec)
    return svg


def _standing(panel: Panel) -> Spec:
    kept = {key: value for key, value in panel.spec.items() if key not in ("autosize", "params")}
    return kept | {"width": WIDTH, "title": panel.title}


@cache
def javascript() -> str:
    """Return Vega, Vega-Lite and Vega-Embed as one script that loads nothing; kept, since bundling takes seconds."""
    kept = STATE / f"vega-{version('vl-convert-python')}.js"
    if kept.exists():
        return kept.read_text(encoding="utf-8")
    bundle: str = vl_convert.javascript_bundle("window.vegaEmbed = vegaEmbed;")
    # Where nothing may be written, as in a container, it is bundled anew.
    with suppress(OSError):
        write_atomic(kept, bundle)
    return bundle
