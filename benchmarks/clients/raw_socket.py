"""Measure a raw blocking socket."""

from __future__ import annotations

from measure import closed_loop, parse_job, say
from raw_http import RawHttp1, RawHttp2

from bakeoff.wire.grpc_message import frame

job = parse_job()
if job.protocol == "rest":
    raw = RawHttp1(job.port, job.path, job.message)
else:
    raw = RawHttp2(job.port, job.path, frame(job.message))
say(closed_loop(raw.send, job.seconds))
