"""Measure this project's client: the closed loop's blocking call, and the open loop's lag."""

from __future__ import annotations

import gc
import sys
import time
from pathlib import Path

from measure import HOST, Job, closed_loop, parse_job, say, summarize_lag

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "loadtest"))

from curl_link import CurlLink  # noqa: E402
from open_loop import open_loop  # noqa: E402

from bakeoff.wire import WIRES, Wire  # noqa: E402
from bakeoff.wire.client import OK, Call, Client  # noqa: E402
from bakeoff.wire.grpc_message import frame  # noqa: E402
from bakeoff.wire.memory import keep_large_blocks  # noqa: E402

LEAD_NS = 50_000_000


def wire_of(job: Job) -> Wire:
    """Return a wire that posts to the job's path."""
    known = WIRES["torchserve-grpc" if job.protocol == "grpc" else "torchserve-binary"]
    media_type = "application/grpc" if job.protocol == "grpc" else "application/octet-stream"
    return Wire(
        name=known.name,
        protocol=known.protocol,
        path=lambda model: job.path,
        content_type=lambda inputs: media_type,
        encode_request=known.encode_request,
        decode_response=known.decode_response,
    )


def lag_of(job: Job, address: tuple, body: bytes) -> dict[str, float]:
    """Return how late the open loop sends at the job's rate."""
    link = CurlLink(lambda: Call(*address), [body], lambda arrival: 0)
    begin = time.perf_counter_ns() + LEAD_NS
    open_loop([begin + round(k * 1e9 / job.rate_rps) for k in range(job.paced_requests)], link, 1000)
    link.close()
    return summarize_lag([sample.start_ns - sample.intended_ns for sample in link.recorder.samples])


def main() -> None:
    job = parse_job()
    keep_large_blocks()
    gc.disable()  # as in a trial
    body = frame(job.message) if job.protocol == "grpc" else job.message
    address = (HOST, job.port, wire_of(job), "any", (), 30.0)
    client = Client(*address)

    def send() -> None:
        reply = client.send(body)
        if reply.status != OK:
            raise OSError(reply)

    result = closed_loop(send, job.seconds)
    client.close()
    say(result | lag_of(job, address, body) if job.rate_rps is not None else result)


main()
