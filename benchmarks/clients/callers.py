"""Call one endpoint with several callers that wait for each answer, and print p50 and throughput as a line of JSON."""

from __future__ import annotations

import sys
import threading
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "src"))

from endpoint import prepare  # noqa: E402
from measure import quantile, say  # noqa: E402

from bakeoff.wire.client import OK, Client  # noqa: E402

WARM_UP_S = 0.2


def main() -> None:
    job, connect, request = prepare("--callers")
    begin_ns = time.perf_counter_ns() + round(WARM_UP_S * 1e9)
    end_ns = begin_ns + round(job.seconds * 1e9)
    times: list[int] = []
    failures: list[object] = []

    def call() -> None:
        client = connect(Client)
        while time.perf_counter_ns() < end_ns and not failures:
            reply = client.send(request)
            if reply.status != OK:
                failures.append(reply)
            elif reply.start_ns >= begin_ns and reply.end_ns <= end_ns:
                times.append(reply.end_ns - reply.start_ns)
        client.close()

    threads = [threading.Thread(target=call) for _ in range(int(job.callers))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures or not times:
        raise SystemExit(f"no right answers: {failures[:1]}")
    say({"requests": len(times), "p50_us": quantile(times, 0.5) / 1e3, "rps": len(times) / job.seconds})


main()
