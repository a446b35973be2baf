"""The gRPC decoder, the server's side of it and the client against what the real TensorFlow Serving answered."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import pytest
from wire_client import client_of, model_of

from bakeoff.schema import TensorSpec
from bakeoff.wire import WIRES, Reply, Request, WireError, tfserving_server
from bakeoff.wire.grpc_message import frame, parse
from bakeoff.wire.proto import tfserving_pb2
from bakeoff.wire.tensors import Specs

FILE = Path(__file__).resolve().parents[2] / "contract" / "recordings" / "tfserving_grpc.json"
RECORDINGS = json.loads(FILE.read_text(encoding="utf-8"))
WIRE = WIRES["tfserving-grpc"]
DTYPES = {
    "DT_FLOAT": "float32",
    "DT_DOUBLE": "float64",
    "DT_HALF": "float16",
    "DT_BFLOAT16": "float32",  # numpy has no bfloat16
    "DT_INT8": "int8",
    "DT_UINT8": "uint8",
    "DT_INT32": "int32",
    "DT_INT64": "int64",
    "DT_UINT32": "uint32",
    "DT_UINT64": "uint64",
    "DT_BOOL": "bool",
    "DT_STRING": "object",
    "DT_COMPLEX64": "complex64",
}


def answered() -> list[Any]:
    predicted = [each for each in RECORDINGS if each["code"] == "OK" and each["rpc"].endswith("/Predict")]
    return [pytest.param(each, id=each["name"]) for each in predicted]


def shape_of(tensor: dict[str, Any]) -> tuple[int, ...]:
    return tuple(int(dim.get("size", 0)) for dim in tensor["tensor_shape"].get("dim", []))


def specs_of(recording: dict[str, Any]) -> Specs:
    outputs = recording["response_json"]["outputs"]
    return tuple(TensorSpec(name, DTYPES[each["dtype"]], shape_of(each)) for name, each in outputs.items())


def values_of(tensor: dict[str, Any]) -> list[Any]:
    """The recorded values, from the JSON form that TensorFlow's own protobuf library wrote."""
    values = next((value for key, value in tensor.items() if key.endswith("_val")), [])
    if tensor["dtype"] == "DT_STRING":
        return [base64.b64decode(value) for value in values]
    if tensor["dtype"] == "DT_HALF":
        return np.array(values, "u2").view("f2").tolist()
    if tensor["dtype"] == "DT_BFLOAT16":
        return (np.array(values, "u4") << 16).view("f4").tolist()
    if tensor["dtype"] == "DT_COMPLEX64":
        return [complex(*pair) for pair in zip(values[::2], values[1::2], strict=True)]
    if tensor["dtype"] == "DT_BOOL":
        return list(values)
    return [float(value) if "FLOAT" in tensor["dtype"] else np.array(value).astype("O").item() for value in values]


@pytest.mark.parametrize("recording", answered())
def test_every_recorded_prediction_is_read(recording: dict[str, Any]) -> None:
    specs = specs_of(recording)

    arrays = WIRE.decode_reply(specs, Reply(base64.b64decode(recording["response_b64"])))

    for spec in specs:
        expected = values_of(recording["response_json"]["outputs"][spec.name])
        found = arrays[spec.name].ravel()
        assert found.dtype == np.dtype(spec.dtype)
        if spec.dtype == "object":
            assert found.tolist() == expected
        else:
            np.testing.assert_array_equal(found, np.array(expected, dtype=spec.dtype))


X = (TensorSpec("x", "float32", (None,)),)
Y = (TensorSpec("y", "float32", (None,)),)
FORMS_OF_VALUES = [
    "predict_1d",
    "predict_float_val",
    "predict_float_val_broadcast",
    "predict_float_val_short",
    "predict_float_val_long",
    "predict_no_values",
    "predict_empty_batch",
]


@pytest.mark.parametrize("name", FORMS_OF_VALUES)
def test_our_server_side_answers_as_the_real_one(name: str) -> None:
    recording = next(each for each in RECORDINGS if each["name"] == name)

    call = tfserving_server.decode_grpc_call(base64.b64decode(recording["request_b64"]), X)
    outputs = {"y": call.arrays["x"] / 2 + 2}
    reply = tfserving_server.encode_grpc_reply(Y, outputs, call.model_spec.name, 123)

    real = base64.b64decode(recording["response_b64"])
    np.testing.assert_array_equal(WIRE.decode_reply(Y, Reply(reply))["y"], WIRE.decode_reply(Y, Reply(real))["y"])
    ours, theirs = (parse(tfserving_pb2.PredictResponse, each).model_spec for each in (reply, real))
    assert ours == theirs


@pytest.mark.parametrize(
    "name", ["predict_tensor_content_bad_len", "predict_no_dtype", "predict_neg_dim", "no_model_spec", "empty_request"]
)
def test_our_server_side_refuses_what_the_real_one_refuses(name: str) -> None:
    recording = next(each for each in RECORDINGS if each["name"] == name)
    assert recording["code"] == "INVALID_ARGUMENT"
    with pytest.raises(WireError):
        tfserving_server.decode_grpc_call(base64.b64decode(recording["request_b64"]), X)


class Replay(grpc.GenericRpcHandler):
    """A server that answers each path with a recording."""

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler | None:
        recording = RECORDINGS[int(handler_call_details.method.rpartition("/")[2])]

        def answer(_: bytes, context: grpc.ServicerContext) -> bytes:
            if recording["code"] != "OK":
                context.abort(getattr(grpc.StatusCode, recording["code"]), recording["details"])
            return base64.b64decode(recording["response_b64"])

        return grpc.unary_unary_rpc_method_handler(answer)


@pytest.fixture(scope="module")
def replay_port() -> Iterator[int]:
    server = grpc.server(ThreadPoolExecutor(2), handlers=(Replay(),))
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    yield port
    server.stop(None)


@pytest.mark.parametrize("index", range(len(RECORDINGS)), ids=[each["name"] for each in RECORDINGS])
def test_the_client_reads_every_recorded_status(index: int, replay_port: int) -> None:
    recording = RECORDINGS[index]
    client = client_of(replay_port, WIRE.name, model_of("model", X))
    body = frame(base64.b64decode(recording.get("request_b64", "")))

    reply = client.send(Request(f"/replay/{index}", WIRE.headers(X, body), body))

    code = getattr(grpc.StatusCode, recording["code"]).value[0]
    assert reply.status == ("ok" if code == 0 else f"grpc_{code}"), reply.message
    assert reply.message == recording.get("details", "").rstrip(" ")  # a header ends where its text does
    if code == 0:
        assert reply.body == base64.b64decode(recording["response_b64"])
    client.close()
