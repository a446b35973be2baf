"""The export of models with several inputs and free lengths; what is said of formats that can't be had."""

import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from aten_to_tf.errors import ConversionError
from formats import _tensorflow
from zoo_model import ZooModel, load_model

MODELS = Path(__file__).parents[3] / "models"
FORMATS = [
    "lite-interpreter",
    "onnx",
    "savedmodel",
    "tflite-dynamic",
    "tflite-fp16",
    "tflite-fp32",
    "tflite-int8",
    "torchscript",
]
BAKED_IN = """
def forward(self, tokens, weight):
    each = self.head(self.embedding(tokens))
    return {"each": each, "logits": sum(each[:, i] for i in range(tokens.shape[1])) * weight}

Sequences.forward = forward
"""
MakeFolder = Callable[..., Path]


@dataclass
class Result:
    """What a run of the program said."""

    status: int
    events: list[dict[str, Any]]
    stderr: str

    def of(self, event: str) -> dict[str, str | None]:
        return {record["format"]: record["message"] for record in self.events if record["event"] == event}


def export(folder: Path | str, out: Path, *options: str) -> Result:
    command = [sys.executable, str(MODELS / "export.py"), "--model-folder", str(folder), "--out", str(out), *options]
    finished = subprocess.run(command, capture_output=True, text=True, timeout=1500, check=False)
    return Result(finished.returncode, [json.loads(line) for line in finished.stdout.splitlines()], finished.stderr)


@pytest.fixture(scope="module")
def exported(make_sequences: MakeFolder, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("artifacts")
    result = export(make_sequences(), out)
    assert result.status == 0, result.events
    assert set(result.of("done")) | set(result.of("failed")) == set(FORMATS)
    return out / "sequences"


def test_lengths_are_told_and_free_dimensions_are_null(exported: Path) -> None:
    model = json.loads((exported / "model.json").read_text())
    assert model["lengths"] == [4, 9]
    assert model["inputs"] == [
        {"name": "tokens", "dtype": "int64", "shape": [None, None]},
        {"name": "weight", "dtype": "float32", "shape": [None, 3]},
    ]


def test_golden_arrays_are_kept_by_length(exported: Path) -> None:
    golden = np.load(exported / "golden.npz")
    made = [path.parent.name for path in exported.glob("*/manifest.json")]
    names = {"input:tokens", "input:weight", *(f"{by}:{out}" for by in ("torch", *made) for out in ("logits", "each"))}
    assert set(golden.files) == {f"{name}@{length}" for name in names for length in (4, 9)}
    assert golden["input:tokens@9"].shape == (16, 9)
    assert golden["torch:each@9"].shape == (16, 9, 3)
    for format_name in ("savedmodel", "tflite-fp32", "torchscript"):
        np.testing.assert_allclose(golden[f"{format_name}:each@9"], golden["torch:each@9"], atol=1e-4)


def test_each_format_is_run_at_every_batch_and_length(exported: Path) -> None:
    wanted = [(batch, length) for length in (4, 9) for batch in (1, 2, 3)]
    manifests = list(exported.glob("*/manifest.json"))
    assert len(manifests) >= 5
    for path in manifests:
        manifest = json.loads(path.read_text())
        assert [(row["batch"], row["length"]) for row in manifest["parity"]] == wanted
        assert all(row["ok"] for row in manifest["parity"])


def test_a_length_that_was_baked_in_is_never_a_silent_wrong_answer(make_sequences: MakeFolder, tmp_path: Path) -> None:
    folder, tree = make_sequences(BAKED_IN), tmp_path / "sequences"
    first = export(folder, tmp_path, "--format", "torchscript")
    assert (first.status, list(first.of("failed"))) == (1, ["torchscript"])
    entry = json.loads((tree / "missing.json").read_text())["torchscript"]
    assert entry == {"reason": first.of("failed")["torchscript"], "op": None}
    assert entry["reason"].startswith("at batch 1, length 9: torch.jit differs from PyTorch by up to")
    assert not (tree / "torchscript").exists()
    # as it would be again, so that it is only told
    again = export(folder, tmp_path, "--format", "torchscript")
    assert (again.status, again.of("start"), again.of("failed")) == (1, {}, first.of("failed"))
    # made later, it leaves
    (folder / "model.py").write_text((folder / "model.py").read_text().replace(BAKED_IN, ""))
    repaired = export(folder, tmp_path, "--format", "torchscript")
    assert (repaired.status, list(repaired.of("done"))) == (0, ["torchscript"])
    assert not (tree / "missing.json").exists()


def test_a_format_that_no_target_serves_by_default_may_be_missing(make_sequences: MakeFolder, tmp_path: Path) -> None:
    folder, tree = make_sequences(), tmp_path / "sequences"
    assert export(folder, tmp_path, "--format", "torchscript").status == 0
    # the state that a failed int8 conversion leaves
    manifest = json.loads((tree / "torchscript" / "manifest.json").read_text())
    sys.path.insert(0, str(MODELS))
    from sources import exporter_files, hash_files

    tried = hash_files(exporter_files("tflite-int8"), seed=manifest["model_sha256"])
    (tree / "missing.json").write_text('{"tflite-int8": {"reason": "no builtin", "op": "Erf"}}')
    (tree / ".tried.json").write_text(json.dumps({"tflite-int8": tried}))
    assert export(folder, tmp_path, "--format", "torchscript").status == 0
    named = export(folder, tmp_path, "--format", "tflite-int8")
    assert (named.status, named.of("failed")) == (1, {"tflite-int8": "no builtin"})


def test_an_op_that_tensorflow_lite_lacks_is_named_in_one_sentence(make_sequences: MakeFolder, tmp_path: Path) -> None:
    class Foreign(tf.Module):
        @tf.function(input_signature=[tf.TensorSpec([None, 3], tf.float32, name="x")])
        def predict(self, x: tf.Tensor) -> dict[str, tf.Tensor]:
            return {"y": tf.math.igamma(x, x)}

    model: ZooModel = load_model(make_sequences())
    foreign = Foreign()
    tf.saved_model.save(foreign, str(tmp_path / "savedmodel"), signatures={"serving_default": foreign.predict})
    with pytest.raises(ConversionError, match="^TensorFlow Lite has no builtin for the op Igamma$") as raised:
        _tensorflow.export_tflite(lambda converter: None, model, tmp_path / "made", tmp_path)
    assert raised.value.op == "Igamma"


@pytest.mark.parametrize(
    ("extra", "status", "words"),
    [
        ("INPUTS[1]['dtype'] = 'float'", 2, "INPUTS[1]: dtype: is 'float'; allowed: float32"),
        ("LENGTHS = [4]", 2, "LENGTHS: is [4]"),
        ("def build(weights=None): return {}['gone']", 1, "build() raised KeyError: 'gone'"),
    ],
)
def test_what_is_wrong_with_a_folder_is_one_event(
    make_sequences: MakeFolder, tmp_path: Path, extra: str, status: int, words: str
) -> None:
    folder = make_sequences(extra)
    result = export(folder, tmp_path, "--format", "torchscript")
    assert (result.status, [(record["event"], record["format"]) for record in result.events]) == (
        status,
        [("failed", None)],
    )
    assert words in result.events[0]["message"]
    assert str(folder / "model.py") in result.events[0]["message"]
    assert "Traceback" not in result.stderr
    assert {path.name for path in (tmp_path / "sequences").iterdir()} == {".lock"}


def test_the_line_that_torch_export_can_not_follow_is_told(make_model_folder: MakeFolder, tmp_path: Path) -> None:
    branch = "(lambda y: y if float(y.sum()) < 1e9 else -y)"
    result = export(make_model_folder(forward=branch), tmp_path, "--format", "savedmodel")
    assert result.status == 1
    message = result.of("failed")["savedmodel"]
    assert message.startswith("torch.export can't follow the model: ")
    assert "model.py line" in message and branch in message
    assert len(message.splitlines()) < 8


@pytest.mark.parametrize("name", ["two words", "dots.v2"])
def test_a_name_that_can_not_stand_in_a_url_is_bad_usage(make_sequences: MakeFolder, tmp_path: Path, name: str) -> None:
    folder = make_sequences().rename(tmp_path / name)
    result = export(folder, tmp_path / "out")
    assert (result.status, result.events) == (2, [])
    assert "a model's name may hold letters, digits, _ and -" in result.stderr


def test_the_steps_of_an_lstm_survive_8_bits(tmp_path: Path) -> None:
    """Where a step's output was scattered into the others, the worst cosine was 0.04."""
    result = export(MODELS / "zoo" / "lstm_classifier", tmp_path, "--format", "tflite-int8")
    assert result.status == 0, result.events
    manifest = json.loads((tmp_path / "lstm_classifier" / "tflite-int8" / "manifest.json").read_text())
    assert manifest["fidelity"]["cosine"] > 0.9
