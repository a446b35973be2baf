"""TensorFlow Serving's Predict API, the client's side: tfserving-rest, tfserving-binary and tfserving-grpc."""

from __future__ import annotations

from urllib.parse import quote

from bakeoff.wire import binary, rows
from bakeoff.wire.grpc_message import frame, parse, serialize
from bakeoff.wire.messages import Reply
from bakeoff.wire.proto.tfserving_pb2 import PredictRequest, PredictResponse
from bakeoff.wire.tensor_proto import fill_proto, from_proto
from bakeoff.wire.tensors import Arrays, Specs, WireError, check_arrays

PREDICTION_SERVICE = "tensorflow.serving.PredictionService"
MODEL_SERVICE = "tensorflow.serving.ModelService"


def rest_path(model: str) -> str:
    return f"/v1/models/{quote(model, safe='')}:predict"


def grpc_path(model: str) -> str:
    """Return the method's path; the model's name is in the message."""
    return f"/{PREDICTION_SERVICE}/Predict"


def encode_rest_request(model: str, inputs: Specs, arrays: Arrays) -> bytes:
    return rows.dump({"instances": rows.to_rows(inputs, arrays, "input")})


def decode_rest_reply(outputs: Specs, reply: Reply) -> Arrays:
    """Return the outputs of a reply in row or columnar format; raises WireError, with the server's text in an error."""
    document = rows.parse(reply.body)
    if isinstance(document, dict):
        if "predictions" in document:
            return rows.from_rows(outputs, document["predictions"], "output")
        if "outputs" in document:
            return rows.from_columns(outputs, document["outputs"], "output")
        if "error" in document:
            raise WireError(f"the server answered with an error: {document['error']}")
    raise WireError("the reply is no JSON object with predictions or outputs")


def encode_binary_request(model: str, inputs: Specs, arrays: Arrays) -> bytes:
    return binary.encode(inputs, arrays, binary.content_type(inputs))


def decode_binary_reply(outputs: Specs, reply: Reply) -> Arrays:
    return binary.decode(outputs, reply.body, binary.recognise(reply.body))


def encode_grpc_request(model: str, inputs: Specs, arrays: Arrays) -> bytes:
    check_arrays(inputs, arrays, "input")
    request = PredictRequest()
    request.model_spec.name = model
    for name, array in arrays.items():
        fill_proto(request.inputs[name], array)
    return frame(serialize(request))


def decode_grpc_reply(outputs: Specs, reply: Reply) -> Arrays:
    """Return the outputs of a PredictResponse, whose gRPC frame the client has taken off; raises WireError."""
    response = parse(PredictResponse, reply.body)
    arrays = {name: from_proto(name, proto) for name, proto in response.outputs.items()}
    check_arrays(outputs, arrays, "output")
    return arrays
