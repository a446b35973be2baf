"""What every client's program shares: its command line, the loops that are timed, and the line it prints."""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "src"))

HOST = "127.0.0.1"
WARM_UP_REQUESTS = 30


@dataclass(frozen=True, slots=True)
class Job:
    """What to send where: message has no gRPC frame; rate_rps is None where no lag is asked for."""

    protocol: str
    port: int
    path: str
    message: bytes
    seconds: float
    rate_rps: float | None
    paced_seconds: float

    @property
    def paced_requests(self) -> int:
        """How many sends the paced part has."""
        return round((self.rate_rps or 0) * self.paced_seconds)


def parse_job() -> Job:
    """Read the job from the command line."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--protocol", choices=["rest", "grpc"], required=True)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--path", required=True)
    parser.add_argument("--message", type=lambda name: Path(name).read_bytes(), required=True, metavar="FILE")
    parser.add_argument("--seconds", type=float, required=True)
    parser.add_argument("--rate-rps", type=float)
    parser.add_argument("--paced-seconds", type=float, default=2.0)
    return Job(**vars(parser.parse_args()))


def closed_loop(send: Callable[[], object], seconds: float) -> dict[str, float]:
    """Send again and again; return the median time and the process's CPU time a request, in microseconds."""
    for _ in range(WARM_UP_REQUESTS):
        send()
    clock, times = time.perf_counter_ns, []
    cpu, now = time.process_time_ns(), clock()
    until = now + round(seconds * 1e9)
    while now < until:
        start = now
        send()
        now = clock()
        times.append(now - start)
    cpu = time.process_time_ns() - cpu
    return {"requests": len(times), "p50_us": quantile(times, 0.5) / 1e3, "cpu_us": cpu / len(times) / 1e3}


def summarize_lag(late: Sequence[float]) -> dict[str, float]:
    """Return the quantiles of how late sends were, given in ns, in microseconds."""
    return {"lag_p50_us": quantile(late, 0.5) / 1e3, "lag_p99_us": quantile(late, 0.99) / 1e3}


def quantile(values: Sequence[float], q: float) -> float:
    """Return the smallest value with at least a share `q` of the values at or below it."""
    ordered = sorted(values)
    return ordered[max(0, -int(-len(ordered) * q // 1) - 1)]


def say(result: dict[str, float]) -> None:
    """Print the one line of the result."""
    sys.stdout.write(json.dumps(result) + "\n")
