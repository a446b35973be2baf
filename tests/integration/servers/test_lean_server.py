"""The lean server on both TFLite engines, over every wire it speaks."""

from __future__ import annotations

import json
import re
import signal
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save
from wire_client import client_of, model_of

from bakeoff.wire import WIRES, Request, rows
from bakeoff.wire.client import Reply
from bakeoff.wire.grpc_message import frame, parse, serialize
from bakeoff.wire.proto import tfserving_pb2

from .conftest import FP32, LEAN, TINY, Running, Start, free_ports, spawn, specs

TFSERVING_WIRES = ("tfserving-rest", "tfserving-binary", "tfserving-grpc")
TORCHSERVE_WIRES = ("torchserve-rest", "torchserve-binary", "torchserve-grpc")

Golden = dict[str, np.ndarray[Any, Any]]

every_wire = pytest.mark.parametrize("wire", TFSERVING_WIRES)


@pytest.fixture(scope="module", params=LEAN)
def image(request: pytest.FixtureRequest, start: Start) -> Running:
    return start(request.param, "image", FP32)


@pytest.fixture(scope="module", params=LEAN)
def words(request: pytest.FixtureRequest, start: Start) -> Running:
    return start(request.param, "words", FP32, "--workers", "2")


def golden(model: str, batch: int) -> tuple[Golden, Golden]:
    with np.load(TINY / model / "golden.npz") as file:
        inputs = {spec.name: file[f"input:{spec.name}"][:batch] for spec in specs(model, "inputs")}
        outputs = {spec.name: file[f"torch:{spec.name}"][:batch] for spec in specs(model, "outputs")}
    return inputs, outputs


def predict(server: Running, wire: str, arrays: Golden) -> Golden:
    reply = server.client(wire).post(WIRES[wire].encode_request(server.model, specs(server.model, "inputs"), arrays))
    assert reply.status == "ok", reply.message
    return WIRES[wire].decode_reply(specs(server.model, "outputs"), reply)


def close_to(found: Golden, expected: Golden) -> None:
    assert set(found) == set(expected)
    for name, array in expected.items():
        np.testing.assert_allclose(found[name], array, atol=1e-4)


@every_wire
@pytest.mark.parametrize("batch", [1, 3, 4])
def test_predictions_are_the_models(image: Running, wire: str, batch: int) -> None:
    inputs, outputs = golden("image", batch)
    close_to(predict(image, wire, inputs), outputs)


@every_wire
def test_several_inputs_and_free_lengths(words: Running, wire: str) -> None:
    inputs, outputs = golden("words", 3)
    close_to(predict(words, wire, inputs), outputs)
    shorter = {"ids": inputs["ids"][:, :2], "weight": inputs["weight"]}
    found = predict(words, wire, shorter)
    np.testing.assert_array_equal(found["rest"], shorter["ids"][:, 1:])


@every_wire
def test_many_batch_sizes_in_turn(image: Running, wire: str) -> None:
    inputs, _ = golden("image", 4)
    for batch in (1, 7, 2, 9, 5, 3, 8, 1, 7):
        arrays = {"x": np.resize(inputs["x"], (batch, 1, 8, 8))}
        assert predict(image, wire, arrays)["logits"].shape == (batch, 10)


def test_columnar_requests(image: Running, words: Running) -> None:
    for server in (image, words):
        inputs, outputs = golden(server.model, 3)
        value = inputs["x"] if len(inputs) == 1 else inputs
        reply = server.client("tfserving-rest").post(rows.dump({"inputs": value}))
        assert "outputs" in json.loads(reply.body)
        close_to(WIRES["tfserving-rest"].decode_reply(specs(server.model, "outputs"), reply), outputs)


def test_non_finite_values_are_tensorflow_servings_bare_tokens(image: Running) -> None:
    body = rows.dump({"instances": np.full((1, 1, 8, 8), np.nan, "f4")})
    reply = image.client("tfserving-rest").post(body)
    assert reply.status == "ok"
    assert re.search(rb"NaN|Infinity", reply.body)
    assert b"null" not in reply.body


def wrong_bodies(wire: str) -> dict[str, bytes]:
    """Requests for the model image that can't be answered."""
    x = np.zeros((2, 1, 8, 8), "f4")
    if wire == "tfserving-rest":
        return {
            "empty": b"",
            "no json": b"{",
            "deep": b"[" * 100_000,
            "no instances": b"{}",
            "wrong shape": rows.dump({"instances": x[:, :, :7]}),
            "wrong type": b'{"instances": [["a"]]}',
            "ragged": b'{"instances": [[[[1, 2], [3]]]]}',
            "signature": rows.dump({"instances": x, "signature_name": "other"}),
        }
    if wire == "tfserving-binary":
        return {"empty": b"", "odd": b"\0" * 13}
    requests = {"no protobuf": frame(b"\xff\xff"), "no fields": frame(b"")}
    for what, array in {"wrong shape": x[:, :, :7], "wrong dtype": x.astype("f8"), "no rows": x[:0]}.items():
        message = tfserving_pb2.PredictRequest()
        message.model_spec.name = "image"
        tensor = message.inputs["x"]
        tensor.dtype = tfserving_pb2.DT_DOUBLE if array.dtype == np.float64 else tfserving_pb2.DT_FLOAT
        for size in array.shape:
            tensor.tensor_shape.dim.add(size=size)
        tensor.tensor_content = array.tobytes()
        requests[what] = frame(serialize(message))
    return requests


@pytest.mark.parametrize(
    ("wire", "what"), [(wire, what) for wire in TFSERVING_WIRES for what in wrong_bodies(wire)], ids=str
)
def test_a_wrong_request_is_refused_and_harms_nobody(image: Running, wire: str, what: str) -> None:
    client = image.client(wire)
    reply = client.post(wrong_bodies(wire)[what])
    assert reply.status == ("grpc_3" if wire == "tfserving-grpc" else "http_400")
    assert reply.message
    inputs, _ = golden("image", 1)
    assert client.post(WIRES[wire].encode_request("image", specs("image", "inputs"), inputs)).status == "ok"


def test_a_call_without_a_message_is_refused(image: Running) -> None:
    reply = image.client("tfserving-grpc").post(b"")
    assert reply.status == "grpc_12"
    assert "requires exactly one request message" in reply.message


@every_wire
def test_an_unknown_model_is_not_found(image: Running, wire: str) -> None:
    inputs, _ = golden("image", 1)
    body = WIRES[wire].encode_request("nope", specs("image", "inputs"), inputs)
    reply = image.client(wire, model="nope").post(body)
    assert reply.status == ("grpc_5" if wire == "tfserving-grpc" else "http_404")
    assert "Servable not found for request: Latest(nope)" in reply.message


@every_wire
def test_an_oversize_request_is_refused_with_the_limit(image: Running, wire: str) -> None:
    client = image.client(wire)
    too_much = bytes(20_000_001)
    reply = client.post(frame(too_much) if wire == "tfserving-grpc" else too_much)
    assert reply.status == ("grpc_8" if wire == "tfserving-grpc" else "http_413")
    assert "20000000" in reply.message.replace(",", "")
    inputs, _ = golden("image", 1)
    assert client.post(WIRES[wire].encode_request("image", specs("image", "inputs"), inputs)).status == "ok"


@pytest.mark.parametrize("wire", ["tfserving-binary", "tfserving-grpc"])
@pytest.mark.parametrize("target", LEAN)
def test_a_full_queue_refuses_and_the_rest_is_answered(start: Start, target: str, wire: str) -> None:
    server = start(target, "image", FP32, "--queue", "0")
    inputs, _ = golden("image", 1)
    body = WIRES[wire].encode_request("image", specs("image", "inputs"), inputs)
    replies: list[Reply] = []

    def work() -> None:
        client = server.client(wire)
        replies.extend(client.post(body) for _ in range(100))

    # no more than grpcio lets in, which refuses in its own words
    callers = [threading.Thread(target=work) for _ in range(16)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    refused = "grpc_8" if wire == "tfserving-grpc" else "http_503"
    statuses = {reply.status for reply in replies}
    assert statuses == {"ok", refused}
    messages = {reply.message for reply in replies if reply.status == refused}
    assert any("0 requests wait already; try again later" in message for message in messages), messages
    page = server.client("tfserving-rest").get("/metrics").body.decode()
    assert f'code="{"RESOURCE_EXHAUSTED" if wire == "tfserving-grpc" else "503"}"' in page
    predict(server, wire, inputs)


def test_a_raw_body_for_a_model_that_needs_safetensors(words: Running) -> None:
    client = client_of(words.rest_port, "tfserving-binary", model_of("words", specs("image", "inputs")))  # octet-stream
    reply = client.post(bytes(256))
    assert reply.status == "http_400"
    assert "application/x-safetensors" in reply.message
    missing = words.client("tfserving-binary").post(save({"ids": np.zeros((1, 2), "i8")}))
    assert missing.status == "http_400"
    assert "inputs are ids; the model's inputs are ids, weight" in missing.message


def test_status_and_metadata_over_rest(image: Running) -> None:
    client = image.client("tfserving-rest")

    def get(path: str) -> tuple[str, Any]:
        reply = client.get(path)
        return reply.status, json.loads(reply.body)

    status = {"version": "1", "state": "AVAILABLE", "status": {"error_code": "OK", "error_message": ""}}
    for path in ("/v1/models/image", "/v1/models/image/versions/1"):
        assert get(path) == ("ok", {"model_version_status": [status]})
    metadata = get("/v1/models/image/metadata")[1]
    assert metadata["model_spec"] == {"name": "image", "signature_name": "", "version": "1"}
    info = metadata["metadata"]["signature_def"]["signature_def"]["serving_default"]["inputs"]["x"]
    assert info["dtype"] == "DT_FLOAT"
    assert [dim["size"] for dim in info["tensor_shape"]["dim"]] == ["-1", "1", "8", "8"]
    assert get("/v1/models/nope") == ("http_404", {"error": "Could not find any versions of model nope"})
    assert get("/v1/models/image/versions/9")[0] == "http_404"
    assert get("/v1/models/nope/metadata") == ("http_404", {"error": "Servable not found for request: Latest(nope)"})
    assert get("/v1/models/image:predict") == (
        "http_400",
        {"error": "Malformed request: GET /v1/models/image:predict"},
    )
    assert get("/other")[0] == "http_404"


def call(server: Running, service: str, method: str, message: Any) -> Reply:
    headers = WIRES["tfserving-grpc"].headers((), b"")
    request = Request(f"/tensorflow.serving.{service}/{method}", headers, frame(serialize(message)))
    return server.client("tfserving-grpc").send(request)


def test_status_and_metadata_over_grpc(image: Running) -> None:
    status = tfserving_pb2.GetModelStatusRequest()
    status.model_spec.name = "image"
    reply = parse(tfserving_pb2.GetModelStatusResponse, call(image, "ModelService", "GetModelStatus", status).body)
    assert [(each.version, each.state) for each in reply.model_version_status] == [(1, 30)]

    metadata = tfserving_pb2.GetModelMetadataRequest(metadata_field=["signature_def"])
    metadata.model_spec.name = "image"
    body = call(image, "PredictionService", "GetModelMetadata", metadata).body
    packed = parse(tfserving_pb2.GetModelMetadataResponse, body).metadata["signature_def"]
    assert packed.type_url == "type.googleapis.com/tensorflow.serving.SignatureDefMap"
    signature = parse(tfserving_pb2.SignatureDefMap, packed.value).signature_def["serving_default"]
    assert [dim.size for dim in signature.inputs["x"].tensor_shape.dim] == [-1, 1, 8, 8]
    assert signature.outputs["logits"].dtype == tfserving_pb2.DT_FLOAT

    status.model_spec.name = "nope"
    assert call(image, "ModelService", "GetModelStatus", status).status == "grpc_5"
    assert call(image, "ModelService", "Nope", status).status == "grpc_12"


def test_concurrent_callers_get_their_own_answers(words: Running) -> None:
    inputs, outputs = golden("words", 4)
    failures: list[object] = []

    def work(row: int) -> None:
        wire = TFSERVING_WIRES[row % 3]
        arrays = {name: array[row % 4 : row % 4 + 1] for name, array in inputs.items()}
        body = WIRES[wire].encode_request("words", specs("words", "inputs"), arrays)
        client = words.client(wire)
        for _ in range(50):
            reply = client.post(body)
            if reply.status != "ok":
                failures.append(reply)
                continue
            found = WIRES[wire].decode_reply(specs("words", "outputs"), reply)
            if not np.allclose(found["total"], outputs["total"][row % 4 : row % 4 + 1], atol=1e-3):
                failures.append(found)

    threads = [threading.Thread(target=work, args=(row,)) for row in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []


@pytest.mark.parametrize("model", ["image", "words"])
def test_it_speaks_torchserves_wires_where_it_is_told_to(start: Start, model: str) -> None:
    server = start(LEAN[0], model, FP32, "--wires", ",".join(TORCHSERVE_WIRES), "--queue", "0")
    inputs, outputs = golden(model, 3)
    for wire in TORCHSERVE_WIRES:
        close_to(predict(server, wire, inputs), outputs)
        body = WIRES[wire].encode_request("nobody", specs(model, "inputs"), inputs)
        assert server.client(wire, "nobody").post(body).status in ("http_404", "grpc_5")
    refused = server.client("torchserve-rest").post(b"{}")
    assert refused.status == "http_400" and '"code":400' in refused.message
    assert json.loads(server.client("torchserve-rest").get("/ping").body) == {"status": "Healthy"}
    assert server.client("torchserve-rest").get(f"/v1/models/{model}").status == "http_404"


def test_wires_of_two_families_are_refused(tmp_path: Path) -> None:
    mixed = f"{TFSERVING_WIRES[0]},{TORCHSERVE_WIRES[0]}"
    process = spawn(LEAN[0], "image", FP32, free_ports(), tmp_path, "--wires", mixed)
    _, errors = process.communicate(timeout=600)
    assert process.returncode == 1 and mixed.replace(",", ", ") in errors and "Traceback" not in errors


def test_metrics_count_requests_by_protocol_and_code(start: Start) -> None:
    server = start("lean-tflite", "image", FP32)
    inputs, _ = golden("image", 1)
    for wire in TFSERVING_WIRES:
        predict(server, wire, inputs)
    server.client("tfserving-grpc").post(frame(b""))
    expected = (
        'bakeoff_requests_total{code="200",protocol="binary"} 1.0',
        'bakeoff_requests_total{code="OK",protocol="grpc"} 1.0',
        'bakeoff_requests_total{code="INVALID_ARGUMENT",protocol="grpc"} 1.0',
        "bakeoff_compute_microseconds_count 3.0",
        "bakeoff_requests_in_flight 0.0",
    )
    deadline = time.monotonic() + 600  # a call is counted when its answer is sent, which the caller may see before
    page = ""
    while not all(line in page for line in expected) and time.monotonic() < deadline:
        page = server.client("tfserving-rest").get("/metrics").body.decode()
    for line in expected:
        assert line in page


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_cleanly_with_clients_connected(start: Start, number: int) -> None:
    server = start("lean-tflite", "image", FP32)
    inputs, _ = golden("image", 1)
    clients = [server.client(wire) for wire in TFSERVING_WIRES]
    for client, wire in zip(clients, TFSERVING_WIRES, strict=True):
        assert client.post(WIRES[wire].encode_request("image", specs("image", "inputs"), inputs)).status == "ok"
    started = time.monotonic()
    server.process.send_signal(number)
    assert server.process.wait(10) == 0
    assert time.monotonic() - started < 5


@pytest.mark.parametrize("which", ["rest", "grpc"])
def test_a_taken_port_is_a_clear_error(start: Start, tmp_path: Path, which: str) -> None:
    server = start("lean-tflite", "image", FP32)
    ports = (server.rest_port, free_ports()[0]) if which == "rest" else (free_ports()[0], server.grpc_port)
    process = spawn("lean-tflite", "image", FP32, ports, tmp_path)
    _, errors = process.communicate(timeout=600)
    taken = ports[0] if which == "rest" else ports[1]
    assert process.returncode == 1
    assert f"can't listen on 127.0.0.1:{taken}: the port is taken; give another with --{which}-port" in errors


def test_an_artifact_that_the_runtime_can_not_load(tmp_path: Path) -> None:
    process = spawn("lean-tflite", "image", "tflite-dynamic", free_ports(), tmp_path)
    _, errors = process.communicate(timeout=600)
    assert process.returncode == 65
    assert "Didn't find op for builtin opcode 'FULLY_CONNECTED' version '12'" in errors.splitlines()[-1]


def test_a_missing_artifact_says_what_to_do(tmp_path: Path) -> None:
    process = spawn("lean-tflite", "image", "tflite-fp16", free_ports(), tmp_path)
    _, errors = process.communicate(timeout=600)
    assert process.returncode == 1
    assert "tflite-fp16" in errors


@pytest.mark.parametrize(
    ("target", "format", "ok"),
    [
        ("lean-tflite", FP32, True),
        ("lean-tflite", "tflite-dynamic", False),
        ("lean-tflite", "tflite-int8", True),
        ("lean-litert", FP32, True),
        ("lean-litert", "tflite-dynamic", True),
        ("lean-litert", "tflite-int8", True),
    ],
)
def test_check_says_whether_the_runtime_can_run_the_artifact(
    tmp_path: Path, target: str, format: str, ok: bool
) -> None:
    process = spawn(target, "image", format, free_ports(), tmp_path, "--check", str(tmp_path / "own.npz"))
    output, _ = process.communicate(timeout=600)
    result = json.loads(output)
    assert (process.returncode, result["ok"]) == ((0, True) if ok else (65, False))
    assert result["format"] == format
    assert result["runtime"].startswith("tflite-runtime 2.14.0" if target == "lean-tflite" else "ai-edge-litert 2.3.0")
    if not ok:
        assert "FULLY_CONNECTED" in result["message"]
        return
    with np.load(tmp_path / "own.npz") as own, np.load(TINY / "image" / "golden.npz") as golden:
        for name in own.files:
            assert own[name].shape == golden[f"torch:{name}"].shape
    if format == FP32:
        assert result["max_abs_error"] < 1e-4
    else:
        assert 1e-4 < result["max_abs_error"] < 0.5
