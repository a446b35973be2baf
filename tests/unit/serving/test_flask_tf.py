"""flask-tf's REST application and gRPC servicers on a small SavedModel. Needs TensorFlow and its serving API."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

pytest.importorskip("tensorflow_serving", reason="tensorflow-serving-api is not installed here")
pytest.importorskip("flask")

SERVING = Path(__file__).resolve().parents[3] / "serving"

MAKE = """
import sys, tensorflow as tf
from pathlib import Path
class Two(tf.Module):
    @tf.function(input_signature=[tf.TensorSpec([None, None], tf.int64, "ids"),
                                  tf.TensorSpec([None, 2], tf.float32, "scale")])
    def f(self, ids, scale):
        total = tf.cast(tf.reduce_sum(ids, 1), tf.float32)
        return {"sum": total, "scaled": scale / total[:, None]}
class One(tf.Module):
    @tf.function(input_signature=[tf.TensorSpec([None, 2], tf.float32, "x")])
    def f(self, x):
        return {"y": 2.0 * x}
for module in (One(), Two()):
    for version in ("1", "002"):
        folder = f"{sys.argv[1]}/{type(module).__name__}/savedmodel/{version}"
        tf.saved_model.save(module, folder, signatures={"serving_default": module.f})
    (Path(folder).parents[1] / "model.json").write_text('{"lengths": [2, 5]}' if isinstance(module, Two) else "{}")
"""

REST = """
import json, sys
from app import create_app
model, folder = sys.argv[1:]
client = create_app(model, folder, 1).test_client()
replies = []
for method, path, body in json.load(sys.stdin):
    reply = client.open(path, method=method, data=body.encode())
    replies.append([reply.status_code, reply.get_data(as_text=True)])
json.dump(replies, sys.stdout)
"""

DECODE = """
import json, sys
import numpy as np, tensorflow as tf
from pathlib import Path
from grpc_server import decode_inputs
from saved_model import SavedModel, ServingError
served = SavedModel("One", Path(sys.argv[1]) / "savedmodel", 1, "grpc")
inputs = served.inputs("serving_default")
proto = tf.make_tensor_proto(np.ones((3, 2), np.float32))
short = tf.make_tensor_proto(np.float32([[1.0, 1.0]])); short.tensor_content = b""; short.float_val[:] = [7.0, 8.0]
huge = tf.make_tensor_proto(np.float32([[1.0, 1.0]])); huge.tensor_content = b""; huge.float_val[:] = [1.0]
huge.tensor_shape.dim[0].size = 10**15
cut = tf.make_tensor_proto(np.ones((3, 2), np.float32)); cut.tensor_content = cut.tensor_content[:5]
odd = tf.make_tensor_proto(np.ones((3, 2), np.float32)); odd.dtype = 65
def attempt(protos):
    try:
        return {name: array.tolist() for name, array in decode_inputs(protos, inputs).items()}
    except ServingError as error:
        return f"{error.code}: {error}"
cases = {"good": {"x": proto}, "short": {"x": short}, "huge": {"x": huge}, "cut": {"x": cut},
         "odd": {"x": odd}, "none": {},
         "double": {"x": tf.make_tensor_proto(np.ones((3, 2)))},
         "shape": {"x": tf.make_tensor_proto(np.ones((3, 5), np.float32))}}
json.dump({name: attempt(protos) for name, protos in cases.items()}, sys.stdout)
"""


def run(code: str, folder: Path, *arguments: str, stdin: str = "") -> str:
    """Run code as the server's programs are: in a process of their own, with their import path."""
    metrics = folder / "metrics"
    metrics.mkdir(exist_ok=True)
    environment = {
        "PYTHONPATH": os.pathsep.join(map(str, (SERVING / "flask-tf", SERVING / "shared"))),
        "PROMETHEUS_MULTIPROC_DIR": str(metrics),
        "TF_CPP_MIN_LOG_LEVEL": "3",
    }
    command = [sys.executable, "-c", textwrap.dedent(code), *arguments]
    done = subprocess.run(
        command, env=os.environ | environment, input=stdin, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def artifacts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("artifacts")
    run(MAKE, folder, str(folder))
    return folder


def ask(artifacts: Path, model: str, *requests: tuple[str, str, str]) -> list[tuple[int, str]]:
    replies = run(REST, artifacts, model, str(artifacts / model), stdin=json.dumps(requests))
    return [(status, body) for status, body in json.loads(replies)]


def predict(body: str, model: str = "One") -> tuple[str, str, str]:
    return ("POST", f"/v1/models/{model}:predict", body)


def test_row_and_columnar_format(artifacts: Path) -> None:
    bodies = [
        '{"instances": [[1, 2.5]]}',
        '{"instances": [{"x": [1, 2.5]}]}',
        '{"inputs": [[1, 2.5]]}',
        '{"inputs": {"x": [[1, 2.5]]}}',
        '{"inputs": [[1e39, -1e39]]}',
    ]
    replies = ask(artifacts, "One", *map(predict, bodies))
    rows, columns = {"predictions": [[2.0, 5.0]]}, {"outputs": [[2.0, 5.0]]}
    assert [status for status, _ in replies] == [200] * 5
    assert [json.loads(body) for _, body in replies[:4]] == [rows, rows, columns, columns]
    assert replies[4][1] == '{"outputs": [[Infinity, -Infinity]]}', "infinities are bare tokens"


def test_several_inputs_and_outputs(artifacts: Path) -> None:
    rows = '{"instances": [{"ids": [1, 1], "scale": [1, 2]}, {"ids": [3, 1], "scale": [4, 8]}]}'
    columns = '{"inputs": {"ids": [[1, 1], [3, 1]], "scale": [[1, 2], [4, 8]]}}'
    by_row, by_column = ask(artifacts, "Two", predict(rows, "Two"), predict(columns, "Two"))
    expected = [{"scaled": [0.5, 1.0], "sum": 2.0}, {"scaled": [1.0, 2.0], "sum": 4.0}]
    assert json.loads(by_row[1]) == {"predictions": expected}
    assert json.loads(by_column[1]) == {"outputs": {"scaled": [[0.5, 1.0], [1.0, 2.0]], "sum": [2.0, 4.0]}}


def test_wrong_requests_are_worded_as_by_tf_serving_and_the_next_one_works(artifacts: Path) -> None:
    cases = [
        (predict(""), 400, "JSON Parse error: The document is empty"),
        (predict('{"instances": [1.0,'), 400, "JSON Parse error: Invalid value. at offset: 19"),
        (predict("[1.0]"), 400, "JSON Value: [1.0] Is not object"),
        (predict("{}"), 400, "Missing 'inputs' or 'instances' key"),
        (predict("[" * 100_000), 400, "recursion"),
        (predict('{"instances": [%s]}' % ("9" * 5000)), 400, "JSON Parse error"),
        (predict('{"instances": 1.0}'), 400, "Expecting 'instances' to be an list/array"),
        (predict('{"instances": []}'), 400, "No values in 'instances' array"),
        (predict('{"instances": ["a"]}'), 400, 'JSON Value: ["a"] is not of expected type: float'),
        (predict('{"instances": [[true, false]]}'), 400, "is not of expected type: float"),
        (predict('{"instances": [[1, 2], [1]]}'), 400, "unexpected size"),
        (predict('{"instances": [[1, 2, 3]]}'), 400, "input x has shape [1, 3], expected (None, 2)"),
        (predict('{"instances": [{"z": 1}]}'), 400, "does not have named input: z"),
        (predict('{"inputs": {"z": 1}}'), 400, "Missing named input: x in 'inputs' object."),
        (predict('{"signature_name": "nope", "instances": [1]}'), 400, '"nope" not found in signature def'),
        (predict('{"instances": [[1, 2]]}', "nope"), 404, "Servable not found for request: Latest(nope)"),
        (("POST", "/v1/models/One/versions/1:predict", "{}"), 404, "Servable not found for request: Specific(One, 1)"),
        (("GET", "/v1/models/One:predict", ""), 400, "Malformed request: GET /v1/models/One:predict"),
        (("DELETE", "/v1/models/One", ""), 400, "Malformed request: DELETE /v1/models/One"),
        (("GET", "/v1/models/nope", ""), 404, "Could not find any versions of model nope"),
        (predict(" " * 20_000_001), 413, "largest request is 20000000 bytes"),
    ]
    good = predict('{"instances": [[1, 2]]}')
    replies = ask(artifacts, "One", *(request for request, _, _ in cases), good)
    for (request, status, says), reply in zip(cases, replies[:-1], strict=True):
        assert reply[0] == status, request
        assert says in json.loads(reply[1])["error"]
    assert replies[-1][0] == 200


def test_status_and_metadata_tell_the_newest_version(artifacts: Path) -> None:
    status, metadata, missing = ask(
        artifacts,
        "One",
        ("GET", "/v1/models/One", ""),
        ("GET", "/v1/models/One/versions/2/metadata", ""),
        ("GET", "/v1/models/One/versions/1", ""),
    )
    ok = {"error_code": "OK", "error_message": ""}
    assert json.loads(status[1]) == {"model_version_status": [{"version": "2", "state": "AVAILABLE", "status": ok}]}
    spec = json.loads(metadata[1])["metadata"]["signature_def"]["signature_def"]["serving_default"]["inputs"]["x"]
    assert spec["dtype"] == "DT_FLOAT" and [dim["size"] for dim in spec["tensor_shape"]["dim"]] == ["-1", "2"]
    assert missing[0] == 404
    assert json.loads(missing[1]) == {"error": "Could not find version 1 of model One"}


def test_metrics_count_predictions_by_code(artifacts: Path) -> None:
    (artifacts / "metrics").mkdir(exist_ok=True)
    for stale in (artifacts / "metrics").iterdir():
        stale.unlink()
    good, wrong = predict('{"instances": [[1, 2]]}'), predict("{}")
    page = ask(artifacts, "One", good, good, wrong, ("GET", "/v1/models/One", ""), ("GET", "/metrics", ""))[-1][1]
    assert 'bakeoff_requests_total{code="200",protocol="rest"} 2.0' in page
    assert 'bakeoff_requests_total{code="400",protocol="rest"} 1.0' in page
    assert 'bakeoff_inference_seconds_count{protocol="rest"} 2.0' in page


def test_grpc_tensors_are_decoded_or_refused_without_allocating_what_they_claim(artifacts: Path) -> None:
    results = json.loads(run(DECODE, artifacts, str(artifacts / "One")))
    assert results["good"] == {"x": [[1.0, 1.0]] * 3}
    assert results["short"] == {"x": [[7.0, 8.0]]}
    assert "more than 20000000 bytes" in results["huge"]
    assert results["cut"].startswith("INVALID_ARGUMENT: tensor parsing error: x")
    assert "Expects arg[0] to be float32 but 65 is provided" in results["odd"]
    assert "Missing but required: {x}" in results["none"]
    assert "Expects arg[0] to be float32 but float64 is provided" in results["double"]
    assert "shape [3, 5], expected (None, 2)" in results["shape"]
