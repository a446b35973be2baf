"""Send a server many requests that nobody should send: .venv/bin/python benchmarks/long/fuzz.py --target lean-tflite

digits_cnn on the target's default format; the requests are those of tests/fuzz/fuzz_cases.py, one after the other, each
from a number (--seed, and up), so that one that breaks the server can be sent again: --seed N --cases 1. Ends with
status 1 where the server crashed, hung, failed (5xx but 503, or a gRPC status that no caller may be told) or grew.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from collections import Counter
from contextlib import ExitStack
from pathlib import Path
from random import Random
from typing import Any

from bakeoff.artifacts.export import ExportOptions, export_model
from bakeoff.artifacts.golden import load_model
from bakeoff.errors import BakeoffError
from bakeoff.host.files import ROOT
from bakeoff.host.progress import Show

sys.path[:0] = [str(ROOT / "tests" / "fuzz"), str(ROOT / "benchmarks")]

from clients_run import command_line, end_with  # noqa: E402
from fuzz_cases import draw_case  # noqa: E402
from fuzz_server import Broken, attacked  # noqa: E402

TARGETS = ("lean-tflite", "lean-litert", "echo", "flask-torch", "flask-tf")
SETTLED = 0.2  # the share of the cases after which memory must not grow much
GROWTH_MB = 100
KEPT_FAULTS = 20
KIND_CHARACTERS = 60  # of a fault's text, by which faults are counted


def fuzz(target: str, cases: int, seed: int) -> dict[str, Any]:
    """Return what came of the cases; a server that ended is started again."""
    folder, failed = export_model("digits_cnn", ExportOptions(), Show())
    if failed:
        raise BakeoffError("\n".join(failed))
    model = load_model(folder)
    outcomes: Counter[str] = Counter()
    faults: list[dict[str, Any]] = []
    kinds: Counter[str] = Counter()
    memory_mb: list[float] = []
    started = time.monotonic()
    with tempfile.TemporaryDirectory() as logs, ExitStack() as stack:
        server = stack.enter_context(attacked(target, folder, model, Path(logs)))
        for number in range(seed, seed + cases):
            try:
                server.attack(draw_case(Random(number), model, server.target.wires))
            except Broken as fault:
                faults.append({"seed": number, "fault": str(fault)})
                kind = str(fault)[:KIND_CHARACTERS]
                kinds[kind] += 1
                if kinds[kind] == 1:
                    sys.stderr.write(f"{target}: case {number}: {str(fault)[:300]}\n")
                if server.process.poll() is not None:
                    outcomes += server.outcomes
                    stack.close()
                    server = stack.enter_context(attacked(target, folder, model, Path(logs)))
            if number - seed >= SETTLED * cases and number % max(cases // 50, 1) == 0:
                memory_mb.append(server.rss_bytes() / 1e6)
        memory_mb.append(server.rss_bytes() / 1e6)
        outcomes += server.outcomes
        lines = len(server.log.read_bytes().splitlines())
    return {"target": target, "cases": cases, "seed": seed, "seconds": round(time.monotonic() - started, 1)} | {
        "outcomes": dict(sorted(outcomes.items())),
        "fault_count": len(faults),
        "kinds": dict(kinds.most_common()),
        "faults": faults[:KEPT_FAULTS],
        "memory_mb": [round(each, 1) for each in (memory_mb[:1] + memory_mb[-1:])],
        "log_lines": lines,
    }


def main() -> int:
    """Fuzz, print, and return 1 where something broke."""
    parser = command_line(__doc__)
    parser.add_argument("--target", choices=TARGETS, required=True)
    parser.add_argument("--cases", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=0, help="the number of the first case")
    options = parser.parse_args()
    found = fuzz(options.target, options.cases, options.seed)
    first, last = (found["memory_mb"] * 2)[:2]
    if options.json:
        sys.stdout.write(json.dumps(found, indent=1) + "\n")
    else:
        sys.stdout.write("".join(f"{count:>8,}  {outcome}\n" for outcome, count in found["outcomes"].items()))
        sys.stdout.write("".join(f"{count:>8,}  fault: {kind}\n" for kind, count in found["kinds"].items()))
        sys.stdout.write(f"{found['fault_count']:,} faults; memory {first:,.0f} MB, at the end {last:,.0f} MB\n")
    return 1 if found["fault_count"] or last > first + GROWTH_MB else 0


if __name__ == "__main__":
    end_with(main)
