"""Send requests at a constant rate whatever comes back, and print how many were answered how, and how fast, as JSON."""

from __future__ import annotations

import json
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "src"), str(ROOT / "loadtest")]

from curl_link import CurlLink  # noqa: E402
from endpoint import prepare  # noqa: E402
from measure import quantile  # noqa: E402
from open_loop import open_loop  # noqa: E402

from bakeoff.wire.client import OK, Call  # noqa: E402

LEAD_NS = 50_000_000
MOST_OUTSTANDING = 400  # connections; more than the server's line holds, fewer than its backlog


def arrivals(begin_ns: int, rate_rps: float, seconds: float) -> Iterator[int]:
    """Make the times of requests; those that are so late that the time is up are left out."""
    for number in range(round(rate_rps * seconds)):
        if time.perf_counter_ns() > begin_ns + seconds * 1e9:
            return
        yield begin_ns + round(number * 1e9 / rate_rps)


def main() -> None:
    job, address, body = prepare("--rate-rps")
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
