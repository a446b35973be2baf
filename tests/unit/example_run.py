"""A run made by hand with everything that a page must show: sure and open answers, a trial that doesn't count, a target
that can't run, a format that failed parity, and names that would like to be markup.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
from example_report import example_report
from simulated import measurement

from bakeoff.measure.samples import table_of, write_samples
from bakeoff.report.contest import Contest
from bakeoff.report.criteria import Criterion, Pair, criteria
from bakeoff.results.recompute import summarize_report
from bakeoff.schema import (
    Artifact,
    Breakdown,
    InProcess,
    Latency,
    Measurement,
    Model,
    Parity,
    Report,
    Sample,
    Startup,
    TargetState,
    TensorSpec,
    quoted,
)
from bakeoff.schema.samples import Window

HOSTILE = "</script><script>alert('no')</script>|=x\n../../up"
ENDPOINTS = {
    "torchserve-rest": ("torchserve", "torchscript", "rest", 2.0),
    "torchserve-grpc": ("torchserve", "torchscript", "grpc", 2.6),
    "flask-torch-rest": ("flask-torch", "torchscript", "rest", 1.6),
    "lean-tflite-rest": ("lean-tflite", "tflite-fp32", "rest", 0.6),
    "lean-tflite-grpc": ("lean-tflite", "tflite-fp32", "grpc", 0.4),
    "echo-tfserving-rest": ("echo", "none", "rest", 0.2),
}
"""Target, format, protocol, and the true p50 in ms."""
SIDES = ("PyTorch", "TensorFlow")
SIZES = {"torchscript": 252_765, "savedmodel": 238_093, "tflite-fp32": 228_524, "tflite-int8": 64_720}


def example_run(
    name: str = "digits_cnn", rounds: int = 7, p50s: Mapping[str, float] | None = None, noise: float = 0.02
) -> Report:
    """Return a report of one model; `p50s` replaces true medians, endpoints and all."""
    random = np.random.default_rng(7)
    truth = {e: p50s.get(e, row[3]) if p50s else row[3] for e, row in ENDPOINTS.items() if not p50s or e in p50s}
    trials = [
        trial(name, endpoint, workload, number, ms * float(np.exp(random.normal(0, noise))))
        for number in range(rounds)
        for endpoint, ms in truth.items()
        for workload in ("c1", "c8")
    ]
    reason = quoted(f"its speed had not settled {name}")
    drifted = replace(trials[0], trial_id="drifted", verdict="invalid", reasons=(reason,))
    parity = [
        Parity(name, format, "a runtime", "format", None, 1e-6, True, batch) for format in SIZES for batch in (1, 3)
    ]
    wrong = Parity(
        name, "savedmodel", "a runtime", "serving", "flask-tf-rest", 0.5, False, 1, quoted(f"0.5 off {name}")
    )
    report = replace(
        example_report(),
        created_at="2026-01-01T00:00:00+00:00",
        command=f"bakeoff run --model {name}",
        machine={"cpu": "a CPU", "cpus": 2, "os": "an OS", "bakeoff": "0.1.0", "git_commit": "abc123"},
        config={
            "workloads": [{"name": "c1"}, {"name": "c8"}],
            "price_per_hour": 0.36,
            "cpus": {"server": "0", "load": "1"},
        },
        models=(Model(name, "a" * 64, (TensorSpec("x", "float32", (None, 2)),), (), 1e-4, 0.0),),
        artifacts=tuple(
            Artifact(name, f, "p", size, size // 2, "b" * 64, 0.99, 0.4, tuple(p for p in parity if p.format == f))
            for f, size in SIZES.items()
        ),
        parity=(*parity, wrong),
        support=(),
        missing_artifacts=(),
        targets=tuple(states(name)),
        in_process=(InProcess(name, "lean-tflite", "tflite-fp32", 0.04, 1000),),
        finished=(name,),
    )
    return summarize_report(report, [*trials, drifted], "torchserve-rest")


def trial(name: str, endpoint: str, workload: str, number: int, p50: float) -> Measurement:
    """Return a valid trial; eight callers wait four times as long as one and get twice as much."""
    target, format, protocol, _ = ENDPOINTS[endpoint]
    ms = p50 if workload == "c1" else 4 * p50
    latency = Latency(1.1 * ms, ms, 1.3 * ms, 1.5 * ms, 2 * ms, None, 3 * ms)
    return measurement(
        endpoint,
        workload,
        number,
        trial_id=f"{endpoint}.{workload}.r{number}",
        model=name,
        target=target,
        format=format,
        protocol=protocol,
        throughput=(1000 if workload == "c1" else 2000) / p50,
        latency_ms=latency,
        service_ms=latency,
        error_count=0,
        errors={},
        breakdown=Breakdown(0.1 * ms, 0.3 * ms, 0.7 * ms, 100, None) if target != "echo" else None,
    )


def states(name: str) -> Iterator[TargetState]:
    """Yield the targets: four that ran and one that couldn't."""
    frameworks = {"torchserve": "PyTorch", "flask-torch": "PyTorch", "lean-tflite": "TensorFlow", "echo": "none"}
    for number, (target, framework) in enumerate(frameworks.items()):
        what = f"{name} {next(row[1] for row in ENDPOINTS.values() if row[0] == target)}"
        yield TargetState(
            target,
            framework,
            f"{target}'s server",
            "1.0",
            "available",
            ready_seconds={what: 1.0 + number},
            startup={what: Startup(0.9 + number, 0.1)},
            idle_rss_bytes={what: 50_000_000 * (number + 1)},
            install_bytes=100_000_000,
        )
    yield TargetState(
        "tfserving", "TensorFlow", "s", None, "unavailable", quoted(f"not on PATH {name}"), quoted("install it")
    )


def write_run_samples(folder: Path, report: Report, count: int = 500) -> None:
    """Write samples of every trial at one caller whose median is the trial's."""
    for m in report.measurements:
        if m.workload == "c1" and m.verdict == "valid":
            random = np.random.default_rng(zlib.crc32(m.trial_id.encode()))
            taken = 1e6 * (m.latency_ms.p50 or 1) * random.lognormal(0, 0.2, count)
            rows = [Sample(i, i, i + int(ns), "ok", 1, 1, 0, None, 0) for i, ns in enumerate(taken)]
            write_samples(folder / "samples" / f"{m.trial_id}.parquet", table_of(rows, []), Window(0, count), [])


def contest(report: Report | None = None) -> Contest:
    """Return the first model's part of a run."""
    report = report or example_run()
    return Contest(report, report.models[0])


def criterion(report: Report, name: str, sides: tuple[str, str] = SIDES) -> Criterion:
    """Return one of the criteria by which two frameworks are compared."""
    return next(row for row in criteria(Pair(contest(report), sides)) if row.name == name)
