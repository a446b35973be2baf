"""TorchServe's inference API, the server's side: requests to arrays and arrays to replies.

The binary bodies are `bakeoff.wire.binary`'s; the model's name is for the server to judge.
"""

from __future__ import annotations

from typing import Any

from bakeoff.wire import rows
from bakeoff.wire.grpc_message import parse, serialize
from bakeoff.wire.proto.torchserve_pb2 import PredictionResponse, PredictionsRequest
from bakeoff.wire.tensors import Array, Arrays, Specs, WireError
from bakeoff.wire.torchserve import BODY_KEY

DATA_KEY = "data"
"""What TorchServe's own handlers take in place of `body`."""


def decode_rest_call(document: Any, inputs: Specs) -> Arrays:
    """Return the inputs that a parsed JSON document holds; raises WireError."""
    if not isinstance(document, dict) or "instances" not in document:
        raise WireError('the body must be {"instances": [row, ...]} with at least one row')
    return rows.from_rows(inputs, document["instances"], "input")


def rest_reply(outputs: Specs, arrays: Arrays) -> dict[str, Array | list[dict[str, Array]]]:
    """Return the reply's document; arrays in it stand for lists."""
    return {"predictions": rows.to_rows(outputs, arrays, "output")}


def decode_grpc_call(message: bytes) -> tuple[str, bytes]:
    """Return the model's name and the body of a PredictionsRequest message; raises WireError."""
    request = parse(PredictionsRequest, message)
    body = request.input.get(BODY_KEY) or request.input.get(DATA_KEY)
    if not body:
        raise WireError(f"input[{BODY_KEY!r}] is missing or empty")
    return request.model_name, body


def encode_grpc_reply(prediction: bytes) -> bytes:
    return serialize(PredictionResponse(prediction=prediction))


# TorchServeHealthResponse has its text where PredictionResponse has its bytes, in field 1: the message is the same.
PING_REPLY = encode_grpc_reply(b'{"status": "Healthy"}')
