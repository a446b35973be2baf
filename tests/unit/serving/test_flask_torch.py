"""flask-torch's REST application and its proto files. Needs torch, torchserve, Flask and grpcio-tools."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch")
for module in ("ts", "flask", "grpc_tools", "prometheus_client"):
    pytest.importorskip(module)

SERVING = Path(__file__).resolve().parents[3] / "serving"
IMPORT_FROM = [str(SERVING / name) for name in ("flask-torch", "shared", "torchserve")]
RAW = "application/octet-stream"


class SumRows(torch.nn.Module):
    def forward(self, image: torch.Tensor) -> torch.Tensor:
        return image.sum(2)


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    folder = tmp_path_factory.mktemp("m")
    (folder / "torchscript").mkdir()
    torch.jit.save(torch.jit.trace(SumRows().eval(), torch.zeros(2, 2, 3)), str(folder / "torchscript" / "model.pt"))
    spec = {
        "inputs": [{"name": "image", "dtype": "float32", "shape": [None, 2, 3]}],
        "outputs": [{"name": "sums", "dtype": "float32", "shape": [None, 2]}],
    }
    (folder / "model.json").write_text(json.dumps(spec))
    sys.path[:0] = IMPORT_FROM
    from app import create_app

    yield create_app("m", str(folder), 1).test_client()
    del sys.path[: len(IMPORT_FROM)]


def post(client: Any, body: bytes, content_type: str = RAW, name: str = "m", **more: Any) -> tuple[int, bytes]:
    reply = client.post(f"/predictions/{name}", data=body, content_type=content_type, **more)
    return reply.status_code, reply.get_data()


def test_it_answers_as_asked(client: Any) -> None:
    row = [[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]
    sums = torch.tensor(row).sum(1)
    assert post(client, torch.tensor(row).numpy().tobytes()) == (200, sums.numpy().tobytes())
    status, body = post(client, json.dumps({"instances": [row]}).encode(), "application/json; charset=utf-8")
    assert status == 200 and json.loads(body) == {"predictions": [sums.tolist()]}
    assert client.get("/ping").get_json() == {"status": "Healthy"}


@pytest.mark.parametrize(
    ("body", "content_type", "name", "status", "says"),
    [
        (b"", RAW, "m", 400, "multiple of 24"),
        (b'{"inst', "application/json", "m", 400, "not valid JSON"),
        (b"[" * 100_000, "application/json", "m", 400, "not valid JSON"),
        (bytes(24), "text/plain", "m", 400, "content type is text/plain"),
        (bytes(24), RAW, "nope", 404, "Model not found: nope"),
        (bytes(20_000_001), RAW, "m", 413, "largest request is 20000000 bytes"),
    ],
)
def test_wrong_requests_say_why_and_the_next_one_works(
    client: Any, body: bytes, content_type: str, name: str, status: int, says: str
) -> None:
    got, reply = post(client, body, content_type, name)
    assert got == status and says in json.loads(reply)["message"]
    assert post(client, bytes(24))[0] == 200


def test_an_oversize_body_of_unknown_length_is_refused_and_not_cut(client: Any) -> None:
    reply = client.post(
        "/predictions/m",
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


def test_a_body_that_breaks_off_is_the_callers_fault(client: Any) -> None:
    body = {"wsgi.input": BrokenOff(), "wsgi.input_terminated": True}
    reply = client.post("/predictions/m", content_type=RAW, environ_overrides=body)
    assert reply.status_code == 400 and "can't be read" in reply.get_json()["message"]


def test_it_describes_itself(client: Any) -> None:
    described = client.get("/openapi.json").get_json()
    body = described["paths"]["/predictions/m"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    row = body["properties"]["instances"]["items"]
    assert (row["minItems"], row["maxItems"], row["items"]["maxItems"]) == (2, 2, 3)


def test_protos_are_torchserves_own(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from protos import compile_protos; compile_protos(Path.cwd());"
        "sys.path.insert(0, '.'); import inference_pb2, inference_pb2_grpc;"
        "print(inference_pb2.DESCRIPTOR.services_by_name['InferenceAPIsService'].full_name)"
    )
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(IMPORT_FROM)}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "org.pytorch.serve.grpc.inference.InferenceAPIsService"
