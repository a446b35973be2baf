"""Measure grpcio as it is by itself, with its own threads."""

from __future__ import annotations

import grpc
from measure import HOST, closed_loop, parse_job, say

job = parse_job()
unlimited = [("grpc.max_receive_message_length", -1), ("grpc.enable_http_proxy", 0)]
call = grpc.insecure_channel(f"{HOST}:{job.port}", options=unlimited).unary_unary(job.path)
say(closed_loop(lambda: call(job.message), job.seconds))
