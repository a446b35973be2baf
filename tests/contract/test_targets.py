"""One suite for every endpoint of every target: what it answers, how it refuses, and that a refusal harms nobody."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from wire_client import model_of

from bakeoff.artifacts.golden import Golden
from bakeoff.host.catalog import load_targets, program_of
from bakeoff.measure.requests import encode_request
from bakeoff.platforms.deploy import Deployment
from bakeoff.platforms.verify import Expected, canary
from bakeoff.schema import CLIENT_FLOOR, Endpoint, TensorSpec
from bakeoff.wire import WIRES
from bakeoff.wire.client import Client, Reply
from bakeoff.wire.grpc_message import frame, serialize
from bakeoff.wire.proto.tfserving_pb2 import PredictRequest
from bakeoff.wire.proto.torchserve_pb2 import PredictionsRequest

TARGETS = load_targets()
# The client floor has one fixed answer: nothing of the contract but a prediction's form.
ALL = [(target.name, wire) for target in TARGETS.values() for wire in target.wires if target.name != CLIENT_FLOOR]
every_endpoint = pytest.mark.parametrize("endpoint", ALL, indirect=True, ids=lambda pair: f"{pair[0]}-{pair[1]}")

# What a refusal is called over REST and over gRPC.
INVALID, UNKNOWN, OVERSIZE = ("http_400", "grpc_3"), ("http_404", "grpc_5"), ("http_413", "grpc_8")

# Where a real server answers otherwise: TorchServe 0.12 says INTERNAL for an unknown model over gRPC and resets the
# stream of an oversize message (HTTP/2 error CANCEL) without a status.
DEVIATIONS = {
    ("torchserve", "unknown model", "grpc"): "grpc_13",
    ("torchserve", "oversize", "grpc"): "reset",
}
# echo parses no JSON and no numbers: it answers whatever comes with its fixed reply.
ECHO_ANSWERS = {("tfserving-rest", "wrong shape"), ("tfserving-rest", "wrong dtype")} | {
    (f"{family}-{protocol}", case)
    for family in ("torchserve", "tfserving")
    for protocol in ("rest", "binary", "grpc")
    for case in ("wrong shape", "wrong dtype")
}


def ask(endpoint: Endpoint, body: bytes, model: str | None = None, inputs: tuple[TensorSpec, ...] = ()) -> Reply:
    """Send a body as it is."""
    client = Client(endpoint, model_of(model or endpoint.model, inputs), 20)
    try:
        return client.post(body)
    finally:
        client.close()


def encoded(endpoint: Endpoint, golden: Golden, **changes: Any) -> tuple[bytes, tuple[TensorSpec, ...]]:
    """Return a request of another shape, dtype or model name, with the specs it was made by."""
    shape, dtype = changes.get("shape", (1, 1, 8, 8)), changes.get("dtype", "float32")
    (spec,) = golden.model.inputs
    inputs = (TensorSpec(spec.name, dtype, (None, *shape[1:])),)
    arrays = {spec.name: np.ones(shape, dtype)}
    return WIRES[endpoint.wire].encode_request(changes.get("model", endpoint.model), inputs, arrays), inputs


def wrong_shape(endpoint: Endpoint, golden: Golden) -> Reply:
    body, inputs = encoded(endpoint, golden, shape=(1, 1, 8, 7))
    return ask(endpoint, body, inputs=inputs)


def wrong_dtype(endpoint: Endpoint, golden: Golden) -> Reply:
    if endpoint.protocol == "rest":  # JSON has one kind of number, so a string is what can be wrong
        body, _ = encoded(endpoint, golden)
        return ask(endpoint, re.sub(rb"\d+\.\d+", b'"one"', body), inputs=golden.model.inputs)
    body, inputs = encoded(endpoint, golden, dtype="int64")
    return ask(endpoint, body, inputs=inputs)


def empty_body(endpoint: Endpoint, golden: Golden) -> Reply:
    if endpoint.protocol != "grpc":
        return ask(endpoint, b"", inputs=golden.model.inputs)
    message: Any
    if endpoint.wire == "torchserve-grpc":
        message = PredictionsRequest(model_name=endpoint.model)
        message.input["body"] = b""
    else:
        message = PredictRequest()
        message.model_spec.name = endpoint.model
    return ask(endpoint, frame(serialize(message)))


def unknown_model(endpoint: Endpoint, golden: Golden) -> Reply:
    body, inputs = encoded(endpoint, golden, model="nobody")
    return ask(endpoint, body, model="nobody", inputs=inputs)


def oversize(endpoint: Endpoint, golden: Golden) -> Reply:
    body, inputs = encoded(endpoint, golden, shape=(82_000, 1, 8, 8))  # 21 MB as float32
    return ask(endpoint, body, inputs=inputs)


REFUSALS: dict[str, tuple[Callable[[Endpoint, Golden], Reply], tuple[str, str]]] = {
    "wrong shape": (wrong_shape, INVALID),
    "wrong dtype": (wrong_dtype, INVALID),
    "empty body": (empty_body, INVALID),
    "unknown model": (unknown_model, UNKNOWN),
    "oversize": (oversize, OVERSIZE),
}


@every_endpoint
@pytest.mark.parametrize("rows", [[0], [5], [1, 2, 3]], ids=["batch-1", "another", "batch-3"])
def test_predictions_are_the_artifacts(endpoint: Endpoint, deployment: Deployment, rows: list[int]) -> None:
    golden = deployment.golden
    reply = ask(endpoint, encode_request(golden, endpoint.wire, rows).body, inputs=golden.model.inputs)
    assert reply.status == "ok", reply.message
    if endpoint.target == "echo":
        return
    answer = WIRES[endpoint.wire].decode_reply(golden.model.outputs, reply)
    error, ok = deployment.expected(endpoint.target, endpoint.format).error_of(rows, answer)
    assert ok and error < 1e-4


@pytest.mark.parametrize("endpoint", [(CLIENT_FLOOR, wire) for wire in TARGETS[CLIENT_FLOOR].wires], indirect=True)
def test_the_client_floor_has_the_first_golden_answer_for_all(endpoint: Endpoint, deployment: Deployment) -> None:
    golden = deployment.golden
    for rows in ([0], [5], [0]):
        reply = ask(endpoint, encode_request(golden, endpoint.wire, rows).body, inputs=golden.model.inputs)
        assert reply.status == "ok", reply.message
        answer = WIRES[endpoint.wire].decode_reply(golden.model.outputs, reply)
        assert Expected(golden, golden.outputs("torch")).error_of([0], answer)[1]


@every_endpoint
@pytest.mark.parametrize("case", REFUSALS)
def test_a_wrong_request_is_refused_and_harms_nobody(endpoint: Endpoint, deployment: Deployment, case: str) -> None:
    send, (rest, grpc) = REFUSALS[case]
    expected = grpc if endpoint.protocol == "grpc" else rest
    expected = DEVIATIONS.get((endpoint.target, case, endpoint.protocol), expected)
    reply = send(endpoint, deployment.golden)
    if endpoint.target == "echo" and (endpoint.wire, case) in ECHO_ANSWERS and reply.status == "ok":
        return
    assert reply.status == expected, f"{reply.message} {reply.body[:200]!r}"
    if endpoint.target != "torchserve" or case != "oversize":  # whose 413 has no body
        assert reply.message
    assert canary(endpoint, deployment.golden) is None


@pytest.mark.parametrize("endpoint", [p for p in ALL if p[1] == "tfserving-rest"], indirect=True, ids=lambda p: p[0])
def test_model_status_as_tensorflow_serving_tells_it(endpoint: Endpoint) -> None:
    client = Client(endpoint, model_of(endpoint.model), 10)
    (row,) = json.loads(client.get(f"/v1/models/{endpoint.model}").body)["model_version_status"]
    assert (row["version"], row["state"], row["status"]) == (
        "1",
        "AVAILABLE",
        {"error_code": "OK", "error_message": ""},
    )
    assert client.get("/v1/models/nobody").status == "http_404"


@pytest.mark.parametrize(
    "endpoint",
    [p for p in ALL if p[1] == "tfserving-rest" and p[0] != "echo"],
    indirect=True,
    ids=lambda p: p[0],
)
def test_metadata_as_tensorflow_serving_tells_it(endpoint: Endpoint, deployment: Deployment) -> None:
    client = Client(endpoint, model_of(endpoint.model), 10)
    metadata = json.loads(client.get(f"/v1/models/{endpoint.model}/metadata").body)
    assert metadata["model_spec"] == {"name": endpoint.model, "signature_name": "", "version": "1"}
    signature = metadata["metadata"]["signature_def"]["signature_def"]["serving_default"]
    (name,) = signature["inputs"]
    assert name == deployment.model.inputs[0].name
    info = signature["inputs"][name]
    assert info["dtype"] == "DT_FLOAT"
    assert [int(dim["size"]) for dim in info["tensor_shape"]["dim"]] == [-1, 1, 8, 8]


@pytest.mark.parametrize("endpoint", [p for p in ALL if p[1] == "torchserve-rest"], indirect=True, ids=lambda p: p[0])
def test_health_as_torchserve_tells_it(endpoint: Endpoint) -> None:
    if endpoint.target == "echo":
        pytest.skip("echo has TensorFlow Serving's status only")
    client = Client(endpoint, model_of(endpoint.model), 10)
    assert json.loads(client.get("/ping").body) == {"status": "Healthy"}


OURS = [target.name for target in TARGETS.values() if program_of(target).parent.name in ("lean", "flask")]


@pytest.mark.parametrize("endpoint", [p for p in ALL if p[0] in OURS], indirect=True, ids=lambda p: f"{p[0]}-{p[1]}")
def test_our_metrics_count_requests(endpoint: Endpoint, deployment: Deployment) -> None:
    rest = next(e for e in deployment.endpoints if e.target == endpoint.target and e.protocol == "rest")
    client = Client(rest, model_of(rest.model), 10)

    def count() -> float:
        text = client.get("/metrics").body.decode()
        return sum(
            float(line.rsplit(" ", 1)[1]) for line in text.splitlines() if re.match(r"\w*requests_total\{", line)
        )

    before = count()
    for _ in range(3):
        assert canary(endpoint, deployment.golden) is None
    assert count() >= before + 3


@pytest.mark.parametrize(
    "endpoint",
    [p for p in ALL if p[0] in OURS and p[1].endswith("rest")],
    indirect=True,
    ids=lambda p: f"{p[0]}-{p[1]}",
)
def test_ours_describe_themselves(endpoint: Endpoint) -> None:
    wire = WIRES[endpoint.wire]
    described = json.loads(Client(endpoint, model_of(endpoint.model), 10).get("/openapi.json").body)
    body = described["paths"][wire.path(endpoint.model)]["post"]["requestBody"]["content"]["application/json"]["schema"]
    instances = body.get("oneOf", [body])[0]["properties"]["instances"]
    sizes = []
    while instances["type"] == "array":
        sizes.append((instances["minItems"], instances.get("maxItems")))
        instances = instances["items"]
    assert sizes == [(1, None), (1, 1), (8, 8), (8, 8)] and instances == {"type": "number"}


def test_targets_that_are_up_are_at_least_ours(deployment: Deployment) -> None:
    available = {name for name, state in deployment.states.items() if state.status == "available"}
    assert available >= {"torchserve", *OURS}
