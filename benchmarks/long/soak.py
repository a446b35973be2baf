"""Load each local target at 70% of its capacity for ten minutes: .venv/bin/python benchmarks/long/soak.py

digits_cnn, each target alone and for as long, server on one half of the CPUs, load on the other. The capacity is what
eight callers get just before; the open loop sends at a constant rate, in stretches of ten seconds. Ends with status 1
where a request failed or the memory of a server of ours (echo, lean-tflite, lean-litert) grows by over 1 MB a minute,
by least squares over all after its first three minutes; a shorter soak doesn't judge memory. echo computes nothing:
its p99 is what the machine and a Python server give. A target that can't run here is told, an error only where it was
named.
"""

from __future__ import annotations

import math
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from clients_run import end_with, make_goal  # noqa: E402
from stretches import (  # noqa: E402
    Record,
    conclude,
    count_failed,
    count_statuses,
    loaded,
    measure_each,
    options_of,
    p99_by_thirds,
    slope_per_minute,
)

from bakeoff.experiment.config import Cpus  # noqa: E402

SHARE = 0.7
STRETCH_S, FEWEST = 10.0, 6
SETTLED_MINUTES = 3.0
SLOPE_LIMIT = 1.0
SLO_MS = 100.0
OURS = ("echo", "lean-tflite", "lean-litert")


def soak(target: str, protocol: str, minutes: float, cpus: Cpus) -> Record:
    """Return what each stretch on one target found."""
    seconds = min(STRETCH_S, minutes * 60 / FEWEST)
    with loaded(target, protocol, cpus) as subject:
        idle_mb = subject.resident_mb()
        peak_rps = subject.peak_rps()
        count = math.ceil(minutes * 60 / seconds)
        found = [subject.flood(SHARE * peak_rps, seconds, SLO_MS) for _ in range(count)]
    return {"target": target, "protocol": protocol, "peak_rps": peak_rps, "idle_mb": idle_mb, "stretches": found}


def judge(record: Record) -> list[dict[str, object]]:
    """Return the goals of one target."""
    name = f"{record['target']}, {record['protocol']}"
    goals = [make_goal(f"{name}: requests that failed", count_failed(record["stretches"]), 0)]
    slope = slope_per_minute(record["stretches"], SETTLED_MINUTES)
    if record["target"] in OURS and slope is not None:
        text = f"{name}: memory's growth after {SETTLED_MINUTES:g} minutes, MB a minute"
        goals.append(make_goal(text, slope, SLOPE_LIMIT))
    return goals


def row_of(record: Record) -> str:
    """Return a target's row of the table."""
    found = record["stretches"]
    ends = [f"{each:.2f}" if each is not None else "-" for each in p99_by_thirds(found, "latency_p99_ms")]
    slope = slope_per_minute(found, SETTLED_MINUTES)
    held_back = sum(stretch["held_back"] for stretch in found)
    cells = (
        f"{record['target']}, {record['protocol']}",
        f"{record['peak_rps']:,.0f}",
        f"{count_statuses(found).total():,}",
        f"{count_failed(found):,}",
        f"{held_back:,}",
        ", ".join(ends),
        f"{record['idle_mb']:.1f}, {found[0]['resident_mb']:.1f}, {found[-1]['resident_mb']:.1f}",
        "-" if slope is None else f"{slope:+.2f}",
    )
    return "| " + " | ".join(cells) + " |\n"


def print_table(records: list[Record]) -> None:
    """Print a row a target as Markdown."""
    sys.stdout.write(
        "| target | capacity, requests/s | sent | failed | held back | p99 by thirds, ms | "
        "memory, MB: idle, after the first stretch, at the end | slope, MB a minute |\n"
        "|---|---|---|---|---|---|---|---|\n"
    )
    for record in records:
        sys.stdout.write(row_of(record))


def main() -> int:
    """Soak, print, and return 1 where a goal is missed or a target failed."""
    parser = options_of(__doc__)
    parser.add_argument("--minutes", type=float, default=10.0, help="of load, for each target and protocol")
    options = parser.parse_args()
    measured = measure_each(options, lambda target, protocol, cpus: soak(target, protocol, options.minutes, cpus))
    return conclude(measured, judge, print_table, options.json)


if __name__ == "__main__":
    end_with(main)
