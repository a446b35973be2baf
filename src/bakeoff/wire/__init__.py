"""How each wire of the design encodes a request and reads a reply: pure functions from arrays to bytes and back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from bakeoff.schema import Model, Protocol
from bakeoff.wire import binary, tfserving, torchserve
from bakeoff.wire.messages import OK, Reply, Request
from bakeoff.wire.tensors import Arrays, Specs, WireError


@dataclass(frozen=True)
class Wire:
    """A way to ask a server for a prediction.

    path takes the model's name, headers its inputs and the body they go with. encode_request(model, inputs, arrays)
    gives the body; decode_reply(outputs, reply) reads one whose status is ok. Both raise WireError. `reads_headers`:
    decode_reply looks at the reply's headers, so that the client keeps them; answers kept under load have none.
    """

    name: str
    protocol: Protocol
    path: Callable[[str], str]
    headers: Callable[[Specs, bytes], dict[str, str]]
    encode_request: Callable[[str, Specs, Arrays], bytes]
    decode_reply: Callable[[Specs, Reply], Arrays]
    reads_headers: bool = False

    def request(self, model: Model, body: bytes) -> Request:
        """Return the request with this body."""
        return Request(self.path(model.name), self.headers(model.inputs, body), body)

    def encode(self, model: Model, arrays: Arrays) -> Request:
        """Return the request that asks for these arrays' predictions; raises WireError."""
        return self.request(model, self.encode_request(model.name, model.inputs, arrays))

    def decode(self, model: Model, reply: Reply) -> Arrays:
        """Return the predictions that a reply holds; raises WireError, with the status of one that isn't ok."""
        if reply.status != OK:
            detail = reply.message or reply.body[:200].decode("utf-8", "replace")
            raise WireError(f"{reply.status}: {detail}" if detail else reply.status)
        return self.decode_reply(model.outputs, reply)


def _json(inputs: Specs, body: bytes) -> dict[str, str]:
    return {"content-type": "application/json"}


def _binary(inputs: Specs, body: bytes) -> dict[str, str]:
    return {"content-type": binary.content_type(inputs)}


def _grpc(inputs: Specs, body: bytes) -> dict[str, str]:
    return {"content-type": "application/grpc", "te": "trailers"}


# Over HTTP the two families differ in their paths alone.
JSON = (_json, tfserving.encode_rest_request, tfserving.decode_rest_reply)
BINARY = (_binary, tfserving.encode_binary_request, tfserving.decode_binary_reply)
WIRES: dict[str, Wire] = {
    wire.name: wire
    for wire in (
        Wire("torchserve-rest", "rest", torchserve.rest_path, *JSON),
        Wire("torchserve-binary", "binary", torchserve.rest_path, *BINARY),
        Wire(
            *("torchserve-grpc", "grpc", torchserve.grpc_path, _grpc),
            encode_request=torchserve.encode_grpc_request,
            decode_reply=torchserve.decode_grpc_reply,
        ),
        Wire("tfserving-rest", "rest", tfserving.rest_path, *JSON),
        Wire("tfserving-binary", "binary", tfserving.rest_path, *BINARY),
        Wire(
            *("tfserving-grpc", "grpc", tfserving.grpc_path, _grpc),
            encode_request=tfserving.encode_grpc_request,
            decode_reply=tfserving.decode_grpc_reply,
        ),
    )
}
