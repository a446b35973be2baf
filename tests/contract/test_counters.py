"""After so many predictions every server's own counters have counted exactly so many, and times that can be true."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bakeoff.host.catalog import load_targets
from bakeoff.measure.counters import Exchange, break_down, read_settled
from bakeoff.measure.requests import encode_request
from bakeoff.platforms.deploy import Deployment
from bakeoff.schema import FLOORS, WIRE_PROTOCOLS, Endpoint
from bakeoff.wire.client import Client

PREDICTIONS = 20
ENDPOINTS = [(t.name, wire) for t in load_targets().values() if t.name not in FLOORS for wire in t.wires]
UNTIMED = {("torchserve", "grpc")}


@pytest.mark.parametrize("endpoint", ENDPOINTS, indirect=True, ids=lambda pair: " ".join(pair))
def test_the_difference_counts_exactly_what_was_sent(endpoint: Endpoint, deployment: Deployment) -> None:
    platform, server = deployment.platform, deployment.server_of(endpoint.id)
    client = Client(endpoint, deployment.model, 10)
    before = platform.read_metrics(server)
    assert before is not None
    taken_ms = []
    for row in range(PREDICTIONS):
        reply = client.send(encode_request(deployment.golden, endpoint.wire, [row % deployment.golden.count]))
        assert reply.status == "ok", reply.message
        taken_ms.append((reply.end_ns - reply.start_ns) / 1e6)
    client.close()
    exchange = Exchange(WIRE_PROTOCOLS[endpoint.wire], PREDICTIONS, sum(taken_ms) / PREDICTIONS)
    after = read_settled(lambda: platform.read_metrics(server), before, PREDICTIONS)
    split = break_down(before, after, exchange)
    assert split.counted == PREDICTIONS, split.reason
    if (endpoint.target, endpoint.protocol) in UNTIMED:
        assert split == replace(split, queue_ms=None, compute_ms=None, remainder_ms=None) and split.reason
    else:
        assert split.compute_ms and 0 < split.compute_ms < exchange.mean_ms
        assert split.remainder_ms and split.remainder_ms > 0, split
