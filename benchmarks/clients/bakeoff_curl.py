"""Measure this project's client."""

from __future__ import annotations

from measure import HOST, closed_loop, paced_loop, parse_job, say, summarize_lag

from bakeoff.wire import WIRES, Wire
from bakeoff.wire.client import OK, Client
from bakeoff.wire.grpc_message import frame

job = parse_job()
known = WIRES["torchserve-grpc" if job.protocol == "grpc" else "torchserve-rest-binary"]
media_type = "application/grpc" if job.protocol == "grpc" else "application/octet-stream"
wire = Wire(
    name=known.name,
    protocol=known.protocol,
    path=lambda model: job.path,
    content_type=lambda inputs: media_type,
    encode_request=known.encode_request,
    decode_response=known.decode_response,
)
body = frame(job.message) if job.protocol == "grpc" else job.message
client = Client(HOST, job.port, wire, "any", (), timeout_s=30.0)


def send() -> None:
    """Send the request once."""
    reply = client.send(body)
    if reply.status != OK:
        raise OSError(reply)


result = closed_loop(send, job.seconds)
if job.rate_rps is not None:
    result |= summarize_lag(paced_loop(send, job.rate_rps, job.paced_requests))
say(result)
client.close()
