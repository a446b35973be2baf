"""Whole runs whose truth is known: simulated measurements in a report made by hand."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from example_report import example_report
from simulated import simulate_run

from bakeoff.schema import Model, Report

MACHINE = {"cpu": "a CPU", "cpus": 2, "architecture": "x86_64", "memory_bytes": 8 << 30, "os": "an OS"}
WORKLOADS = [
    {"name": "c1", "arrival": "closed", "concurrency": 1},
    {"name": "c8", "arrival": "closed", "concurrency": 8},
]


def recorded_run(slowdowns: Mapping[str, float], seed: int = 1, rounds: int = 7, **changes: Any) -> Report:
    """Return the report of a run that may be compared; a slowdown of 1.1 is a true p50 of 1.1 ms."""
    report = example_report()
    fields: dict[str, Any] = {
        "machine": MACHINE,
        "config": report.config | {"workloads": WORKLOADS},
        "models": (Model("m", "a" * 64, (), (), 1e-4, 0.0),),
        "artifacts": (replace(report.artifacts[0], model="m"),),
        "measurements": tuple(simulate_run(np.random.default_rng(seed), slowdowns, rounds)),
        "restarted": True,
    }
    return replace(report, **(fields | changes))
