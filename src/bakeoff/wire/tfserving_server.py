"""TensorFlow Serving's Predict API, the server's side: requests to arrays and arrays to replies.

Messages of the errors are our own; the model's name, version and signature are for the server to judge.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from bakeoff.wire import rows
from bakeoff.wire.grpc_message import parse, serialize
from bakeoff.wire.proto.tfserving_pb2 import ModelSpec, PredictRequest, PredictResponse
from bakeoff.wire.tensor_proto import fill_proto, from_proto
from bakeoff.wire.tensors import Array, Arrays, Specs, WireError, check_arrays, check_names

DEFAULT_SIGNATURE = "serving_default"


@dataclass(frozen=True, slots=True)
class RestCall:
    """A Predict request in JSON."""

    arrays: Arrays
    columnar: bool
    signature: str


@dataclass(frozen=True, slots=True)
class GrpcCall:
    """A Predict request in protobuf; no output names means all."""

    model_spec: ModelSpec
    arrays: Arrays
    output_names: tuple[str, ...]


def decode_rest_call(document: Any, inputs: Specs) -> RestCall:
    """Return the request that a parsed JSON document is; raises WireError."""
    if not isinstance(document, dict):
        raise WireError("the body must be a JSON object with 'instances' or 'inputs'")
    signature = document.get("signature_name", "")
    if not isinstance(signature, str):
        raise WireError("'signature_name' must be a string")
    columnar = "inputs" in document
    if columnar and "instances" in document:
        raise WireError("give 'inputs' or 'instances', not both")
    if columnar:
        arrays = rows.from_columns(inputs, document["inputs"], "input")
    elif "instances" in document:
        arrays = rows.from_rows(inputs, document["instances"], "input")
    else:
        raise WireError("Missing 'inputs' or 'instances' key")
    return RestCall(arrays, columnar, signature or DEFAULT_SIGNATURE)


def rest_reply(outputs: Specs, arrays: Arrays, columnar: bool) -> dict[str, Array | Arrays | list[dict[str, Array]]]:
    """Return the reply's document, in the format that was asked; arrays in it stand for lists."""
    if columnar:
        return {"outputs": rows.to_columns(outputs, arrays, "output")}
    return {"predictions": rows.to_rows(outputs, arrays, "output")}


def decode_grpc_call(message: bytes, inputs: Specs) -> GrpcCall:
    """Return the request that a PredictRequest message is; raises WireError."""
    request = parse(PredictRequest, message)
    if not request.HasField("model_spec"):
        raise WireError("Missing ModelSpec")
    check_names(inputs, request.inputs, "input")  # first: few bytes may stand for a large tensor, and for many of them
    arrays = {name: from_proto(name, proto) for name, proto in request.inputs.items()}
    return GrpcCall(request.model_spec, arrays, tuple(request.output_filter))


def encode_grpc_reply(outputs: Specs, arrays: Arrays, model: str, version: int) -> bytes:
    """Return the PredictResponse message with every array as tensor_content."""
    check_arrays(outputs, arrays, "output")
    response = PredictResponse()
    response.model_spec.name = model
    response.model_spec.version.value = version
    response.model_spec.signature_name = DEFAULT_SIGNATURE
    for name, array in arrays.items():
        fill_proto(response.outputs[name], array)
    return serialize(response)
