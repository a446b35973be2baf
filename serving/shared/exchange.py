"""What a wire takes from a server and gives it, whatever server that is."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from request_error import RequestError

from bakeoff.wire.tensors import Arrays

JSON = "application/json"

Predict = Callable[[Arrays], Arrays]


@dataclass(frozen=True, slots=True)
class Request:
    """An HTTP request with its whole body; the path has its query with it, the content type no parameters."""

    method: str
    path: str
    content_type: str
    body: bytes


@dataclass(frozen=True, slots=True)
class Response:
    """What an HTTP request is answered with."""

    body: bytes
    content_type: str = JSON
    status: int = 200


RestPrediction = Callable[[Predict], Response]
"""What is left to do of a REST request that asks for a prediction: decode, predict, encode."""


@dataclass(frozen=True, slots=True)
class GrpcMethod:
    """A unary gRPC method, from message bytes to message bytes."""

    answer: Callable[[bytes, Predict], bytes]
    predicts: bool = False


@dataclass(frozen=True, slots=True)
class JsonCodec:
    """How a server reads and writes JSON; in what it writes, the arrays given beside it may stand for lists."""

    parse: Callable[[bytes], Any]
    dump: Callable[[object, Arrays], bytes]


class Wire(Protocol):
    """One model's API over REST and gRPC."""

    predict_paths: Collection[str]
    """Of REST: the ways in which its predictions are asked for most."""
    grpc_methods: Mapping[str, GrpcMethod]
    """By their full path."""
    description: dict[str, Any]
    """OpenAPI's, of the REST side."""

    def answer(self, request: Request) -> Response | RestPrediction:
        """Answer a REST request, or return what is left to do; both raise RequestError, WireError."""

    def error_document(self, error: RequestError) -> dict[str, Any]:
        """Return an error's JSON."""
