"""The Flask server's REST application and its gRPC methods, over both families of wires. Needs torch and Flask."""

from __future__ import annotations

import io
import json
import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

os.environ["PROMETHEUS_MULTIPROC_DIR"] = tempfile.mkdtemp()  # read when prometheus_client is imported
torch = pytest.importorskip("torch")
pytest.importorskip("flask")
pytest.importorskip("prometheus_client")

SERVING = Path(__file__).resolve().parents[3] / "serving"
IMPORT_FROM = [str(SERVING / "flask"), str(SERVING / "shared")]
RAW, JSON = "application/octet-stream", "application/json"
TORCHSERVE = "torchserve-rest,torchserve-binary,torchserve-grpc"
TFSERVING = "tfserving-rest,tfserving-grpc"


class One(torch.nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return 2.0 * x


class Two(torch.nn.Module):
    """Takes any number of ids, and two scales a row."""

    def forward(self, ids: torch.Tensor, scale: torch.Tensor) -> dict[str, torch.Tensor]:
        total = ids.sum(1).float()
        return {"scaled": scale / total[:, None], "sum": total}


def spec(name: str, dtype: str, *shape: int | None) -> dict[str, Any]:
    return {"name": name, "dtype": dtype, "shape": [None, *shape]}


MODELS: dict[str, tuple[Any, tuple[Any, ...], dict[str, Any]]] = {
    "One": (
        One(),
        (torch.ones(2, 2),),
        {"inputs": [spec("x", "float32", 2)], "outputs": [spec("y", "float32", 2)], "lengths": []},
    ),
    "Two": (
        Two(),
        (torch.ones(2, 3, dtype=torch.int64), torch.ones(2, 2)),
        {
            "inputs": [spec("ids", "int64", None), spec("scale", "float32", 2)],
            "outputs": [spec("scaled", "float32", 2), spec("sum", "float32")],
            "lengths": [2, 5],
        },
    ),
}


@pytest.fixture(scope="module")
def artifacts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("artifacts")
    for name, (module, example, described) in MODELS.items():
        (root / name / "torchscript" / "2").mkdir(parents=True)
        traced = torch.jit.trace(module.eval(), example, strict=False)
        torch.jit.save(traced, str(root / name / "torchscript" / "2" / "model.pt"))
        (root / name / "torchscript" / "manifest.json").write_text('{"file": "2/model.pt"}')
        more = {"name": name, "sha256": "", "atol": 1e-4, "rtol": 0.0}
        (root / name / "model.json").write_text(json.dumps(described | more))
    return root


def arguments(artifacts: Path, model: str, wires: str) -> list[str]:
    text = f"--model {model} --model-dir {artifacts / model} --format torchscript --engine torchscript --wires {wires}"
    return text.split()


@pytest.fixture(scope="module")
def client(artifacts: Path) -> Iterator[Callable[..., Any]]:
    """A client of the application for a model and wires; each application is made once."""
    sys.path[:0] = IMPORT_FROM
    from app import create_app

    made: dict[tuple[str, str], Any] = {}

    def client_of(wires: str, model: str = "One") -> Any:
        if (wires, model) not in made:
            made[wires, model] = create_app(arguments(artifacts, model, wires)).test_client()
        return made[wires, model]

    yield client_of
    del sys.path[: len(IMPORT_FROM)]


def predict(client: Any, body: bytes | str, model: str = "One") -> tuple[int, Any]:
    """Ask as a caller of TensorFlow Serving does."""
    reply = client.post(f"/v1/models/{model}:predict", data=body)
    return reply.status_code, json.loads(reply.get_data())


def post(client: Any, body: bytes, content_type: str = RAW, name: str = "One", **more: Any) -> tuple[int, bytes]:
    """Ask as a caller of TorchServe does."""
    reply = client.post(f"/predictions/{name}", data=body, content_type=content_type, **more)
    return reply.status_code, reply.get_data()


def test_torchserves_wire_answers_as_asked(client: Callable[..., Any]) -> None:
    torchserve = client(TORCHSERVE)
    row = torch.tensor([[1.0, 2.5]])
    assert post(torchserve, row.numpy().tobytes()) == (200, (2 * row).numpy().tobytes())
    status, body = post(torchserve, b'{"instances": [[1.0, 2.5]]}', f"{JSON}; charset=utf-8")
    assert status == 200 and json.loads(body) == {"predictions": [[2.0, 5.0]]}
    assert torchserve.get("/ping").get_json() == {"status": "Healthy"}


def test_tfservings_wire_has_row_and_columnar_format(client: Callable[..., Any]) -> None:
    tfserving = client(TFSERVING)
    rows, columns = {"predictions": [[2.0, 5.0]]}, {"outputs": [[2.0, 5.0]]}
    assert predict(tfserving, '{"instances": [[1, 2.5]]}') == (200, rows)
    assert predict(tfserving, '{"instances": [{"x": [1, 2.5]}]}') == (200, rows)
    assert predict(tfserving, '{"inputs": [[1, 2.5]]}') == (200, columns)
    assert predict(tfserving, '{"inputs": {"x": [[1, 2.5]]}}') == (200, columns)
    infinite = tfserving.post("/v1/models/One:predict", data='{"inputs": [[1e39, -1e39]]}')
    assert infinite.get_data(as_text=True) == '{"outputs": [[Infinity, -Infinity]]}', "infinities are bare tokens"


def test_several_inputs_and_outputs(client: Callable[..., Any]) -> None:
    rows = '{"instances": [{"ids": [1, 1], "scale": [1, 2]}, {"ids": [3, 1], "scale": [4, 8]}]}'
    expected = [{"scaled": [0.5, 1.0], "sum": 2.0}, {"scaled": [1.0, 2.0], "sum": 4.0}]
    assert predict(client(TFSERVING, "Two"), rows, "Two") == (200, {"predictions": expected})
    status, body = post(client(TORCHSERVE, "Two"), rows.encode(), JSON, "Two")
    assert status == 200 and json.loads(body) == {"predictions": expected}
    columns = '{"inputs": {"ids": [[1, 1], [3, 1]], "scale": [[1, 2], [4, 8]]}}'
    outputs = {"scaled": [[0.5, 1.0], [1.0, 2.0]], "sum": [2.0, 4.0]}
    assert predict(client(TFSERVING, "Two"), columns, "Two") == (200, {"outputs": outputs})


@pytest.mark.parametrize(
    ("body", "content_type", "name", "status", "says"),
    [
        (b"", RAW, "One", 400, "each 8 bytes"),
        (b'{"inst', JSON, "One", 400, "not JSON"),
        (b"[" * 100_000, JSON, "One", 400, "not JSON"),
        (b"[]", JSON, "One", 400, '{"instances": [row, ...]}'),
        (bytes(8), "text/plain", "One", 400, "content type is text/plain"),
        (bytes(8), RAW, "nope", 404, "Model not found: nope"),
        (bytes(20_000_001), RAW, "One", 413, "largest request is 20000000 bytes"),
    ],
)
def test_wrong_requests_of_torchserves_wire_say_why_and_the_next_one_works(
    client: Callable[..., Any], body: bytes, content_type: str, name: str, status: int, says: str
) -> None:
    got, reply = post(client(TORCHSERVE), body, content_type, name)
    assert got == status and json.loads(reply)["code"] == status and says in json.loads(reply)["message"]
    assert post(client(TORCHSERVE), bytes(8))[0] == 200


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ("", "not JSON"),
        ("[1.0]", "must be a JSON object"),
        ("{}", "Missing 'inputs' or 'instances' key"),
        ("[" * 100_000, "not JSON"),
        ('{"instances": []}', "isn't empty"),
        ('{"instances": [["a", "b"]]}', "not all of dtype float32"),
        ('{"instances": [[1, 2], [1]]}', "ragged"),
        ('{"instances": [[1, 2, 3]]}', "x has shape [1, 3]"),
        ('{"inputs": {"z": 1}}', "inputs are z"),
        ('{"signature_name": "nope", "instances": [[1, 2]]}', '"nope" not found in signature def'),
    ],
)
def test_wrong_bodies_of_tfservings_wire_say_why_and_the_next_one_works(
    client: Callable[..., Any], body: str, says: str
) -> None:
    status, document = predict(client(TFSERVING), body)
    assert status == 400 and says in document["error"]
    assert predict(client(TFSERVING), '{"instances": [[1, 2]]}')[0] == 200


@pytest.mark.parametrize(
    ("method", "path", "status", "says"),
    [
        ("POST", "/v1/models/nope:predict", 404, "Servable not found for request: Latest(nope)"),
        ("POST", "/v1/models/One/versions/1:predict", 404, "Servable not found for request: Specific(One, 1)"),
        ("GET", "/v1/models/One:predict", 400, "Malformed request: GET /v1/models/One:predict"),
        ("DELETE", "/v1/models/One", 400, "Malformed request: DELETE /v1/models/One"),
        ("GET", "/v1/models/nope", 404, "Could not find any versions of model nope"),
    ],
)
def test_wrong_paths_are_refused_as_by_tf_serving(
    client: Callable[..., Any], method: str, path: str, status: int, says: str
) -> None:
    reply = client(TFSERVING).open(path, method=method, data=b"{}")
    assert (reply.status_code, reply.get_json()["error"]) == (status, says)


def test_without_the_binary_wire_no_binary_body_is_taken(client: Callable[..., Any]) -> None:
    reply = client(TFSERVING).post("/v1/models/One:predict", data=bytes(8), content_type=RAW)
    assert reply.status_code == 400


def test_status_and_metadata_tell_the_version(client: Callable[..., Any]) -> None:
    ok = {"error_code": "OK", "error_message": ""}
    status = client(TFSERVING).get("/v1/models/One").get_json()
    assert status == {"model_version_status": [{"version": "2", "state": "AVAILABLE", "status": ok}]}
    metadata = client(TFSERVING).get("/v1/models/One/versions/2/metadata").get_json()
    info = metadata["metadata"]["signature_def"]["signature_def"]["serving_default"]["inputs"]["x"]
    assert info["dtype"] == "DT_FLOAT" and [dim["size"] for dim in info["tensor_shape"]["dim"]] == ["-1", "2"]


def counted(page: str, series: str) -> float:
    return sum(float(line.rsplit(" ", 1)[1]) for line in page.splitlines() if line.startswith(series + " "))


def test_metrics_count_predictions_by_code(client: Callable[..., Any]) -> None:
    series = [f'bakeoff_requests_total{{code="{code}",protocol="rest"}}' for code in (200, 400)]
    series.append('bakeoff_inference_seconds_count{protocol="rest"}')
    before = client(TFSERVING).get("/metrics").get_data(as_text=True)
    for body in ('{"instances": [[1, 2]]}', '{"instances": [[1, 2]]}', "{}"):
        predict(client(TFSERVING), body)
    client(TFSERVING).get("/v1/models/One")
    after = client(TFSERVING).get("/metrics").get_data(as_text=True)
    assert [counted(after, each) - counted(before, each) for each in series] == [2, 1, 2]


def test_an_oversize_body_of_unknown_length_is_refused_and_not_cut(client: Callable[..., Any]) -> None:
    reply = client(TORCHSERVE).post(
        "/predictions/One",
        input_stream=io.BytesIO(bytes(20_000_016)),  # whole rows at the limit too
        content_type=RAW,
        environ_overrides={"wsgi.input_terminated": True},
        headers={"Transfer-Encoding": "chunked"},
    )
    assert reply.status_code == 413


class BrokenOff(io.RawIOBase):
    """A body as gunicorn gives it whose chunks end early."""

    def read(self, size: int = -1) -> bytes:
        raise OSError("No more data after: None")


def test_a_body_that_breaks_off_is_the_callers_fault(client: Callable[..., Any]) -> None:
    body = {"wsgi.input": BrokenOff(), "wsgi.input_terminated": True}
    reply = client(TORCHSERVE).post("/predictions/One", content_type=RAW, environ_overrides=body)
    assert reply.status_code == 400 and "can't be read" in reply.get_json()["message"]


@pytest.mark.parametrize(("wires", "path"), [(TORCHSERVE, "/predictions/One"), (TFSERVING, "/v1/models/One:predict")])
def test_it_describes_itself(client: Callable[..., Any], wires: str, path: str) -> None:
    described = client(wires).get("/openapi.json").get_json()["paths"][path]["post"]["requestBody"]["content"]
    body = described[JSON]["schema"]
    row = body.get("oneOf", [body])[0]["properties"]["instances"]["items"]
    assert (row["minItems"], row["maxItems"]) == (2, 2)
    assert (RAW in described) == (wires == TORCHSERVE)


def test_grpc_answers_and_refuses(client: Callable[..., Any], artifacts: Path) -> None:
    pytest.importorskip("grpc")
    import numpy as np
    from flask_model import load
    from request_error import RequestError

    from bakeoff.schema import TensorSpec
    from bakeoff.wire import WIRES, Reply, WireError
    from bakeoff.wire.grpc_message import unframe

    inputs, outputs = (TensorSpec("x", "float32", (None, 2)),), (TensorSpec("y", "float32", (None, 2)),)
    for wires in (TORCHSERVE, TFSERVING):
        served, predictor = load(arguments(artifacts, "One", wires), "grpc")
        wire = WIRES[wires.split(",")[-1]]
        method = served.grpc_methods[wire.path("One")]
        assert method.predicts
        body = unframe(wire.encode_request("One", inputs, {"x": np.float32([[1, 2.5]])}))
        answer = wire.decode_reply(outputs, Reply(method.answer(body, predictor)))
        assert answer["y"].tolist() == [[2.0, 5.0]]
        with pytest.raises(RequestError, match="nope"):
            method.answer(unframe(wire.encode_request("nope", inputs, {"x": np.float32([[1, 2]])})), predictor)
        with pytest.raises(WireError):
            method.answer(b"", predictor)
