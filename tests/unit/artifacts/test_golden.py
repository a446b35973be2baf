"""Golden rows by length: every length is asked for, in a fixed mixed order, and a batch is of one length."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from bakeoff.artifacts.golden import Golden, load_missing
from bakeoff.errors import BakeoffError, UsageError
from bakeoff.measure.requests import encode_request, request_count
from bakeoff.platforms.verify import Expected
from bakeoff.schema import MissingArtifact, Model, Reason, TensorSpec, quoted
from bakeoff.wire import WireError, rows

LENGTHS = {8: 5, 2: 6, 4: 4}
"""How many golden samples there are of each length."""
TOKENS = TensorSpec("tokens", "int64", (None, None))
TOTAL = TensorSpec("total", "float32", (None,))
MODEL = Model("m", "0" * 64, (TOKENS,), (TOTAL,), 1e-4, 0.0, tuple(LENGTHS))


@pytest.fixture
def golden(tmp_path: Path) -> Golden:
    """Sample k of a length holds k's only; its output is their sum."""
    arrays = {}
    for length, count in LENGTHS.items():
        tokens = np.repeat(np.arange(count)[:, None], length, axis=1)
        arrays |= {f"input:tokens@{length}": tokens, f"tflite-fp32:total@{length}": tokens.sum(1).astype(np.float32)}
    np.savez(tmp_path / "golden.npz", **arrays)
    return Golden(tmp_path / "golden.npz", MODEL)


@pytest.mark.parametrize("batch", [1, 3, 7])
def test_each_length_is_asked_for_equally_often_and_no_batch_mixes_them(golden: Golden, batch: int) -> None:
    asked = [golden.inputs(golden.rows_of(k, batch))["tokens"] for k in range(request_count(len(LENGTHS)))]
    assert {len(tokens) for tokens in asked} == {batch}
    counts = Counter(tokens.shape[1] for tokens in asked)
    assert set(counts) == set(LENGTHS) and len(set(counts.values())) == 1 and min(counts.values()) >= 3
    for length in LENGTHS:
        assert len({tokens.tobytes() for tokens in asked if tokens.shape[1] == length}) > 1


def test_the_order_is_mixed_and_always_the_same(golden: Golden, tmp_path: Path) -> None:
    order = [golden.place(golden.rows_of(k, 1))[0] for k in range(30)]
    assert order == [Golden(tmp_path / "golden.npz", MODEL).place(golden.rows_of(k, 1))[0] for k in range(30)]
    blocks = [tuple(order[at : at + 3]) for at in range(0, 30, 3)]
    assert len(set(blocks)) > 1 and all(sorted(block) == sorted(LENGTHS) for block in blocks)


def test_rows_are_numbered_through_the_lengths(golden: Golden) -> None:
    assert golden.count == 15
    assert golden.place([0]) == (8, [0]) and golden.place([5, 6]) == (2, [0, 1]) and golden.place([14]) == (4, [3])
    for wrong in ([4, 5], [15], [-1]):
        with pytest.raises(ValueError, match="rows"):
            golden.place(wrong)


def test_an_answer_is_held_to_its_own_length(golden: Golden) -> None:
    expected = Expected(golden, golden.outputs("tflite-fp32"))
    for k in range(6):
        asked = golden.rows_of(k, 2)
        tokens = rows.parse(encode_request(golden, "tfserving-rest", asked).body)["instances"]
        right = np.array(tokens).sum(1).astype(np.float32)
        assert expected.error_of(asked, {"total": right}) == (0.0, True)
        assert not expected.error_of(asked, {"total": right + 1})[1]
    with pytest.raises(WireError, match="shape"):
        expected.error_of(golden.rows_of(0, 2), {"total": np.zeros(3, np.float32)})


def test_without_lengths_there_are_eight_bodies_of_rows_in_order(tmp_path: Path) -> None:
    model = Model("m", "0" * 64, (TensorSpec("x", "float32", (None, 1)),), (), 0.0, 0.0)
    np.savez(tmp_path / "golden.npz", **{"input:x": np.zeros((5, 1), np.float32)})
    golden = Golden(tmp_path / "golden.npz", model)
    assert request_count(0) == 8
    assert [golden.rows_of(k, 2) for k in range(3)] == [[0, 1], [2, 3], [4, 0]]


def test_golden_samples_of_a_length_that_are_not_there_are_told(golden: Golden, tmp_path: Path) -> None:
    other = Model("m", "0" * 64, (TOKENS,), (TOTAL,), 1e-4, 0.0, (8, 99))
    with pytest.raises(BakeoffError, match="lacks input:tokens@99.*--force"):
        Golden(tmp_path / "golden.npz", other)


def test_formats_that_could_not_be_made_have_their_reasons(tmp_path: Path) -> None:
    assert load_missing(tmp_path, "m") == []
    said = {"tflite-int8": {"reason": "no int8 kernel", "op": None}, "savedmodel": {"reason": "no such op", "op": "x"}}
    (tmp_path / "missing.json").write_text(json.dumps(said), encoding="utf-8")
    assert load_missing(tmp_path, "m") == [
        MissingArtifact("m", "savedmodel", quoted("no such op")),
        MissingArtifact("m", "tflite-int8", quoted("no int8 kernel")),
    ]
    said = {"savedmodel": {"reason": "words", "op": None, "package": "tensorflow", "python": "3.14"}}
    (tmp_path / "missing.json").write_text(json.dumps(said), encoding="utf-8")
    assert [row.reason for row in load_missing(tmp_path, "m")] == [
        Reason("package_missing", {"package": "tensorflow", "python": "3.14"})
    ]
    (tmp_path / "missing.json").write_text('{"savedmodel": {}}', encoding="utf-8")
    with pytest.raises(UsageError, match=r"missing\.json: savedmodel\.reason"):
        load_missing(tmp_path, "m")
