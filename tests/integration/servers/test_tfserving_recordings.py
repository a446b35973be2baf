"""The TFLite server against what the real TensorFlow Serving answered about half_plus_two: y = x / 2 + 2, version 123.

Status code and parsed body agree but for the exceptions listed here; an exception that is none any more fails too.
"""

from __future__ import annotations

import base64
import gzip
import http.client
import json
from pathlib import Path
from typing import Any

import pytest

from bakeoff.wire import WIRES, Request
from bakeoff.wire.grpc_message import frame, parse
from bakeoff.wire.proto import tfserving_pb2

from .conftest import FP32, LEAN, Running, Start

RECORDINGS = Path(__file__).resolve().parents[2] / "contract" / "recordings"
NUMBERS = {"INVALID_ARGUMENT": 3, "NOT_FOUND": 5, "FAILED_PRECONDITION": 9}
PREDICTION, STATUS = "/tensorflow.serving.PredictionService/", "/tensorflow.serving.ModelService/"
ANSWERS = {
    PREDICTION + "Predict": tfserving_pb2.PredictResponse,
    PREDICTION + "GetModelMetadata": tfserving_pb2.GetModelMetadataResponse,
    STATUS + "GetModelStatus": tfserving_pb2.GetModelStatusResponse,
}

SHAPE = "TensorFlow Serving doesn't check shapes against the signature; TFLite runs no other rank, and no empty batch"
PARSER = (
    "orjson and Python's parser take strict JSON: no byte order mark, nothing after the document, the last of two keys"
)
OTHER_ANSWERS = {
    "inputs_scalar": SHAPE,
    "inputs_scalar_named": SHAPE,
    "instances_2d_on_1d_sig": SHAPE,
    "empty_inputs_list": SHAPE,
    "predict": SHAPE,
    "predict_scalar": SHAPE,
    "predict_empty_batch": SHAPE,
    "duplicate_key": PARSER,
    "trailing_garbage": PARSER,
    "bom": PARSER,
    "gzip_request": "compressed requests are not taken",
    "version_too_big": "a version beyond 64 bits is one that is not there, like any other",
    "options_origin": "there are no CORS answers: no page in a browser is meant to ask",
    "metadata": "the artifact has one signature, TensorFlow Serving's model five, and tensors of other names",
}
OTHER_WORDS = """
    b64_for_float float_from_bool empty_instances empty_inputs_object both_instances_and_inputs trailing_comma comments
    leading_zero signature_not_string malformed_json malformed_json2 empty_body no_body_no_length json_array_top
    json_scalar_top json_null instances_not_list instances_object instances_null instances_null_elem inputs_null
    wrong_type_string wrong_type_string_columnar mixed_depth unknown_input_name_row unknown_input_name_columnar
    row_then_scalar_mixed scalar_then_row_mixed long_value_in_error options_no_origin
    predict_tensor_content_bad_len predict_no_dtype predict_neg_dim wrong_dtype_double wrong_dtype_int
    wrong_dtype_string missing_input unknown_input_name extra_input
"""
"""Refused with the same status, in words that are about our decoder, not about rapidjson or TensorFlow's executor."""


def recorded(protocol: str) -> list[Any]:
    kept = []
    for each in json.loads((RECORDINGS / f"tfserving_{protocol}.json").read_text(encoding="utf-8")):
        if protocol == "rest":
            ours = (
                "half_plus_two" in each["path"] and ":classify" not in each["path"] and ":regress" not in each["path"]
            )
        else:
            ours = each["rpc"] in ANSWERS and b"half_plus_two" in base64.b64decode(each.get("request_b64", ""))
        if ours:
            kept.append(pytest.param(each, id=each["name"]))
    return kept


@pytest.fixture(scope="module", params=LEAN)
def half_plus_two(request: pytest.FixtureRequest, start: Start) -> Running:
    return start(request.param, "half_plus_two", FP32)


def agrees(recording: dict[str, Any], found: tuple[object, object], expected: tuple[object, object]) -> None:
    """Compare status and body."""
    name = recording["name"]
    if name in OTHER_ANSWERS or name in OTHER_WORDS.split():
        assert found != expected, "no exception any more: take it off the list"
    if name in OTHER_WORDS.split():
        assert found[0] == expected[0]
    elif name not in OTHER_ANSWERS:
        assert found == expected


@pytest.mark.parametrize("recording", recorded("rest"))
def test_rest(half_plus_two: Running, recording: dict[str, Any]) -> None:
    name = recording["name"]
    body = gzip.compress(b'{"instances":[1.0]}') if name == "gzip_request" else recording.get("request", "").encode()
    headers = {"Content-Type": "application/json"} | ({"Content-Encoding": "gzip"} if name == "gzip_request" else {})
    headers |= {"Origin": "http://example.org"} if name == "options_origin" else {}
    connection = http.client.HTTPConnection("127.0.0.1", half_plus_two.rest_port, timeout=10)
    connection.request(recording["method"], recording["path"], body, headers)
    response = connection.getresponse()
    answer = response.read()
    connection.close()
    text = recording.get("response", "")
    agrees(recording, (response.status, parsed(answer.decode())), (recording["status"], parsed(text)))


def parsed(text: str) -> Any:
    return json.loads(text) if text else ""


@pytest.mark.parametrize("recording", recorded("grpc"))
def test_grpc(half_plus_two: Running, recording: dict[str, Any]) -> None:
    client = half_plus_two.client("tfserving-grpc")
    headers = WIRES["tfserving-grpc"].headers((), b"")
    reply = client.send(Request(recording["rpc"], headers, frame(base64.b64decode(recording["request_b64"]))))
    client.close()
    message = ANSWERS[recording["rpc"]]
    found = (reply.status, said(parse(message, reply.body)) if reply.status == "ok" else reply.message)
    if recording["code"] == "OK":
        agrees(recording, found, ("ok", said(parse(message, base64.b64decode(recording["response_b64"])))))
    else:
        agrees(recording, found, (f"grpc_{NUMBERS[recording['code']]}", recording["details"]))


def said(answer: Any) -> Any:
    """A reply's meaning: numbers as tensor_content and as float_val are the same."""
    if not isinstance(answer, tfserving_pb2.PredictResponse):
        return answer
    outputs = {
        name: (proto.dtype, [dim.size for dim in proto.tensor_shape.dim], values(proto))
        for name, proto in answer.outputs.items()
    }
    return answer.model_spec, outputs


def values(proto: Any) -> list[float]:
    content = memoryview(proto.tensor_content).cast("f").tolist()
    return content or list(proto.float_val)
