"""Send requests at a constant rate whatever comes back, and print how many were answered how, and how fast, as JSON."""

from __future__ import annotations

import argparse
import gc
import json
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "src"), str(ROOT / "loadtest")]

from curl_link import CurlLink  # noqa: E402
from measure import HOST, quantile  # noqa: E402
from open_loop import open_loop  # noqa: E402

from bakeoff.artifacts import Golden, load_model  # noqa: E402
from bakeoff.wire import WIRES  # noqa: E402
from bakeoff.wire.client import OK, Call  # noqa: E402
from bakeoff.wire.memory import keep_large_blocks  # noqa: E402

LEAD_NS = 50_000_000
MOST_OUTSTANDING = 400  # connections; more than the server's line holds, fewer than its backlog
TIMEOUT_S = 30.0


def arrivals(begin_ns: int, rate_rps: float, seconds: float) -> Iterator[int]:
    """Make the times of requests; those that are so late that the time is up are left out."""
    for number in range(round(rate_rps * seconds)):
        if time.perf_counter_ns() > begin_ns + seconds * 1e9:
            return
        yield begin_ns + round(number * 1e9 / rate_rps)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--wire", choices=list(WIRES), required=True)
    parser.add_argument("--model-dir", type=Path, required=True)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--rate-rps", type=float, required=True)
    parser.add_argument("--seconds", type=float, required=True)
    job = parser.parse_args()
    keep_large_blocks()
    gc.disable()  # as in a trial
    model, wire = load_model(job.model_dir), WIRES[job.wire]
    golden = Golden(job.model_dir / "golden.npz", model)
    body = wire.encode_request(model.name, model.inputs, golden.inputs([0]))
    address = (HOST, job.port, wire, model.name, model.inputs, TIMEOUT_S)
    link = CurlLink(lambda: Call(*address), [body], lambda arrival: 0)
    begin_ns = time.perf_counter_ns() + LEAD_NS
    held_back = open_loop(arrivals(begin_ns, job.rate_rps, job.seconds), link, MOST_OUTSTANDING)
    samples = link.recorder.samples
    took_s = (max(sample.end_ns for sample in samples) - begin_ns) / 1e9
    accepted = sorted(sample.end_ns - sample.start_ns for sample in samples if sample.status == OK)
    link.close()
    said = {
        "offered_rps": len(samples) / took_s,
        "accepted_rps": len(accepted) / took_s,
        "held_back": held_back,
        "statuses": dict(Counter(sample.status for sample in samples)),
        "p50_ms": quantile(accepted, 0.5) / 1e6,
        "p99_ms": quantile(accepted, 0.99) / 1e6,
        "max_ms": accepted[-1] / 1e6,
    }
    sys.stdout.write(json.dumps(said) + "\n")


main()
