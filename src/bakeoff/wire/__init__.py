"""How each wire of the design encodes a request and reads a reply: pure functions from arrays to bytes and back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from bakeoff.schema import Protocol
from bakeoff.wire import binary, tfserving, torchserve
from bakeoff.wire.tensors import Arrays, Specs, WireError

__all__ = ["WIRES", "Wire", "WireError"]


@dataclass(frozen=True)
class Wire:
    """A way to ask a server for a prediction.

    encode_request(model, inputs, arrays) gives the whole HTTP body, for gRPC with its frame. decode_response(outputs,
    body) takes the body as bakeoff.wire.client returns it, for gRPC without its frame. Both raise WireError.
    """

    name: str
    protocol: Protocol
    path: Callable[[str], str]
    content_type: Callable[[Specs], str]
    encode_request: Callable[[str, Specs, Arrays], bytes]
    decode_response: Callable[[Specs, bytes], Arrays]


def _json(inputs: Specs) -> str:
    return "application/json"


def _grpc(inputs: Specs) -> str:
    return "application/grpc"


WIRES: dict[str, Wire] = {
    wire.name: wire
    for wire in (
        Wire(
            name="torchserve-rest",
            protocol="rest",
            path=torchserve.rest_path,
            content_type=_json,
            encode_request=tfserving.encode_rest_request,
            decode_response=tfserving.decode_rest_response,
        ),
        Wire(
            name="torchserve-binary",
            protocol="binary",
            path=torchserve.rest_path,
            content_type=binary.content_type,
            encode_request=tfserving.encode_binary_request,
            decode_response=tfserving.decode_binary_response,
        ),
        Wire(
            name="torchserve-grpc",
            protocol="grpc",
            path=torchserve.grpc_path,
            content_type=_grpc,
            encode_request=torchserve.encode_grpc_request,
            decode_response=torchserve.decode_grpc_response,
        ),
        Wire(
            name="tfserving-rest",
            protocol="rest",
            path=tfserving.rest_path,
            content_type=_json,
            encode_request=tfserving.encode_rest_request,
            decode_response=tfserving.decode_rest_response,
        ),
        Wire(
            name="tfserving-binary",
            protocol="binary",
            path=tfserving.rest_path,
            content_type=binary.content_type,
            encode_request=tfserving.encode_binary_request,
            decode_response=tfserving.decode_binary_response,
        ),
        Wire(
            name="tfserving-grpc",
            protocol="grpc",
            path=tfserving.grpc_path,
            content_type=_grpc,
            encode_request=tfserving.encode_grpc_request,
            decode_response=tfserving.decode_grpc_response,
        ),
    )
}
