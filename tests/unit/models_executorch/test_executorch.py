"""ExecuTorch: the same answers as PyTorch at every batch and length, or a reason."""

import json
import subprocess
import sys
from pathlib import Path

import edge_models
import numpy as np
import pytest
from aten_to_tf.errors import ConversionError
from exporting import export_format, load_artifact
from parity import make_references
from zoo_model import ZooModel, load_model

PROGRAM = Path(__file__).parents[3] / "models" / "export.py"


def export(model: ZooModel, tmp_path: Path) -> tuple[Path, dict]:
    folder = tmp_path / "made" / "executorch"
    folder.mkdir(parents=True)
    return folder, export_format(model, make_references(model), "executorch", folder)


def assert_same(model: ZooModel, folder: Path, inputs: dict[str, np.ndarray]) -> None:
    answers = load_artifact(model, "executorch", folder)(inputs)
    np.testing.assert_allclose(answers["scores"], model.predict(inputs)["scores"], atol=1e-4)


def test_a_picture_network_answers_as_pytorch_does_at_every_batch(tmp_path: Path) -> None:
    model = load_model(edge_models.write_pictures(tmp_path))
    folder, manifest = export(model, tmp_path)
    assert [row["batch"] for row in manifest["parity"]] == [1, 2, 3]
    assert all(row["ok"] and row["max_abs_error"] <= 1e-4 for row in manifest["parity"])
    assert {"torch", "executorch", "torchao"} <= manifest["versions"].keys()
    assert_same(model, folder, model.samples(19, 5))  # more than its largest batch, in parts of 8, 8 and 3


def test_the_largest_batch_is_that_of_inputs(tmp_path: Path) -> None:
    from executorch.runtime import Runtime

    model = load_model(edge_models.write_pictures(tmp_path, batch="[1, 20]"))
    folder, _ = export(model, tmp_path)
    meta = Runtime.get().load_program(folder / "model.pte").metadata("forward")
    assert tuple(meta.input_tensor_meta(0).sizes()) == (20, 3, 8, 8)
    assert_same(model, folder, model.samples(20, 5))


def test_a_text_network_takes_any_length_within_its_bounds(tmp_path: Path) -> None:
    model = load_model(edge_models.write_words(tmp_path, edge_models.ATTENTION))
    folder, manifest = export(model, tmp_path)
    assert {row["length"] for row in manifest["parity"]} == {3, 6, 12}
    assert_same(model, folder, model.samples(2, 5, 9))
    with pytest.raises(ValueError, match="larger than the program was made for"):
        load_artifact(model, "executorch", folder)({"words": np.zeros((1, 13), np.int64)})


def test_a_length_that_becomes_a_constant_is_told(tmp_path: Path) -> None:
    model = load_model(edge_models.write_words(tmp_path, edge_models.LSTM))
    with pytest.raises(ConversionError, match="dimension 1 of the input words is free in INPUTS.*LSTM"):
        export(model, tmp_path)


def test_the_export_tells_the_op_that_is_missing_and_leaves_the_rest_to_the_other_environment(tmp_path: Path) -> None:
    zoo, out = tmp_path / "small", tmp_path / "out"
    zoo.mkdir()
    edge_models.write_pictures(zoo, forward="(lambda y: torch.erfinv(y.tanh() / 2))")
    command = [sys.executable, str(PROGRAM), "--model-folder", str(zoo), "--out", str(out)]
    finished = subprocess.run(
        [*command, "--environment", "executorch", "--format", "executorch", "onnx"], capture_output=True, text=True
    )
    events = [json.loads(line) for line in finished.stdout.splitlines()]
    assert (finished.returncode, [event["format"] for event in events]) == (1, ["executorch"] * 2), finished.stderr
    missing = json.loads((out / "small" / "missing.json").read_text())
    assert missing["executorch"]["op"] == "aten.erfinv.default"
    assert "ExecuTorch has no kernel for the op aten.erfinv.default" in missing["executorch"]["reason"]
    assert {path.name for path in (out / "small").iterdir() if path.name[0] != "."} == {"missing.json"}
