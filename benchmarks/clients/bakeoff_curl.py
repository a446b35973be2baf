"""Measure this project's client: the closed loop's blocking call, and the open loop's lag."""

from __future__ import annotations

import gc
import sys
import time
from dataclasses import replace
from pathlib import Path

from measure import HOST, Job, closed_loop, parse_job, say, summarize_lag

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "loadtest"))

from curl_link import CurlLink  # noqa: E402
from open_loop import open_loop  # noqa: E402

from bakeoff.schema import WIRE_PROTOCOLS, Endpoint, Model, TensorSpec  # noqa: E402
from bakeoff.wire import WIRES, Request  # noqa: E402
from bakeoff.wire.client import OK, Call, Client  # noqa: E402
from bakeoff.wire.grpc_message import frame  # noqa: E402
from bakeoff.wire.memory import keep_large_blocks  # noqa: E402

LEAD_NS = 50_000_000
TIMEOUT_S = 30.0


MODEL = Model("any", "", (TensorSpec("x", "float32", (None, 1)),), (), 0.0, 0.0)


def endpoint_of(job: Job) -> Endpoint:
    """Return what answers at the job's port."""
    wire = "torchserve-grpc" if job.protocol == "grpc" else "torchserve-binary"
    return Endpoint("any", "any", "any", "none", WIRE_PROTOCOLS[wire], wire, HOST, job.port)


def request_of(job: Job) -> Request:
    """Return the job's message as its protocol sends it, to the job's path."""
    body = frame(job.message) if job.protocol == "grpc" else job.message
    return replace(WIRES[endpoint_of(job).wire].request(MODEL, body), path=job.path)


def lag_of(job: Job, request: Request) -> dict[str, float]:
    """Return how late the open loop sends at the job's rate."""
    link = CurlLink(lambda: Call(endpoint_of(job), MODEL, TIMEOUT_S), [request], lambda arrival: 0)
    begin = time.perf_counter_ns() + LEAD_NS
    open_loop([begin + round(k * 1e9 / job.rate_rps) for k in range(job.paced_requests)], link, 1000)
    link.close()
    return summarize_lag([sample.start_ns - sample.intended_ns for sample in link.recorder.samples])


def main() -> None:
    job = parse_job()
    keep_large_blocks()
    gc.disable()  # as in a trial
    request = request_of(job)
    client = Client(endpoint_of(job), MODEL, TIMEOUT_S)

    def send() -> None:
        reply = client.send(request)
        if reply.status != OK:
            raise OSError(reply)

    result = closed_loop(send, job.seconds)
    client.close()
    say(result | lag_of(job, request) if job.rate_rps is not None else result)


main()
