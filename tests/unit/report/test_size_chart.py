"""The report's chart of sizes: what it draws sizes against, and which formats it marks."""

from __future__ import annotations

from dataclasses import replace

from example_report import example_report
from sizes_example import artifact, measured, model, process

from bakeoff.report.charts.chart import Chart
from bakeoff.report.charts.sizes import size_chart
from bakeoff.report.contest import Contest
from bakeoff.schema import Artifact, EdgeMeasurement, Fidelity


def chart_of(artifacts: list[Artifact], *edge: EdgeMeasurement, accuracy: float | None = 0.9) -> Chart | None:
    described = model(accuracy=accuracy)
    report = replace(example_report(), models=(described,), artifacts=tuple(artifacts), edge=edge, measurements=())
    return size_chart(Contest(report, described))


def best(chart: Chart, panel: int) -> set[str]:
    return {row["format"] for row in chart.panels[panel].spec["data"]["values"] if row["best"]}


def test_sizes_stand_against_accuracy_and_latency_each_with_its_own_best() -> None:
    artifacts = [artifact("small", 10, 0.8), artifact("exact", 30, 0.9), artifact("large", 40, 0.9)]
    edge = [
        measured("exact", "r", process(3.0)),
        measured("large", "r", process(1.0)),
        measured("small", "r", process(9)),
    ]
    chart = chart_of(artifacts, *edge)
    assert chart is not None
    assert [panel.title for panel in chart.panels] == [
        "Artifact size",
        "Size against accuracy",
        "Size against latency, one thread",
    ]
    assert best(chart, 1) == {"small", "exact"} and best(chart, 2) == {"small", "exact", "large"}


def test_the_runtime_that_is_quickest_stands_for_its_format() -> None:
    artifacts = [artifact("a", 10), artifact("b", 20)]
    edge = [measured("a", "r", process(3.0)), measured("a", "s", process(1.0)), measured("b", "r", process(2.0))]
    chart = chart_of(artifacts, *edge)
    assert chart is not None and best(chart, 2) == {"a"}
    assert {row["format"]: row["value"] for row in chart.panels[2].spec["data"]["values"]} == {"a": 1.0, "b": 2.0}


def test_without_accuracy_the_error_is_drawn_and_said() -> None:
    artifacts = [
        artifact(name, size, None, fidelity=Fidelity(error, 0.9, None, 20))
        for name, size, error in (("a", 10, 0.5), ("b", 20, 0.001), ("c", 30, 0.01))
    ]
    chart = chart_of(artifacts, accuracy=None)
    assert chart is not None and chart.panels[1].title == "Size against largest error against PyTorch"
    assert best(chart, 1) == {"a", "b"} and "no evaluation" in chart.says


def test_what_is_not_known_is_not_drawn() -> None:
    chart = chart_of([artifact("a", 10, None, fidelity=None), artifact("b", 20, None, fidelity=None)], accuracy=None)
    assert chart is not None and [panel.title for panel in chart.panels] == ["Artifact size"]
    assert chart_of([]) is None


def test_an_accuracy_of_nothing_is_a_figure() -> None:
    chart = chart_of([artifact("a", 10, 0.0), artifact("b", 20, 0.0)])
    assert chart is not None and best(chart, 1) == {"a"}
