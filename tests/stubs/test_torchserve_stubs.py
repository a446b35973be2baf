"""The codec's bytes, read and written by stubs made of TorchServe's own proto; needs tests/stubs/requirements.txt."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("grpc_tools", reason="grpcio-tools is not installed here")

from bakeoff.schema import TensorSpec
from bakeoff.wire import WIRES, Reply, torchserve_server
from bakeoff.wire.grpc_message import unframe

WIRE = WIRES["torchserve-grpc"]
RAW = (TensorSpec("x", "float32", (None, 3)),)
NAMED = (TensorSpec("x", "float32", (None, 3)), TensorSpec("ids", "int64", (None, None)))


@pytest.fixture(scope="module")
def stubs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """The modules inference_pb2 and inference_pb2_grpc, compiled from the proto in TorchServe's jar."""
    folder = tmp_path_factory.mktemp("protos")
    sys.path[:0] = [str(Path(__file__).parent), str(folder)]
    from torchserve_protos import compile_protos

    compile_protos(folder)
    import inference_pb2
    import inference_pb2_grpc

    yield inference_pb2, inference_pb2_grpc
    del sys.path[:2]


def test_torchserve_reads_our_raw_request(stubs: Any) -> None:
    x = np.arange(6, dtype=np.float32).reshape(2, 3)
    request = stubs[0].PredictionsRequest.FromString(unframe(WIRE.encode_request("m", RAW, {"x": x})))
    assert request.model_name == "m"
    assert dict(request.input) == {"body": x.tobytes()}


def test_torchserve_reads_our_safetensors_request(stubs: Any) -> None:
    from safetensors.numpy import load

    arrays = {"x": np.ones((2, 3), np.float32), "ids": np.arange(4).reshape(2, 2)}
    request = stubs[0].PredictionsRequest.FromString(unframe(WIRE.encode_request("m", NAMED, arrays)))
    read = load(request.input["body"])
    assert all(np.array_equal(read[name], array) for name, array in arrays.items())


def test_we_read_torchserves_reply(stubs: Any) -> None:
    x = np.arange(6, dtype=np.float32).reshape(2, 3)
    reply = stubs[0].PredictionResponse(prediction=x.tobytes()).SerializeToString()
    assert np.array_equal(WIRE.decode_reply(RAW, Reply(reply))["x"], x)


def test_the_path_is_that_of_the_service(stubs: Any) -> None:
    paths = []

    class Channel:
        def __getattr__(self, _: str) -> Any:
            return lambda path, **_: paths.append(path)

    stubs[1].InferenceAPIsServiceStub(Channel())
    assert WIRE.path("m") in paths


def test_the_service_is_torchserves_own(stubs: Any) -> None:
    service = stubs[0].DESCRIPTOR.services_by_name["InferenceAPIsService"]
    assert service.full_name == "org.pytorch.serve.grpc.inference.InferenceAPIsService"


def test_torchserve_reads_our_servers_replies(stubs: Any) -> None:
    assert stubs[0].TorchServeHealthResponse.FromString(torchserve_server.PING_REPLY).health == '{"status": "Healthy"}'
    reply = torchserve_server.encode_grpc_reply(b"\x01\x02")
    assert stubs[0].PredictionResponse.FromString(reply).prediction == b"\x01\x02"


@pytest.mark.parametrize("key", ["body", "data"])
def test_our_servers_read_torchserves_request(stubs: Any, key: str) -> None:
    request = stubs[0].PredictionsRequest(model_name="m", input={key: b"12"})
    assert torchserve_server.decode_grpc_call(request.SerializeToString()) == ("m", b"12")
