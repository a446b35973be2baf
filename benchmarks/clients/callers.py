"""Call one endpoint with several callers that wait for each answer, and print p50 and throughput as a line of JSON."""

from __future__ import annotations

import argparse
import gc
import sys
import threading
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "src"))

from measure import HOST, quantile, say  # noqa: E402

from bakeoff.artifacts import Golden, load_model  # noqa: E402
from bakeoff.wire import WIRES  # noqa: E402
from bakeoff.wire.client import OK, Client  # noqa: E402
from bakeoff.wire.memory import keep_large_blocks  # noqa: E402

WARM_UP_S = 0.2


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--wire", choices=list(WIRES), required=True)
    parser.add_argument("--model-dir", type=Path, required=True)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--callers", type=int, required=True)
    parser.add_argument("--seconds", type=float, required=True)
    job = parser.parse_args()
    keep_large_blocks()
    gc.disable()  # as in a trial
    model, wire = load_model(job.model_dir), WIRES[job.wire]
    golden = Golden(job.model_dir / "golden.npz", model)
    body = wire.encode_request(model.name, model.inputs, golden.inputs([0]))
    begin_ns = time.perf_counter_ns() + round(WARM_UP_S * 1e9)
    end_ns = begin_ns + round(job.seconds * 1e9)
    times: list[int] = []
    failures: list[object] = []

    def call() -> None:
        client = Client(HOST, job.port, wire, model.name, model.inputs, 30.0)
        while time.perf_counter_ns() < end_ns and not failures:
            reply = client.send(body)
            if reply.status != OK:
                failures.append(reply)
            elif reply.start_ns >= begin_ns and reply.end_ns <= end_ns:
                times.append(reply.end_ns - reply.start_ns)
        client.close()

    threads = [threading.Thread(target=call) for _ in range(job.callers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures or not times:
        raise SystemExit(f"no right answers: {failures[:1]}")
    say({"requests": len(times), "p50_us": quantile(times, 0.5) / 1e3, "rps": len(times) / job.seconds})


main()
