"""The handler in TorchServe's own context. Needs torch and torchserve."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("ts", reason="torchserve is not installed here")

import numpy as np  # noqa: E402
from safetensors.numpy import load, save  # noqa: E402
from ts.context import Context, RequestProcessor  # noqa: E402
from ts.utils.util import PredictionException  # noqa: E402

FOLDER = Path(__file__).resolve().parents[3] / "serving" / "torchserve"
JSON, RAW, SAFETENSORS = "application/json", "application/octet-stream", "application/x-safetensors"
IMAGE = [{"name": "image", "dtype": "float32", "shape": [None, 2, 3]}]
LOGITS = [{"name": "logits", "dtype": "float32", "shape": [None, 2]}]
TEXT = [
    {"name": "ids", "dtype": "int64", "shape": [None, None]},
    {"name": "scale", "dtype": "float32", "shape": [None, 2]},
]
TWO = [{"name": "sum", "dtype": "float32", "shape": [None]}, {"name": "scaled", "dtype": "float32", "shape": [None, 2]}]
ROWS = np.arange(18, dtype=np.float32).reshape(3, 2, 3)


@pytest.fixture
def handler() -> Iterator[ModuleType]:
    sys.path.insert(0, str(FOLDER))
    sys.modules.pop("handler", None)  # it keeps its loaded model
    import handler as module

    yield module
    sys.path.remove(str(FOLDER))


class SumRows(torch.nn.Module):
    def forward(self, image: torch.Tensor) -> torch.Tensor:
        return image.sum(2)


class Scale(torch.nn.Module):
    """Takes at least two ids a row, as a model with bounds does."""

    def forward(self, ids: torch.Tensor, scale: torch.Tensor) -> dict[str, torch.Tensor]:
        gaps = torch.nn.functional.avg_pool1d(ids.float()[:, None], 2, 1)[:, 0]
        return {"scaled": scale * gaps.mean(1, keepdim=True), "sum": ids.sum(1).float()}


def make_context(folder: Path) -> Context:
    traced = torch.jit.trace(SumRows().eval(), torch.zeros(2, 2, 3))
    return context_of(folder, traced, {"inputs": IMAGE, "outputs": LOGITS})


def context_of(folder: Path, traced: Any, specs: dict[str, Any]) -> Context:
    torch.jit.save(traced, str(folder / "model.pt"))
    manifest = {"model": {"serializedFile": "model.pt"}}
    config = {"handler": {"name": "m", "sha256": "", "atol": 0.0, "rtol": 0.0, **specs}}
    return Context("m", str(folder), manifest, 1, None, "0.12.0", model_yaml_config=config)


def ask(handler: ModuleType, context: Context, *requests: tuple[dict[str, Any], Any]) -> list[bytes]:
    """Hand over requests as TorchServe does: headers, among them `explain` if it came over REST, and the body."""
    context.request_ids = {index: str(index) for index in range(len(requests))}
    context.request_processor = [RequestProcessor(headers) for headers, _ in requests]
    return handler.handle([{"body": body} for _, body in requests], context)


def rest(content_type: str) -> dict[str, str]:
    return {"content-type": content_type, "explain": "False"}


def test_rest_is_answered_in_its_own_encoding(handler: ModuleType, tmp_path: Path) -> None:
    context = make_context(tmp_path)
    handler.handle(None, context)
    sums = ROWS.sum(2)
    (reply,) = ask(handler, context, (rest(f"{JSON}; charset=utf-8"), {"instances": ROWS.tolist()}))
    assert json.loads(reply) == {"predictions": sums.tolist()}
    assert context.get_response_content_type(0) == JSON
    (reply,) = ask(handler, context, (rest(RAW), bytearray(ROWS.tobytes())))
    assert reply == sums.tobytes() and context.get_response_content_type(0) == RAW
    (reply,) = ask(handler, context, (rest(SAFETENSORS), bytearray(save({"image": ROWS}))))
    np.testing.assert_array_equal(load(reply)["logits"], sums)


def test_grpc_bodies_are_raw_or_safetensors_and_end_the_stream(handler: ModuleType, tmp_path: Path) -> None:
    context = make_context(tmp_path)
    handler.handle(None, context)
    (raw,) = ask(handler, context, ({}, bytearray(ROWS.tobytes())))
    (safe,) = ask(handler, context, ({}, bytearray(save({"image": ROWS}))))
    assert raw == ROWS.sum(2).tobytes() == load(safe)["logits"].tobytes()
    assert context.get_response_headers(0)["ts_stream_next"] == "false", "else StreamPredictions kills the worker"


@pytest.mark.parametrize(
    ("headers", "body", "says"),
    [
        (rest(JSON), {"instances": [[[1, 2], [3, 4]]]}, "the model says [any, 2, 3]"),
        (rest(JSON), {"instances": [[["1", "2", "3"], ["4", "5", "6"]]]}, "not all of dtype float32"),
        (rest(JSON), {"instances": []}, "isn't empty"),
        (rest(JSON), [1, 2], "instances"),
        (rest(JSON), bytearray(b'{"inst'), "not valid JSON"),
        (rest(JSON), None, "no body"),
        (rest(RAW), bytearray(25), "no whole number of rows of image, each 24 bytes"),
        (rest(SAFETENSORS), bytearray(40), "not a safetensors file"),
        (rest(SAFETENSORS), bytearray(save({"image": ROWS.astype(np.float64)})), "float64; the model says float32"),
        (rest(SAFETENSORS), bytearray(save({"image": ROWS[:0]})), "batch of at least one"),
        (rest("text/plain"), bytearray(b"x"), "content type is text/plain"),
        (rest(""), bytearray(b"x"), "content type is missing"),
        ({}, bytearray(5), "no whole number of rows"),
        ({}, None, 'no input named "body"'),
    ],
)
def test_a_wrong_request_is_a_prediction_exception_with_400(
    handler: ModuleType, tmp_path: Path, headers: dict[str, str], body: Any, says: str
) -> None:
    context = make_context(tmp_path)
    handler.handle(None, context)
    with pytest.raises(PredictionException) as error:
        ask(handler, context, (headers, body))
    assert error.value.error_code == 400 and says in error.value.message


def test_one_wrong_request_of_a_batch_does_not_fail_the_others(handler: ModuleType, tmp_path: Path) -> None:
    context = make_context(tmp_path)
    handler.handle(None, context)
    good = (rest(RAW), bytearray(ROWS.tobytes()))
    first, wrong, last = ask(handler, context, good, (rest(RAW), bytearray(5)), good)
    assert first == last == ROWS.sum(2).tobytes()
    assert json.loads(wrong)["code"] == 400
    assert context.get_response_status(1)[0] == 400 and context.get_response_status(0)[0] == 200


def test_a_batch_that_was_never_warm_is_right_too(handler: ModuleType, tmp_path: Path) -> None:
    context = make_context(tmp_path)
    handler.handle(None, context)
    image = np.random.default_rng(0).random((7, 2, 3), dtype=np.float32)
    (reply,) = ask(handler, context, (rest(RAW), bytearray(image.tobytes())))
    np.testing.assert_allclose(np.frombuffer(reply, "<f4").reshape(7, 2), image.sum(2), rtol=1e-6)


def test_several_free_tensors_come_back_by_name_at_any_length(handler: ModuleType, tmp_path: Path) -> None:
    examples = torch.ones(2, 3, dtype=torch.int64), torch.ones(2, 2)
    traced = torch.jit.trace(Scale().eval(), examples, strict=False)
    context = context_of(tmp_path, traced, {"inputs": TEXT, "outputs": TWO, "lengths": [2, 5]})
    handler.handle(None, context)
    for length in (5, 2, 9, 5):
        sent = {"ids": np.full((3, length), 7), "scale": np.float32([[1, 2], [3, 4], [5, 6]])}
        (reply,) = ask(handler, context, (rest(SAFETENSORS), bytearray(save(sent))))
        arrays = load(reply)
        assert arrays["sum"].tolist() == [7.0 * length] * 3
        np.testing.assert_allclose(arrays["scaled"], 7 * sent["scale"])


def test_what_the_model_refuses_is_the_callers_mistake(handler: ModuleType, tmp_path: Path) -> None:
    examples = torch.ones(2, 3, dtype=torch.int64), torch.ones(2, 2)
    traced = torch.jit.trace(Scale().eval(), examples, strict=False)
    context = context_of(tmp_path, traced, {"inputs": TEXT, "outputs": TWO, "lengths": [2]})
    handler.handle(None, context)
    document = {"instances": [{"ids": [1], "scale": [1, 2]}]}
    with pytest.raises(PredictionException, match="the model refuses this input"):
        ask(handler, context, (rest(JSON), document))
    document["instances"][0]["ids"] = [1, 3]
    (reply,) = ask(handler, context, (rest(JSON), document))
    assert json.loads(reply) == {"predictions": [{"sum": 4.0, "scaled": [2.0, 4.0]}]}
