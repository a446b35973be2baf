"""Ask the TFLite server for twice what it can do, for ten minutes: .venv/bin/python benchmarks/long/tflite_overload.py

digits_cnn, five minutes over gRPC and five over rest-binary, server on one CPU, load on the other, in stretches of
ten seconds. The capacity is what eight callers get just before. At most 400 requests are outstanding: refusing takes
time too, and a server that is asked for twice its capacity can't even refuse all of the rest at once on one CPU. Ends
with status 1 where memory or the latency of the accepted requests grows, or a request was neither answered nor refused.
--minutes makes it shorter.
"""

from __future__ import annotations

import argparse
import json
import signal
import sys
from collections import Counter
from pathlib import Path
from statistics import median

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from clients_run import CLIENTS, print_goals, run_client, tell  # noqa: E402
from tflite_overhead import GRPC, LOCAL, RAW, call, port_of, up  # noqa: E402

from bakeoff.config import Cpus  # noqa: E402
from bakeoff.deploy import Deployment  # noqa: E402
from bakeoff.errors import BakeoffError  # noqa: E402
from bakeoff.files import ROOT  # noqa: E402
from bakeoff.venvs import ensure_venv  # noqa: E402

STRETCH_S = 10.0
SETTLED = 3  # stretches after which memory must not grow
REFUSALS = {GRPC: "grpc_8", RAW: "http_503"}


def overload(deployment: Deployment, wire: str, stretches: int, cpus: Cpus) -> dict:
    """Return what each stretch at twice the capacity found, and the server's memory after it, in MB."""
    port = port_of(deployment, wire)
    peak_rps = call(wire, deployment.folder, port, 8, 2.0, cpus)["rps"]
    python = ensure_venv(ROOT / "loadtest" / "requirements.txt", say=tell)
    argv = [str(python), str(CLIENTS / "flood.py"), "--wire", wire, "--model-dir", str(deployment.folder)]
    argv += ["--port", str(port), "--rate-rps", str(2 * peak_rps), "--seconds", str(STRETCH_S)]
    found = []
    for number in range(stretches):
        said: dict = run_client(argv, cpus.load)
        usage = LOCAL.read_usage(deployment.server_of("tflite-grpc"))
        said["resident_mb"] = usage.rss_bytes / 1e6 if usage else float("nan")
        found.append(said)
        tell(f"{wire} {number + 1}/{stretches}: {said}")
    return {"wire": wire, "peak_rps": peak_rps, "stretches": found}


def judge(result: dict) -> list[dict[str, object]]:
    """Return the goals of one protocol."""
    wire, found = result["wire"], result["stretches"]
    statuses: Counter[str] = Counter()
    for stretch in found:
        statuses.update(stretch["statuses"])
    third = max(len(found) // 3, 1)
    grown = median(s["p99_ms"] for s in found[-third:]) / median(s["p99_ms"] for s in found[:third])
    memory = [stretch["resident_mb"] for stretch in found[min(SETTLED, len(found) - 1) :]]
    others = sum(count for status, count in statuses.items() if status not in ("ok", REFUSALS[wire]))
    goodput = median(stretch["accepted_rps"] for stretch in found) / result["peak_rps"]
    rows = (
        ("accepted / capacity", goodput, 0.5, True),
        ("accepted: p99 of the last third / of the first", grown, 1.5, False),
        ("accepted: slowest, ms", max(stretch["max_ms"] for stretch in found), 1000, False),
        ("memory's growth once settled, MB", max(memory) - memory[0], 5, False),
        ("requests neither answered nor refused", others, 0, False),
    )
    return [
        {
            "goal": f"{wire}: {text}",
            "value": value,
            "limit": limit,
            "at_least": at_least,
            "met": value >= limit if at_least else value <= limit,
        }
        for text, value, limit, at_least in rows
    ]


def main() -> int:
    """Measure, print, and return 1 where a goal is missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=10.0, help="of load, both protocols together")
    parser.add_argument("--json", action="store_true", help="print all stretches as JSON")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    stretches = max(round(options.minutes * 60 / 2 / STRETCH_S), 1)
    try:
        LOCAL.open()
        cpus = LOCAL.resolve_cpus(Cpus())
        with up("digits_cnn", ("tflite",), cpus) as deployment:
            results = [overload(deployment, wire, stretches, cpus) for wire in (GRPC, RAW)]
    finally:
        LOCAL.close()
    goals = [goal for result in results for goal in judge(result)]
    if options.json:
        sys.stdout.write(json.dumps({"results": results, "goals": goals}, indent=1) + "\n")
    else:
        for result in results:
            offered = median(stretch["offered_rps"] for stretch in result["stretches"])
            text = "{wire}: capacity {peak_rps:,.0f} a second, offered {offered:,.0f} a second\n"
            sys.stdout.write(text.format(**result, offered=offered))
        print_goals(goals)
    return 0 if all(goal["met"] for goal in goals) else 1


if __name__ == "__main__":
    try:
        sys.exit(main())
    except BakeoffError as error:
        sys.exit(str(error))
    except KeyboardInterrupt:
        sys.exit(130)
