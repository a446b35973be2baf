"""The codec of the TorchServe wires and the handler, in TorchServe's own context. Needs torch and torchserve."""

from __future__ import annotations

import json
import struct
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
    manifest, config = {"model": {"serializedFile": "model.pt"}}, {"handler": specs}
    return Context("m", str(folder), manifest, 1, None, "0.12.0", model_yaml_config=config)


def ask(handler: ModuleType, context: Context, *requests: tuple[dict[str, Any], Any]) -> list[bytes]:
    """Hand over requests as TorchServe does: headers, among them `explain` if it came over REST, and the body."""
    context.request_ids = {index: str(index) for index in range(len(requests))}
    context.request_processor = [RequestProcessor(headers) for headers, _ in requests]
    return handler.handle([{"body": body} for _, body in requests], context)


def rest(content_type: str) -> dict[str, str]:
    return {"content-type": content_type, "explain": "False"}


def test_all_encodings_of_one_float_input_agree(handler: ModuleType) -> None:
    codec = handler.Codec(IMAGE, LOGITS)
    for body, kind in (
        (json.loads(json.dumps({"instances": ROWS.tolist()})), JSON),
        (bytearray(ROWS.tobytes()), RAW),
        (bytearray(save({"image": ROWS})), SAFETENSORS),
    ):
        np.testing.assert_array_equal(codec.decode(kind, body)["image"], ROWS)


def test_several_inputs_are_rows_of_objects(handler: ModuleType) -> None:
    codec = handler.Codec(TEXT, TWO)
    arrays = codec.decode(JSON, {"instances": [{"ids": [1, 2], "scale": [0.5, 1]}, {"ids": [3, 4], "scale": [2, 3]}]})
    assert arrays["ids"].dtype == np.int64 and arrays["ids"].tolist() == [[1, 2], [3, 4]]
    assert arrays["scale"].dtype == np.float32 and arrays["scale"].tolist() == [[0.5, 1.0], [2.0, 3.0]]
    reply = codec.encode(JSON, {"sum": np.float32([1, 2]), "scaled": np.float32([[1, 2], [3, 4]])})
    expected = [{"sum": 1.0, "scaled": [1.0, 2.0]}, {"sum": 2.0, "scaled": [3.0, 4.0]}]
    assert json.loads(reply) == {"predictions": expected}


@pytest.mark.parametrize(
    ("kind", "body", "says"),
    [
        (JSON, {"instances": [[[1, 2], [3, 4]]]}, "expected [batch, 2, 3]"),
        (JSON, {"instances": [[[1, 2, 3], [4, 5]]]}, "not arrays of one shape"),
        (JSON, {"instances": [[["1", "2", "3"], ["4", "5", "6"]]]}, "not float32"),
        (JSON, {"instances": [[[True] * 3] * 2]}, "not float32"),
        (JSON, {"instances": [[[None] * 3] * 2]}, "not float32"),
        (JSON, {"instances": [[[1e39] * 3] * 2]}, "out of the range"),
        (JSON, {"instances": [{"picture": 1}]}, "keys image"),
        (JSON, {"instances": []}, "at least one row"),
        (JSON, [1, 2], "instances"),
        (RAW, b"", "multiple of 24"),
        (RAW, bytes(25), "multiple of 24"),
        (SAFETENSORS, b"", "not valid safetensors"),
        (SAFETENSORS, bytes(40), "not valid safetensors"),
        (SAFETENSORS, save({"image": ROWS.astype(np.float64)}), "float64, expected float32"),
        (SAFETENSORS, save({"picture": ROWS}), "expected image"),
        (SAFETENSORS, save({"image": ROWS[:0]}), "expected [batch, 2, 3]"),
        ("text/plain", b"x", "content type is text/plain"),
        ("", b"x", "content type is missing"),
    ],
)
def test_wrong_bodies_are_refused_with_the_reason(handler: ModuleType, kind: str, body: Any, says: str) -> None:
    with pytest.raises(handler.BadRequest) as error:
        handler.Codec(IMAGE, LOGITS).decode(kind, body)
    assert says in str(error.value)


def test_batch_sizes_must_agree_and_integers_must_be_integers(handler: ModuleType) -> None:
    codec = handler.Codec(TEXT, TWO)
    body = save({"ids": np.ones((2, 3), np.int64), "scale": np.ones((1, 2), np.float32)})
    with pytest.raises(handler.BadRequest, match="differ in batch size: ids 2, scale 1"):
        codec.decode(SAFETENSORS, body)
    with pytest.raises(handler.BadRequest, match="not int64"):
        codec.decode(JSON, {"instances": [{"ids": [1.5], "scale": [1, 2]}]})
    with pytest.raises(handler.BadRequest, match="application/x-safetensors"):
        codec.decode(RAW, bytes(16))


def test_nan_survives_every_encoding(handler: ModuleType) -> None:
    codec = handler.Codec(IMAGE, LOGITS)
    outputs = {"logits": np.float32([[np.nan, np.inf]])}
    assert json.loads(codec.encode(JSON, outputs))["predictions"][0][1] == np.inf
    assert np.isnan(np.frombuffer(codec.encode(RAW, outputs), "<f4")[0])
    assert np.isnan(load(codec.encode(SAFETENSORS, outputs))["logits"][0, 0])


def test_safetensors_is_told_from_raw_bytes_by_its_header(handler: ModuleType) -> None:
    body = save({"image": ROWS})
    assert handler.is_safetensors(body)
    assert handler.is_safetensors(save({}))
    assert not handler.is_safetensors(body + b"\0\0\0\0"), "the header accounts for every byte"
    assert not handler.is_safetensors(body[:-4])
    assert not handler.is_safetensors(b"")
    assert not handler.is_safetensors(ROWS.tobytes())
    assert not handler.is_safetensors(struct.pack("<Q", 2**63) + b"{}" + bytes(30))
    assert not handler.is_safetensors(struct.pack("<Q", 2) + b"{]" + bytes(30))
    assert not handler.is_safetensors(struct.pack("<Q", 9) + b'{"a":{}} ')


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


def test_wrong_request_is_a_prediction_exception_with_400(handler: ModuleType, tmp_path: Path) -> None:
    context = make_context(tmp_path)
    handler.handle(None, context)
    for headers, body, says in (
        (rest(RAW), bytearray(5), "multiple of 24"),
        (rest(JSON), bytearray(b'{"inst'), "not valid JSON"),
        (rest(JSON), None, "no body"),
        ({}, None, 'no input named "body"'),
    ):
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


def test_raw_bytes_are_answered_with_safetensors_where_the_outputs_need_them(handler: ModuleType) -> None:
    assert handler.Codec(IMAGE, LOGITS).reply_type(RAW) == RAW
    codec = handler.Codec(IMAGE, TWO)
    assert codec.decode(RAW, bytearray(ROWS.tobytes()))["image"].shape == ROWS.shape
    assert [codec.reply_type(asked) for asked in (RAW, SAFETENSORS, JSON)] == [SAFETENSORS, SAFETENSORS, JSON]
