"""Shows the progress of a made-up run by bakeoff's own view: fake_run.py [wait]. With wait it ends by a signal."""

from __future__ import annotations

import signal
import sys
from dataclasses import replace

from example_report import example_report

from bakeoff.cli.terminal import progress
from bakeoff.schema import Trial, Workload, quoted

REASON = "the lag was 9 ms: " + "and that is too much " * 9


def show_run(quiet: bool = False, wait: bool = False) -> None:
    """Show a valid trial, an invalid one, and one that goes on."""
    trial = example_report().measurements[0]
    valid = replace(trial, latency_ms=replace(trial.latency_ms, p99=2.5))
    invalid = replace(valid, endpoint="echo-rest", verdict="invalid", reasons=(quoted(REASON),), trial_id="m.echo")
    workload = Workload("c1", "closed", 1, warmup_s=1.0, duration_s=4.0)
    with progress(quiet) as show:
        show.expect(3)
        show.expect_load("digits_cnn", 15.0)
        show.note("tfserving is unavailable: [red]not on PATH[/red]")
        for number, found in enumerate((valid, invalid)):
            show.begin("digits_cnn", Trial("t", found.endpoint, workload, 0, number, None), 3)
            show.found(found)
            show.step()
        show.begin("digits_cnn", Trial("t", "lean-tflite-grpc", workload, 1, 0, None), 3)
        while wait:
            signal.pause()


if __name__ == "__main__":
    try:
        show_run(wait="wait" in sys.argv)
    except KeyboardInterrupt:
        sys.exit(130)
