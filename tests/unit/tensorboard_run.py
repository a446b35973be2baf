"""Writes the event files of a run of known figures: tensorboard_run.py DIR."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

from example_report import example_report

from bakeoff.report.tensorboard import write_tensorboard
from bakeoff.schema import Latency, Report

CHART = '<svg xmlns="http://www.w3.org/2000/svg" width="90" height="60"><rect width="50" height="9"/></svg>'
P50S = (0.5, 0.25, 0.75)


def known_run(folder: Path, name: str = "digits_cnn") -> Report:
    """Return a run of three rounds, P50S, and an invalid one; its folder has a chart."""
    report = example_report(name=name)
    base, invalid = report.measurements
    trials = [
        replace(base, trial_id=f"t{number}", round=number, latency_ms=Latency(None, p50, None, None, None, None, None))
        for number, p50 in enumerate(P50S)
    ]
    (folder / "charts").mkdir(parents=True, exist_ok=True)
    (folder / "charts" / "digits_cnn-latency.svg").write_text(CHART, encoding="utf-8")
    return replace(report, measurements=(*trials, invalid))


if __name__ == "__main__":
    write_tensorboard(Path(sys.argv[1]), known_run(Path(sys.argv[1])))
