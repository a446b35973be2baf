"""Arrays survive every wire, whatever their shapes, dtypes, number and values."""

from __future__ import annotations

import json
from typing import Any

import hypothesis.extra.numpy as arrays_of
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from safetensors.numpy import load

from bakeoff.schema import WIRE_PROTOCOLS, Model, TensorSpec
from bakeoff.wire import (
    WIRES,
    Reply,
    WireError,
    binary,
    rows,
    tfserving,
    tfserving_server,
    torchserve,
    torchserve_server,
)
from bakeoff.wire.grpc_message import unframe

NAMES = st.text("abc_0", min_size=1, max_size=6)
Tensors = tuple[tuple[TensorSpec, ...], dict[str, np.ndarray[Any, Any]]]


@st.composite
def tensors(draw: st.DrawFn) -> Tensors:
    """One to three named arrays with one batch size, and specs that leave random dimensions free."""
    batch = draw(st.integers(1, 3))
    specs, arrays = [], {}
    for name in draw(st.lists(NAMES, min_size=1, max_size=3, unique=True)):
        dtype = draw(st.sampled_from(["float32", "int64"]))
        shape = (batch, *draw(st.lists(st.integers(1, 3), max_size=3)))
        free = tuple(None if axis == 0 or draw(st.booleans()) else size for axis, size in enumerate(shape))
        specs.append(TensorSpec(name, dtype, free))
        arrays[name] = draw(arrays_of.arrays(np.dtype(dtype), shape))
    return tuple(specs), arrays


def same(left: dict[str, Any], right: dict[str, Any]) -> None:
    assert set(left) == set(right)
    for name, array in left.items():
        assert array.dtype == right[name].dtype
        assert array.shape == right[name].shape
        np.testing.assert_array_equal(array, right[name])


@given(tensors())
def test_row_requests_and_replies(given_tensors: Tensors) -> None:
    specs, arrays = given_tensors
    body = WIRES["tfserving-rest"].encode_request("m", specs, arrays)
    same(tfserving_server.decode_rest_call(rows.parse(body), specs).arrays, arrays)
    reply = rows.dump(tfserving_server.rest_reply(specs, arrays, columnar=False))
    same(WIRES["tfserving-rest"].decode_reply(specs, Reply(reply)), arrays)


@given(tensors())
def test_columnar_replies(given_tensors: Tensors) -> None:
    specs, arrays = given_tensors
    reply = rows.dump(tfserving_server.rest_reply(specs, arrays, columnar=True))
    same(WIRES["tfserving-rest"].decode_reply(specs, Reply(reply)), arrays)


@given(tensors())
def test_binary_requests_and_replies(given_tensors: Tensors) -> None:
    specs, arrays = given_tensors
    wire = WIRES["torchserve-binary"]
    body = wire.encode_request("m", specs, arrays)
    same(binary.decode(specs, body, wire.headers(specs, body)["content-type"], "input"), arrays)
    same(wire.decode_reply(specs, Reply(body)), arrays)


@given(tensors())
def test_tfserving_grpc_requests_and_replies(given_tensors: Tensors) -> None:
    specs, arrays = given_tensors
    call = tfserving_server.decode_grpc_call(unframe(tfserving.encode_grpc_request("m", specs, arrays)), specs)
    same(call.arrays, arrays)
    assert call.model_spec.name == "m"
    reply = tfserving_server.encode_grpc_reply(specs, arrays, "m", 1)
    same(WIRES["tfserving-grpc"].decode_reply(specs, Reply(reply)), arrays)


@given(tensors())
def test_torchserve_grpc_requests_and_replies(given_tensors: Tensors) -> None:
    specs, arrays = given_tensors
    name, body = torchserve_server.decode_grpc_call(unframe(torchserve.encode_grpc_request("m", specs, arrays)))
    assert name == "m"
    same(binary.decode(specs, body, binary.recognise(body), "input"), arrays)
    same(WIRES["torchserve-grpc"].decode_reply(specs, Reply(torchserve_server.encode_grpc_reply(body))), arrays)


IMAGE = (TensorSpec("x", "float32", (None, 1, 2, 2)),)
ROW = {"x": np.arange(4, dtype="f4").reshape(1, 1, 2, 2)}
TOKENS = (TensorSpec("ids", "int64", (None, None)), TensorSpec("weight", "float32", (None,)))
TOKEN_ROWS = {"ids": np.array([[1, 2], [3, 4]]), "weight": np.array([0.5, 1], "f4")}


def test_the_bytes_are_those_of_the_design() -> None:
    assert json.loads(WIRES["tfserving-rest"].encode_request("m", IMAGE, ROW)) == {
        "instances": [[[[0.0, 1.0], [2.0, 3.0]]]]
    }
    assert json.loads(WIRES["torchserve-rest"].encode_request("m", TOKENS, TOKEN_ROWS)) == {
        "instances": [{"ids": [1, 2], "weight": 0.5}, {"ids": [3, 4], "weight": 1.0}]
    }
    raw = WIRES["tfserving-binary"]
    assert raw.headers(IMAGE, b"")["content-type"] == "application/octet-stream"
    assert raw.encode_request("m", IMAGE, ROW) == ROW["x"].tobytes()
    assert raw.headers(TOKENS, b"")["content-type"] == "application/x-safetensors"
    same(load(raw.encode_request("m", TOKENS, TOKEN_ROWS)), TOKEN_ROWS)


def test_paths_and_protocols() -> None:
    assert {name: (wire.protocol, wire.path("a b")) for name, wire in WIRES.items()} == {
        "torchserve-rest": ("rest", "/predictions/a%20b"),
        "torchserve-binary": ("binary", "/predictions/a%20b"),
        "torchserve-grpc": ("grpc", "/org.pytorch.serve.grpc.inference.InferenceAPIsService/Predictions"),
        "tfserving-rest": ("rest", "/v1/models/a%20b:predict"),
        "tfserving-binary": ("binary", "/v1/models/a%20b:predict"),
        "tfserving-grpc": ("grpc", "/tensorflow.serving.PredictionService/Predict"),
    }


def test_the_wires_are_those_of_the_types() -> None:
    assert {name: wire.protocol for name, wire in WIRES.items()} == WIRE_PROTOCOLS


def test_only_a_float32_input_with_nothing_but_the_batch_free_is_raw() -> None:
    assert binary.is_raw(IMAGE)
    assert not binary.is_raw((TensorSpec("x", "int64", (None, 2)),))
    assert not binary.is_raw((TensorSpec("x", "float32", (None, None)),))
    assert not binary.is_raw(IMAGE * 2)


def test_a_raw_body_of_zeros_is_not_taken_for_safetensors() -> None:
    assert binary.recognise(bytes(64)) == binary.RAW
    assert binary.recognise(binary.encode(TOKENS, TOKEN_ROWS, binary.SAFETENSORS)) == binary.SAFETENSORS


@pytest.mark.parametrize("name", WIRES)
def test_arrays_that_are_not_the_models_are_refused_before_they_are_sent(name: str) -> None:
    wire = WIRES[name]
    with pytest.raises(WireError, match=r"x has shape \[1, 4\]; the model says \[any, 1, 2, 2\]"):
        wire.encode_request("m", IMAGE, {"x": ROW["x"].reshape(1, 4)})
    with pytest.raises(WireError, match="x has dtype float64; the model says float32"):
        wire.encode_request("m", IMAGE, {"x": ROW["x"].astype("f8")})
    with pytest.raises(WireError, match="inputs are y; the model's inputs are x"):
        wire.encode_request("m", IMAGE, {"y": ROW["x"]})


def test_non_finite_values_survive_json() -> None:
    spec = (TensorSpec("y", "float32", (None, 3)),)
    arrays = {"y": np.array([[np.nan, np.inf, -np.inf]], "f4")}
    body = rows.dump(tfserving_server.rest_reply(spec, arrays, columnar=False))
    assert body == b'{"predictions": [[NaN, Infinity, -Infinity]]}'
    same(WIRES["tfserving-rest"].decode_reply(spec, Reply(body)), arrays)


@pytest.mark.parametrize("outputs", [IMAGE, TOKENS, TOKENS[:1]], ids=["raw", "two", "integers"])
def test_a_reply_is_encoded_as_was_asked_unless_raw_bytes_cannot_tell_it(outputs: tuple[TensorSpec, ...]) -> None:
    kind = binary.reply_type(outputs, binary.RAW)
    assert kind == (binary.RAW if outputs == IMAGE else binary.SAFETENSORS)
    assert binary.reply_type(outputs, binary.SAFETENSORS) == binary.SAFETENSORS
    arrays = {spec.name: np.ones([2, *(size or 4 for size in spec.shape[1:])], spec.dtype) for spec in outputs}
    reply = binary.encode(outputs, arrays, kind, "output")
    decoded = WIRES["torchserve-binary"].decode_reply(outputs, Reply(reply))
    assert decoded.keys() == arrays.keys() and all((decoded[name] == arrays[name]).all() for name in arrays)


@pytest.mark.parametrize("name", WIRES)
def test_a_request_has_path_headers_and_body(name: str) -> None:
    wire, model = WIRES[name], Model("a b", "", IMAGE, (), 0.0, 0.0)
    request = wire.encode(model, ROW)
    assert request == wire.request(model, wire.encode_request("a b", IMAGE, ROW))
    assert request.path == wire.path("a b")
    media_type = {"rest": "application/json", "binary": "application/octet-stream", "grpc": "application/grpc"}
    assert request.headers["content-type"] == media_type[wire.protocol]
    assert request.headers.get("te") == ("trailers" if wire.protocol == "grpc" else None)
