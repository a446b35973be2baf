"""Ask each local target for twice and ten times what it can do: .venv/bin/python benchmarks/long/overload.py

digits_cnn, each target alone, server on one half of the CPUs, load on the other, in stretches of 15 seconds. The
capacity is what eight callers get just before; the open loop sends at a constant rate. At most 400 requests are
outstanding: refusing takes time too, and a server that is asked for twice its capacity can't even refuse all of the
rest at once on one CPU. Afterwards it is asked for half its capacity.

Ends with status 1 where lean-tflite or lean-litert, asked for twice the capacity, answer less than 0.8 of it, in all or
within the objective (with 400 outstanding that takes refusals that cost less than answers); where one of them neither
answers nor refuses, answers after more than a second, fails afterwards, or, with --stretches 6 and more, grows or gets
slower. The other targets are described. One that can't run here is told, an error only where it was named.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from clients_run import end_with, make_goal  # noqa: E402
from stretches import (  # noqa: E402
    OUTSTANDING,
    Record,
    conclude,
    count_failed,
    count_statuses,
    loaded,
    measure_each,
    options_of,
    p99_by_thirds,
    share_of,
)

from bakeoff.experiment.config import Cpus  # noqa: E402

FACTORS = (2.0, 10.0)
AFTERWARDS, AFTERWARDS_S = 0.5, 3.0
BOUNDED = ("lean-tflite", "lean-litert")  # the servers whose queue is ours to bound
REFUSALS = ("grpc_8", "http_503")
SETTLED, ENOUGH = 3, 6  # stretches after which memory must not grow, and how many there must be to say so
LEAST_SHARE, SLOWEST_MS, GROWTH_MB, SLOWER = 0.8, 1000.0, 5.0, 1.5


def overload(target: str, protocol: str, options: argparse.Namespace, cpus: Cpus) -> Record:
    """Return what the stretches on one target found, at each factor and afterwards, and its memory before."""
    with loaded(target, protocol, cpus) as subject:
        peak_rps = subject.peak_rps()
        before_mb = subject.resident_mb()
        found = [
            {
                "factor": factor,
                "stretches": [
                    subject.flood(factor * peak_rps, options.seconds, options.slo_ms, options.outstanding)
                    for _ in range(options.stretches)
                ],
            }
            for factor in options.factor or FACTORS
        ]
        afterwards = subject.flood(AFTERWARDS * peak_rps, AFTERWARDS_S, options.slo_ms)
    return {
        "target": target,
        "protocol": protocol,
        "peak_rps": peak_rps,
        "before_mb": before_mb,
        "loads": found,
        "afterwards": afterwards,
    }


def judge(record: Record) -> list[dict[str, object]]:
    """Return the goals of one target: none for those of others."""
    if record["target"] not in BOUNDED:
        return []
    name = f"{record['target']}, {record['protocol']}"
    goals = []
    for load in record["loads"]:
        found, at = load["stretches"], f"{name}, {load['factor']:g} times"
        if load["factor"] == 2:
            for text, rate in (("answered", "answered_rps"), ("within the objective", "within_slo_rps")):
                share = share_of(record["peak_rps"], found, rate)
                goals.append(make_goal(f"{at}: {text} / capacity", share, LEAST_SHARE, at_least=True))
        goals.append(make_goal(f"{at}: neither answered nor refused", count_failed(found, REFUSALS), 0))
        slowest = max(stretch["max_ms"] or 0.0 for stretch in found)
        goals.append(make_goal(f"{at}: slowest answer, ms", slowest, SLOWEST_MS))
        if len(found) >= ENOUGH:
            goals += judge_growth(at, found)
    goals.append(make_goal(f"{name}, afterwards: requests that failed", count_failed([record["afterwards"]]), 0))
    return goals


def judge_growth(at: str, found: list[dict]) -> list[dict[str, object]]:
    """Return the goals that take several stretches."""
    memory = [stretch["resident_mb"] for stretch in found[SETTLED:]]
    goals = [make_goal(f"{at}: memory's growth once settled, MB", max(memory) - memory[0], GROWTH_MB)]
    first, _, last = p99_by_thirds(found, "p99_ms")
    if first is not None and last is not None:
        goals.append(make_goal(f"{at}: p99 of the last third / of the first", last / first, SLOWER))
    return goals


def rows_of(record: Record) -> str:
    """Return a target's rows of the table."""
    rows = []
    for load in record["loads"]:
        found, peak = load["stretches"], record["peak_rps"]
        statuses = ", ".join(f"{status} {count:,}" for status, count in count_statuses(found).most_common())
        times = [f"{each:,.0f}" if each is not None else "-" for each in p99_by_thirds(found, "p99_ms")[::2]]
        cells = (
            f"{record['target']}, {record['protocol']}",
            f"{peak:,.0f}",
            f"{load['factor']:g}",
            f"{share_of(peak, found, 'offered_rps'):.2f}",
            f"{share_of(peak, found, 'answered_rps'):.2f}",
            f"{share_of(peak, found, 'within_slo_rps'):.2f}",
            ", ".join(times),
            statuses,
            f"{record['before_mb']:.1f}, {found[-1]['resident_mb']:.1f}",
            f"{count_failed([record['afterwards']]):,}",
        )
        rows.append("| " + " | ".join(cells) + " |\n")
    return "".join(rows)


def print_table(records: list[Record], slo_ms: float) -> None:
    """Print a row for each target and factor as Markdown."""
    sys.stdout.write(
        "| target | capacity, requests/s | asked for, times | sent / capacity | answered / capacity | "
        f"within {slo_ms:g} ms / capacity | p99 of the answered, ms: first, last third | statuses | "
        "memory, MB: before, after | failed afterwards |\n|---|---|---|---|---|---|---|---|---|---|\n"
    )
    for record in records:
        sys.stdout.write(rows_of(record))


def main() -> int:
    """Overload, print, and return 1 where a goal is missed or a target failed."""
    parser = options_of(__doc__)
    parser.add_argument("--factor", action="append", type=float, help="may be given again; 2 and 10 by default")
    parser.add_argument("--stretches", type=int, default=1, help="for each factor")
    parser.add_argument("--seconds", type=float, default=15.0, help="of a stretch")
    parser.add_argument("--outstanding", type=int, default=OUTSTANDING, help="requests at most")
    parser.add_argument("--slo-ms", type=float, default=100.0, help="the objective, from the send")
    options = parser.parse_args()
    measured = measure_each(options, lambda target, protocol, cpus: overload(target, protocol, options, cpus))
    return conclude(measured, judge, lambda records: print_table(records, options.slo_ms), options.json)


if __name__ == "__main__":
    end_with(main)
