"""Summarise a trial of ten million requests: .venv/bin/python benchmarks/summarize.py

The goal is 10 s and 1 GB, reading the file included. Prints a line, or with --json an object; ends with status 1 where
the goal is missed. The file is written by a process of its own, so that the memory is that of the summary.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
from clients_run import command_line

from bakeoff.analysis.summary import summarize_trial
from bakeoff.measure.samples import SCHEMA, read_samples, write_samples
from bakeoff.schema import Endpoint, Trial, Watch, Workload
from bakeoff.schema.samples import Window

GOAL_SECONDS, GOAL_BYTES = 10.0, 10**9
RATE_RPS = 20_000.0
STATUSES = ("ok", "timeout", "grpc_8")


def write_trial(path: Path, requests: int) -> None:
    """Write a trial with Poisson arrivals and lognormal service times, of which a thousandth failed."""
    random = np.random.default_rng(1)
    intended = np.cumsum(random.exponential(1e9 / RATE_RPS, requests)).astype(np.int64)
    start = intended + random.integers(5_000, 50_000, requests)
    end = start + random.lognormal(13, 0.5, requests).astype(np.int64)
    status = random.choice(len(STATUSES), requests, p=(0.999, 0.0005, 0.0005)).astype(np.int32)
    kept = np.arange(requests) % 1000
    answers = pa.array([random.bytes(40) for _ in range(10)], pa.large_binary())
    columns = {
        "intended_ns": intended,
        "start_ns": start,
        "end_ns": end,
        "status": pa.DictionaryArray.from_arrays(pa.array(status), pa.array(STATUSES)),
        "request_bytes": np.full(requests, 3000),
        "response_bytes": np.full(requests, 40),
        "request": (np.arange(requests) % 100).astype(np.int32),
        "answer": pa.DictionaryArray.from_arrays(pa.array(kept % 10, pa.int32(), mask=kept > 9), answers),
        "connects": np.zeros(requests, np.int32),
    }
    table = pa.table({name: columns[name] for name in SCHEMA.names}, schema=SCHEMA)
    watch = Watch(0, "here 1", 1, cpu_percent=50.0, spin_percent=0.0, held_back=0)
    write_samples(path, table, Window(int(intended[0]), int(intended[-1]) + 1), [watch])


def summarize(path: Path) -> dict[str, float]:
    """Read and summarise a trial; return seconds, this process's peak memory and a few of the figures."""
    endpoint = Endpoint("lean-tflite-grpc", "digits_cnn", "lean-tflite", "tflite-fp32", "grpc", "tfserving-grpc")
    trial = Trial("t", endpoint.id, Workload("open", "poisson", rate_rps=RATE_RPS), 0, 0, str(path))
    begin = time.perf_counter()
    measurement = summarize_trial(trial, endpoint, read_samples(path))
    seconds = time.perf_counter() - begin
    return {
        "requests": measurement.request_count,
        "errors": measurement.error_count,
        "p50_ms": measurement.latency_ms.p50 or 0.0,
        "file_bytes": path.stat().st_size,
        "seconds": seconds,
        "peak_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
    }


def main() -> int:
    """Write, summarise, compare with the goal; return the exit status."""
    parser = command_line(__doc__)
    parser.add_argument("--requests", type=int, default=10_000_000)
    parser.add_argument("--write", type=Path, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.write:
        write_trial(args.write, args.requests)
        return 0
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "trial.parquet"
        command = [sys.executable, __file__, "--requests", str(args.requests), "--write", str(path)]
        subprocess.run(command, check=True)
        found = summarize(path)
    holds = found["seconds"] < GOAL_SECONDS and found["peak_bytes"] < GOAL_BYTES
    if args.json:
        sys.stdout.write(json.dumps({**found, "holds": holds}, indent=1) + "\n")
    else:
        sys.stdout.write(
            f"{'ok' if holds else 'MISSED'}: {found['requests']:,} requests in {found['seconds']:.1f} s with "
            f"{found['peak_bytes'] / 1e6:,.0f} MB (goal: {GOAL_SECONDS:g} s, {GOAL_BYTES / 1e6:,.0f} MB)\n"
        )
    return 0 if holds else 1


if __name__ == "__main__":
    sys.exit(main())
