"""TorchServe's inference API: torchserve-rest, torchserve-binary and torchserve-grpc, the client's side."""

from __future__ import annotations

from urllib.parse import quote

from bakeoff.wire import binary
from bakeoff.wire.grpc_message import frame, parse, serialize
from bakeoff.wire.messages import Reply
from bakeoff.wire.proto.torchserve_pb2 import PredictionResponse, PredictionsRequest
from bakeoff.wire.tensors import Arrays, Specs

INFERENCE_SERVICE = "org.pytorch.serve.grpc.inference.InferenceAPIsService"
BODY_KEY = "body"


def rest_path(model: str) -> str:
    return f"/predictions/{quote(model, safe='')}"


def grpc_path(model: str) -> str:
    """Return the method's path; the model's name is in the message."""
    return f"/{INFERENCE_SERVICE}/Predictions"


def encode_grpc_request(model: str, inputs: Specs, arrays: Arrays) -> bytes:
    request = PredictionsRequest(model_name=model)
    request.input[BODY_KEY] = binary.encode(inputs, arrays, binary.content_type(inputs))
    return frame(serialize(request))


def decode_grpc_reply(outputs: Specs, reply: Reply) -> Arrays:
    """Return the outputs of a PredictionResponse, whose gRPC frame the client has taken off; raises WireError."""
    response = parse(PredictionResponse, reply.body)
    return binary.decode(outputs, response.prediction, binary.recognise(response.prediction))
