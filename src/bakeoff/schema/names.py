"""The words for protocols, arrivals and verdicts, and which of them belong together."""

from __future__ import annotations

from typing import Literal

Protocol = Literal["rest", "binary", "grpc"]
Arrival = Literal["closed", "constant", "poisson"]
PlatformName = Literal["local", "docker", "remote"]
Verdict = Literal["faster", "slower", "same", "inconclusive"]
MemorySource = Literal["processes", "cgroup-peak", "sampled"]
"""Where a server's peak memory is from: its processes' peak resident sets, the peak that its container's cgroup keeps
(page cache included), or the largest of the container's sizes after each trial."""

SERVER_FLOOR, CLIENT_FLOOR = "echo", "client-floor"
"""Targets that compute nothing: one written like our own servers, and one that costs almost nothing."""
FLOORS = frozenset({SERVER_FLOOR, CLIENT_FLOOR})

WIRE_PROTOCOLS: dict[str, Protocol] = {
    "torchserve-rest": "rest",
    "torchserve-binary": "binary",
    "torchserve-grpc": "grpc",
    "tfserving-rest": "rest",
    "tfserving-binary": "binary",
    "tfserving-grpc": "grpc",
}
PROTOCOLS: tuple[Protocol, ...] = ("rest", "binary", "grpc")

STRICT = {"extra": "forbid"}
"""Pydantic's setting for types that are read from files people write: an unknown key is an error."""
