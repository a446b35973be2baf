"""The echo server answers every wire with a reply of the model's shape, and refuses what is cheap to see."""

from __future__ import annotations

import signal

import numpy as np
import pytest

from bakeoff.wire import WIRES
from bakeoff.wire.grpc_message import frame

from .conftest import Running, Start, specs

MODELS = ("image", "words")
every_wire = pytest.mark.parametrize("wire", WIRES)


@pytest.fixture(scope="module", params=MODELS)
def echo(request: pytest.FixtureRequest, start: Start) -> Running:
    return start("echo", request.param, "none")


def request_body(server: Running, wire: str, batch: int) -> bytes:
    inputs = specs(server.model, "inputs")
    arrays = {
        spec.name: np.ones([batch, *(2 if size is None else size for size in spec.shape[1:])], spec.dtype)
        for spec in inputs
    }
    return WIRES[wire].encode_request(server.model, inputs, arrays)


@every_wire
@pytest.mark.parametrize("batch", [1, 5])
def test_a_reply_of_the_models_shape(echo: Running, wire: str, batch: int) -> None:
    reply = echo.client(wire).post(request_body(echo, wire, batch))
    assert reply.status == "ok", reply.message
    outputs = WIRES[wire].decode_reply(specs(echo.model, "outputs"), reply)
    expected = 1 if WIRES[wire].protocol == "rest" else batch  # JSON is not parsed
    assert {len(array) for array in outputs.values()} == {expected}


@every_wire
def test_replies_are_fixed(echo: Running, wire: str) -> None:
    client = echo.client(wire)
    body = request_body(echo, wire, 2)
    assert client.post(body).body == client.post(body).body != b""


@every_wire
def test_wrong_requests_are_refused_and_harm_nobody(echo: Running, wire: str) -> None:
    grpc = WIRES[wire].protocol == "grpc"
    client = echo.client(wire)
    assert client.post(frame(b"") if grpc else b"").status in {"grpc_3", "grpc_5", "http_400"}
    assert client.post(frame(b"\xff") if grpc else b"odd").status == ("grpc_3" if grpc else "http_400")
    too_much = bytes(20_000_001)
    assert client.post(frame(too_much) if grpc else too_much).status == ("grpc_8" if grpc else "http_413")
    assert client.post(request_body(echo, wire, 1)).status == "ok"


@every_wire
def test_an_unknown_model_is_not_found(echo: Running, wire: str) -> None:
    body = request_body(echo, wire, 1)
    if WIRES[wire].protocol == "grpc":
        inputs = specs(echo.model, "inputs")
        arrays = {
            spec.name: np.ones([1 if size is None else size for size in spec.shape], spec.dtype) for spec in inputs
        }
        body = WIRES[wire].encode_request("nope", inputs, arrays)
    reply = echo.client(wire, model="nope").post(body)
    assert reply.status == ("grpc_5" if WIRES[wire].protocol == "grpc" else "http_404")


def test_sigterm_ends_it_cleanly(start: Start) -> None:
    server = start("echo", "image", "none")
    assert server.client("tfserving-grpc").post(request_body(server, "tfserving-grpc", 1)).status == "ok"
    server.process.send_signal(signal.SIGTERM)
    assert server.process.wait(10) == 0
