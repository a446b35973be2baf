"""Send requests at a constant rate whatever comes back, and print how many were answered how, and how fast, as JSON.

Times are from the send, but for latency_p99_ms: from when a request was due. None where nothing was answered.
"""

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


def arrivals(begin_ns: int, rate_rps: float, seconds: float) -> Iterator[int]:
    """Make the times of requests; those that are so late that the time is up are left out."""
    for number in range(round(rate_rps * seconds)):
        if time.perf_counter_ns() > begin_ns + seconds * 1e9:
            return
        yield begin_ns + round(number * 1e9 / rate_rps)


def main() -> None:
    job, connect, request = prepare("--rate-rps", "--slo-ms", "--outstanding")
    link = CurlLink(lambda: connect(Call), [request], lambda arrival: 0)
    begin_ns = time.perf_counter_ns() + LEAD_NS
    held_back = open_loop(arrivals(begin_ns, job.rate_rps, job.seconds), link, int(job.outstanding))
    samples = link.recorder.samples
    took_s = (max(sample.end_ns for sample in samples) - begin_ns) / 1e9
    answered = [sample for sample in samples if sample.status == OK]
    times = sorted(sample.end_ns - sample.start_ns for sample in answered)
    late = [sample.end_ns - sample.intended_ns for sample in answered]
    link.close()
    said = {
        "offered_rps": len(samples) / took_s,
        "answered_rps": len(answered) / took_s,
        "within_slo_rps": sum(each <= job.slo_ms * 1e6 for each in times) / took_s,
        "held_back": held_back,
        "statuses": dict(Counter(sample.status for sample in samples)),
        "p50_ms": quantile(times, 0.5) / 1e6 if times else None,
        "p99_ms": quantile(times, 0.99) / 1e6 if times else None,
        "max_ms": times[-1] / 1e6 if times else None,
        "latency_p99_ms": quantile(late, 0.99) / 1e6 if times else None,
    }
    sys.stdout.write(json.dumps(said) + "\n")


main()
