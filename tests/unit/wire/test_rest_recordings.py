"""The REST decoder and the server's side of it against what the real TensorFlow Serving answered."""

from __future__ import annotations

import base64
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bakeoff.schema import TensorSpec
from bakeoff.wire import WIRES, Reply, WireError, rows, tfserving_server

FILE = Path(__file__).resolve().parents[2] / "contract" / "recordings" / "tfserving_rest.json"
RECORDINGS = json.loads(FILE.read_text(encoding="utf-8"))
WIRE = WIRES["tfserving-rest"]

LINE = (None,)
# What each signature's outputs are, from the models' own source; the batch of a row-format scalar is its rows.
OUTPUTS = {
    "": {"y": ("float32", LINE)},
    "two_out": {"y": ("float32", LINE), "z": ("float32", LINE)},
    "multi": {"s": ("float32", LINE), "p": ("int32", LINE)},
    "mat": {"y": ("float32", (None, 2, 2))},
    "naninf": {"log": ("float32", LINE), "div": ("float32", LINE)},
    "strs": {"len": ("int32", LINE), "echo": ("object", LINE), "echo_bytes": ("object", LINE)},
    "scalar": {"y": ("float32", LINE)},
    "nobatch": {"sum": ("float32", ()), "x2": ("float32", LINE)},
    "allscalar": {"sum": ("float32", ())},
    "f32": {"y": ("float32", LINE)},
    "f64": {"y": ("float64", LINE)},
    "i32": {"y": ("int32", LINE)},
    "i64": {"y": ("int64", LINE)},
    "u8": {"y": ("uint8", LINE)},
    "i8": {"y": ("int8", LINE)},
    "u32": {"y": ("uint32", LINE)},
    "u64": {"y": ("uint64", LINE)},
    "boolean": {"y": ("bool", LINE)},
}
# Requests whose shape is not the signature's: TensorFlow Serving doesn't check it.
SHAPES = {
    "instances_2d_on_1d_sig": (None, 2),
    "inputs_scalar": (),
    "inputs_scalar_named": (),
    "scalar_sig_columnar": (),
}


def body_of(recording: dict[str, Any]) -> bytes:
    if "response_b64" in recording:
        return base64.b64decode(recording["response_b64"])
    return str(recording["response"]).encode()


def outputs_of(recording: dict[str, Any]) -> tuple[TensorSpec, ...]:
    signature = re.search(r'"signature_name": *"(\w*)"', recording.get("request", ""))
    named = OUTPUTS[signature[1] if signature else ""]
    shape = SHAPES.get(recording["name"])
    return tuple(TensorSpec(name, dtype, own if shape is None else shape) for name, (dtype, own) in named.items())


def plain(value: Any) -> Any:
    """The answer's own value, strings as bytes."""
    if isinstance(value, dict):
        return base64.b64decode(value["b64"])
    if isinstance(value, list):
        return [plain(item) for item in value]
    return value.encode("utf-8", "surrogateescape") if isinstance(value, str) else value


def predictions(ok: bool) -> list[Any]:
    found = [each for each in RECORDINGS if each["method"] == "POST" and (each["status"] == 200) == ok]
    return [pytest.param(each, id=each["name"]) for each in found]


@pytest.mark.parametrize("recording", predictions(ok=True))
def test_every_recorded_prediction_is_read(recording: dict[str, Any]) -> None:
    body = body_of(recording)
    outputs = outputs_of(recording)

    arrays = WIRE.decode_reply(outputs, Reply(body))

    document = json.loads(body.decode("utf-8", "surrogateescape"))
    for spec in outputs:
        if "predictions" in document:
            expected = [row[spec.name] if len(outputs) > 1 else row for row in document["predictions"]]
        else:
            expected = document["outputs"][spec.name] if len(outputs) > 1 else document["outputs"]
        assert arrays[spec.name].dtype == np.dtype(spec.dtype)
        if spec.dtype == "object":
            assert arrays[spec.name].tolist() == plain(expected)
        else:
            np.testing.assert_array_equal(arrays[spec.name], np.array(expected, dtype=spec.dtype))


def test_bare_tokens_become_infinities_and_nan() -> None:
    recording = next(each for each in RECORDINGS if each["name"] == "nan_inf_row")
    arrays = WIRE.decode_reply(outputs_of(recording), Reply(body_of(recording)))
    np.testing.assert_array_equal(arrays["div"], np.array([np.inf, -1, 1], "f4"))
    np.testing.assert_array_equal(arrays["log"], np.array([-np.inf, np.nan, 0], "f4"))


def test_a_string_that_is_no_utf8_keeps_its_bytes() -> None:
    recording = next(each for each in RECORDINGS if each["name"] == "strings_b64_nonutf8")
    arrays = WIRE.decode_reply(outputs_of(recording), Reply(body_of(recording)))
    assert arrays["echo"].tolist() == arrays["echo_bytes"].tolist() == [b"\xff\x00\xfe"]


@pytest.mark.parametrize("recording", predictions(ok=False))
def test_every_recorded_error_is_an_error_with_the_servers_text(recording: dict[str, Any]) -> None:
    body = body_of(recording)
    with pytest.raises(WireError) as caught:
        WIRE.decode_reply((TensorSpec("y", "float32", LINE),), Reply(body))
    if recording["content_type"] == "application/json" and body:
        assert json.loads(body)["error"] in str(caught.value)


INPUT = {"half_plus_two": (TensorSpec("x", "float32", LINE),)}
MULTI = (TensorSpec("a", "float32", (None, 2)), TensorSpec("b", "int32", LINE))
MATRIX = (TensorSpec("x", "float32", (None, 2, 2)),)


def inputs_of(recording: dict[str, Any]) -> tuple[TensorSpec, ...] | None:
    if "/half_plus_two" in recording["path"]:
        return INPUT["half_plus_two"]
    return {"multi": MULTI, "mat": MATRIX}.get(json.loads(recording["request"]).get("signature_name"))


def compute(arrays: dict[str, Any]) -> dict[str, Any]:
    """What the recorded models compute."""
    if "a" in arrays:
        return {"s": arrays["a"].sum(1) + arrays["b"].astype("f4"), "p": arrays["b"] * 2}
    x = arrays["x"]
    return {"y": x @ x if x.ndim == 3 else x / 2 + 2}


ANSWERED = [
    "instances_row",
    "instances_ints",
    "instances_one",
    "instances_objects",
    "inputs_columnar_list",
    "inputs_columnar_named",
    "multi_inputs_row",
    "multi_inputs_columnar",
    "matrix_row",
    "matrix_columnar",
    "unknown_top_key_ok",
]


@pytest.mark.parametrize("name", ANSWERED)
def test_our_server_side_answers_as_the_real_one(name: str) -> None:
    recording = next(each for each in RECORDINGS if each["name"] == name)
    inputs = inputs_of(recording)
    assert inputs is not None

    call = tfserving_server.decode_rest_call(rows.parse(recording["request"].encode()), inputs)
    outputs = outputs_of(recording)
    reply = rows.dump(tfserving_server.rest_reply(outputs, compute(call.arrays), call.columnar))

    assert json.loads(reply) == json.loads(body_of(recording))


REFUSED = [
    "wrong_type_string",
    "instances_null_elem",
    "inputs_null",
    "instances_not_list",
    "instances_object",
    "empty_instances",
    "empty_object",
    "json_array_top",
    "json_null",
    "both_instances_and_inputs",
    "ragged",
    "ragged_rows",
    "ragged_columnar",
    "mixed_depth",
    "missing_key_row",
    "missing_key_second_row",
    "extra_key_row",
    "missing_key_columnar",
    "multi_input_unnamed_row",
    "multi_input_unnamed_columnar",
    "row_then_scalar_mixed",
    "scalar_then_row_mixed",
    "unknown_input_name_row",
    "float_from_bool",
    "signature_not_string",
    "malformed_json",
    "empty_body",
]


@pytest.mark.parametrize("name", REFUSED)
def test_our_server_side_refuses_what_the_real_one_refuses(name: str) -> None:
    recording = next(each for each in RECORDINGS if each["name"] == name)
    assert recording["status"] == 400
    with pytest.raises(WireError):
        document = rows.parse(recording["request"].encode())
        tfserving_server.decode_rest_call(document, inputs_of(recording) or INPUT["half_plus_two"])
