"""A body that isn't right is a WireError, never another exception, and never costs much memory."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bakeoff.schema import TensorSpec
from bakeoff.wire import WIRES, Reply, WireError, binary, rows, tfserving_server, torchserve_server
from bakeoff.wire.grpc_message import frame, serialize, unframe
from bakeoff.wire.proto.tfserving_pb2 import DataType, PredictRequest

SPECS = (TensorSpec("y", "float32", (None, 3)),)
TWO = (TensorSpec("ids", "int64", (None, None)), TensorSpec("w", "float32", (None,)))
ARRAYS = {"ids": np.array([[1, 2], [3, 4]]), "w": np.array([0.5, 1], "f4")}

VALID = {
    "json": rows.dump(tfserving_server.rest_reply(TWO, ARRAYS, columnar=False)),
    "safetensors": binary.encode(TWO, ARRAYS, binary.SAFETENSORS),
    "grpc": tfserving_server.encode_grpc_reply(TWO, ARRAYS, "m", 1),
    "torchserve": torchserve_server.encode_grpc_reply(binary.encode(TWO, ARRAYS, binary.SAFETENSORS)),
}
DECODERS: dict[str, tuple[str, Callable[[bytes], Any]]] = {
    "rest reply": ("json", lambda body: WIRES["tfserving-rest"].decode_reply(TWO, Reply(body))),
    "rest request": ("json", lambda body: tfserving_server.decode_rest_call(rows.parse(body), TWO)),
    "binary reply": ("safetensors", lambda body: WIRES["tfserving-binary"].decode_reply(TWO, Reply(body))),
    "binary request": ("safetensors", lambda body: binary.decode(TWO, body, binary.SAFETENSORS, "input")),
    "raw reply": ("safetensors", lambda body: WIRES["tfserving-binary"].decode_reply(SPECS, Reply(body))),
    "grpc reply": ("grpc", lambda body: WIRES["tfserving-grpc"].decode_reply(TWO, Reply(body))),
    "grpc request": ("grpc", lambda body: tfserving_server.decode_grpc_call(body, TWO)),
    "torchserve reply": ("torchserve", lambda body: WIRES["torchserve-grpc"].decode_reply(TWO, Reply(body))),
    "torchserve request": ("torchserve", torchserve_server.decode_grpc_call),
    "frame": ("grpc", unframe),
}

each_decoder = pytest.mark.parametrize("name", DECODERS)


def only_wire_errors(decode: Callable[[bytes], Any], body: bytes) -> None:
    try:
        decode(body)
    except WireError as error:
        assert str(error)


@each_decoder
@given(body=st.binary(max_size=200))
def test_any_bytes(name: str, body: bytes) -> None:
    only_wire_errors(DECODERS[name][1], body)


@each_decoder
@given(data=st.data())
def test_a_valid_body_cut_off_and_overwritten_anywhere(name: str, data: st.DataObject) -> None:
    kind, decode = DECODERS[name]
    body = bytearray(VALID[kind][: data.draw(st.integers(0, len(VALID[kind])))])
    for at in data.draw(st.lists(st.integers(0, max(0, len(body) - 1)), max_size=4)):
        body[at : at + 1] = data.draw(st.binary(min_size=1, max_size=1))
    only_wire_errors(decode, bytes(body))


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["ids", "w", "b64", "y"]), inner),
)


@given(key=st.sampled_from(["predictions", "outputs", "instances", "inputs", "error"]), value=JSON_VALUES)
def test_any_json_value(key: str, value: Any) -> None:
    body = json.dumps({key: value}).encode()
    for specs in (SPECS, TWO, (TensorSpec("y", "object", (None,)),)):
        only_wire_errors(lambda body, specs=specs: WIRES["tfserving-rest"].decode_reply(specs, Reply(body)), body)
        only_wire_errors(lambda body, specs=specs: tfserving_server.decode_rest_call(rows.parse(body), specs), body)


@pytest.mark.parametrize("depth", [40, 70, 200, 100_000])
def test_deep_json_is_refused(depth: int) -> None:
    with pytest.raises(WireError):
        WIRES["tfserving-rest"].decode_reply(SPECS, Reply(b'{"predictions":' + b"[" * depth + b"]" * depth + b"}"))


@pytest.mark.parametrize("number", ["1" * 400, "1" * 5000, "-" + "9" * 30])
def test_integers_too_large_are_refused(number: str) -> None:
    spec = (TensorSpec("y", "int64", (None,)),)
    with pytest.raises(WireError):
        WIRES["tfserving-rest"].decode_reply(spec, Reply(f'{{"predictions": [{number}]}}'.encode()))


@pytest.mark.parametrize(
    "sizes", [[2**62], [2**40, 2**40], [0, 2**62], [2**31, 2], [-1], [-1, -1], [5_000_001], [1] * 40]
)
def test_a_small_message_can_not_ask_for_a_large_array(sizes: list[int]) -> None:
    request = PredictRequest()
    request.model_spec.name = "m"
    tensor = request.inputs["y"]
    tensor.dtype = DataType.DT_FLOAT
    tensor.float_val.append(1)
    for size in sizes:
        tensor.tensor_shape.dim.add(size=size)
    only_wire_errors(lambda body: tfserving_server.decode_grpc_call(body, SPECS), serialize(request))
    if 0 not in sizes:
        with pytest.raises(WireError):
            tfserving_server.decode_grpc_call(serialize(request), SPECS)


@pytest.mark.parametrize("body", [b"", b"\0" * 13, b"\0" * 4])
def test_raw_bytes_that_are_no_whole_batch(body: bytes) -> None:
    with pytest.raises(WireError, match=f"{len(body)} bytes are no whole number of rows of y, each 12 bytes"):
        binary.decode(SPECS, body, binary.RAW)


def test_frames() -> None:
    assert unframe(frame(b"abc")) == b"abc"
    for wrong, text in (
        (b"\1\0\0\0\0", "compressed"),
        (b"\0\0\0\0\2a", "says 2 bytes and holds 1"),
        (b"\0", "1 bytes"),
    ):
        with pytest.raises(WireError, match=text):
            unframe(wrong)


@pytest.mark.parametrize("name", ["tfserving-rest", "tfserving-binary", "tfserving-grpc", "torchserve-grpc"])
def test_an_output_of_another_shape_is_an_error_that_names_both(name: str) -> None:
    wide = (TensorSpec("y", "float32", (None, 4)),)
    arrays = {"y": np.zeros((3, 4), "f4")}
    body = {
        "tfserving-rest": lambda: rows.dump(tfserving_server.rest_reply(wide, arrays, columnar=False)),
        "tfserving-binary": lambda: binary.encode(wide, arrays, binary.SAFETENSORS),
        "tfserving-grpc": lambda: tfserving_server.encode_grpc_reply(wide, arrays, "m", 1),
        "torchserve-grpc": lambda: torchserve_server.encode_grpc_reply(binary.encode(wide, arrays, binary.SAFETENSORS)),
    }[name]()
    specs = (TensorSpec("y", "float32", (None, 3)),)
    with pytest.raises(WireError, match=r"y has shape \[3, 4\]; the model says \[any, 3\]"):
        WIRES[name].decode_reply(specs, Reply(body))
