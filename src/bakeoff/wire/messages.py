"""What goes to a server and what comes back, whatever carries it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

OK = "ok"


@dataclass(frozen=True, slots=True)
class Request:
    """What is posted. The body is the whole HTTP body, for gRPC with its frame; names of headers are lower case."""

    path: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(slots=True)  # not frozen: that would take longer to make than all that is looked up for it
class Reply:
    """What came of one request; for gRPC the body is without its frame.

    status is ok, timeout, refused, reset, http_NNN or grpc_N; start_ns is perf_counter_ns just before the transfer and
    end_ns adds libcurl's own total time, in microseconds. connects counts the connections that were opened for it.
    message says more where the status isn't ok. headers are there for a wire that reads them; names are lower case.
    """

    body: bytes
    status: str = OK
    start_ns: int = 0
    end_ns: int = 0
    connects: int = 0
    message: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
