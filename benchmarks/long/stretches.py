"""Stretches of an open loop on one endpoint of a target: running them, and the arithmetic on what they found.

A stretch is what benchmarks/clients/flood.py printed, with the server's memory after it and the minute it ended in.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from statistics import linear_regression, median

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from clients_run import CLIENTS, command_line, print_goals, run_client, tell  # noqa: E402
from lean_overhead import LOCAL, call, up  # noqa: E402

from bakeoff.errors import BakeoffError, TargetUnavailable  # noqa: E402
from bakeoff.experiment.config import Cpus  # noqa: E402
from bakeoff.host.files import ROOT  # noqa: E402
from bakeoff.host.machine import describe_machine  # noqa: E402
from bakeoff.host.venvs import ensure_venv  # noqa: E402
from bakeoff.platforms.deploy import Deployment  # noqa: E402
from bakeoff.schema import PROTOCOLS, Endpoint  # noqa: E402
from bakeoff.wire.client import OK  # noqa: E402

MODEL = "digits_cnn"
TARGETS = ("echo", "lean-tflite", "lean-litert", "torchserve", "flask-torch", "flask-tf")
PEAK_CALLERS, PEAK_S = 8, 3.0
OUTSTANDING = 400  # connections; more than the TFLite server's line holds, fewer than its backlog

Stretch = dict
Record = dict


@dataclass(frozen=True, slots=True)
class Loaded:
    """An endpoint that is up and takes load; minutes are counted from when this was made."""

    deployment: Deployment
    endpoint: Endpoint
    cpus: Cpus
    begin_s: float = field(default_factory=time.monotonic)

    def peak_rps(self) -> float:
        """Return the throughput of eight callers, once the server is warm."""
        folder, wire, port = self.deployment.folder, self.endpoint.wire, self.endpoint.port
        prime_s = self.deployment.server_of(self.endpoint.id).target.prime_s
        if prime_s:
            call(wire, folder, port, PEAK_CALLERS, prime_s, self.cpus)
        return call(wire, folder, port, PEAK_CALLERS, PEAK_S, self.cpus)["rps"]

    def flood(self, rate_rps: float, seconds: float, slo_ms: float, outstanding: int = OUTSTANDING) -> Stretch:
        """Send at a constant rate, with at most so many requests outstanding, and return what was found."""
        python = ensure_venv(ROOT / "loadtest" / "requirements.txt", say=tell)
        argv = [str(python), str(CLIENTS / "flood.py"), "--wire", self.endpoint.wire]
        argv += ["--model-dir", str(self.deployment.folder), "--port", str(self.endpoint.port)]
        argv += ["--rate-rps", str(rate_rps), "--seconds", str(seconds), "--slo-ms", str(slo_ms)]
        argv += ["--outstanding", str(outstanding)]
        found: Stretch = run_client(argv, self.cpus.load)
        found |= {"resident_mb": self.resident_mb(), "minute": (time.monotonic() - self.begin_s) / 60}
        tell(f"{self.endpoint.id}: {found}")
        return found

    def resident_mb(self) -> float:
        """Return the resident memory of all of the server's processes; what they share counts for each."""
        usage = LOCAL.read_usage(self.deployment.server_of(self.endpoint.id))
        return (usage.rss_bytes or 0) / 1e6


@contextmanager
def loaded(target: str, protocol: str, cpus: Cpus) -> Iterator[Loaded]:
    """Bring a target up; raises TargetUnavailable where it can't run here or doesn't speak the protocol."""
    with up(MODEL, (target,), cpus) as deployment:
        # echo speaks all wires: the first by name is TensorFlow Serving's, as of most others.
        spoken = sorted((e for e in deployment.endpoints if e.protocol == protocol), key=lambda e: e.wire)
        if not spoken:
            raise TargetUnavailable(f"{target} doesn't speak {protocol}")
        yield Loaded(deployment, spoken[0], cpus)


def options_of(doc: str) -> argparse.ArgumentParser:
    """Return the options that every program of stretches has."""
    parser = command_line(doc)
    parser.add_argument("--target", action="append", choices=TARGETS, help="may be given again; all by default")
    parser.add_argument("--protocol", action="append", choices=PROTOCOLS, help="may be given again; grpc by default")
    return parser


def measure_each(options: argparse.Namespace, measure: Callable[[str, str, Cpus], Record]) -> dict[str, list[Record]]:
    """Measure all targets one after the other; return the `results`, and why others are `not_measured`.

    A target that fails costs itself only; one that can't run here is no failure unless it was named.
    """
    records, missing = [], []
    try:
        LOCAL.open()
        cpus = LOCAL.resolve_cpus(Cpus())
        for target in options.target or TARGETS:
            for protocol in options.protocol or ["grpc"]:
                try:
                    records.append(measure(target, protocol, cpus))
                except BakeoffError as error:
                    failed = bool(options.target) or not isinstance(error, TargetUnavailable)
                    missing.append({"target": target, "protocol": protocol, "reason": str(error), "failed": failed})
                    tell(f"{target}, {protocol}: not measured: {error}")
    finally:
        LOCAL.close()
    return {"results": records, "not_measured": missing}


def conclude(
    measured: dict[str, list[Record]],
    judge: Callable[[Record], list[dict[str, object]]],
    print_table: Callable[[list[Record]], None],
    as_json: bool,
) -> int:
    """Print what was measured and the goals; return the exit status."""
    goals = [goal for record in measured["results"] for goal in judge(record)]
    if as_json:
        about = {"ended_at": datetime.now(UTC).isoformat(timespec="seconds"), "machine": describe_machine()}
        sys.stdout.write(json.dumps({**about, **measured, "goals": goals}, indent=1) + "\n")
    else:
        print_table(measured["results"])
        print_goals(goals)
        for row in measured["not_measured"]:
            sys.stdout.write("\nnot measured: {target}, {protocol}: {reason}\n".format(**row))
    failed = any(row["failed"] for row in measured["not_measured"])
    return 0 if all(goal["met"] for goal in goals) and not failed else 1


def thirds(values: Sequence[float]) -> list[Sequence[float]]:
    """Split values in time's order into three parts, the first and the last of the same size; at least one each."""
    size = max(len(values) // 3, 1)
    return [values[:size], values[size:-size] or values[:size], values[-size:]]


def p99_by_thirds(stretches: Sequence[Stretch], name: str) -> list[float | None]:
    """Return the median over each third's stretches of a percentile; None where nothing was answered."""
    return [
        median(known) if (known := [stretch[name] for stretch in part if stretch[name] is not None]) else None
        for part in thirds(stretches)
    ]


def slope_per_minute(stretches: Sequence[Stretch], settled_minutes: float) -> float | None:
    """Return the least-squares slope of the memory over the time once settled, MB a minute; None below three points."""
    after = [stretch for stretch in stretches if stretch["minute"] > settled_minutes]
    if len(after) < 3:
        return None
    return linear_regression([s["minute"] for s in after], [s["resident_mb"] for s in after]).slope


def count_statuses(stretches: Sequence[Stretch]) -> Counter[str]:
    """Count how requests ended, over all stretches."""
    return sum((Counter(stretch["statuses"]) for stretch in stretches), Counter())


def count_failed(stretches: Sequence[Stretch], allowed: Sequence[str] = ()) -> int:
    """Count the requests that were neither answered nor ended as is allowed."""
    return sum(count for status, count in count_statuses(stretches).items() if status not in (OK, *allowed))


def share_of(peak_rps: float, stretches: Sequence[Stretch], name: str) -> float:
    """Return the median over the stretches of a rate, as a share of the peak."""
    return median(stretch[name] for stretch in stretches) / peak_rps
