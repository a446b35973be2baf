"""Writes the event files of a run of known figures: tensorboard_run.py DIR."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

from example_report import example_report

from bakeoff.report.tensorboard import write_tensorboard
from bakeoff.samples import Window, table_of, write_samples
from bakeoff.types import Latency, Report, Sample

P50S = (0.5, 0.25, 0.75)


def known_run(folder: Path, name: str = "digits_cnn") -> Report:
    """Return a run of three rounds, P50S, and an invalid one; the first round has samples."""
    report = example_report(name=name)
    base, invalid = report.measurements
    trials = [
        replace(base, trial_id=f"t{number}", round=number, latency_ms=Latency(None, p50, None, None, None, None, None))
        for number, p50 in enumerate(P50S)
    ]
    rows = [Sample(i, i, i + 1_000_000 + i, "ok", 1, 1, 0, None, 0) for i in range(100)]
    write_samples(folder / "samples" / "t0.parquet", table_of(rows, []), Window(0, 100), [])
    return replace(report, measurements=(*trials, invalid))


if __name__ == "__main__":
    write_tensorboard(Path(sys.argv[1]), known_run(Path(sys.argv[1])))
