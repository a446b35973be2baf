"""ONNX and the lite interpreter: the same answers as PyTorch at every batch and length, or a reason."""

from pathlib import Path

import edge_models
import numpy as np
import pytest
from aten_to_tf.errors import ConversionError
from exporting import export_format, load_artifact
from parity import ParityError, make_references
from zoo_model import ZooModel, load_model

FORMATS = ["onnx", "lite-interpreter"]


def export(model: ZooModel, name: str, tmp_path: Path) -> tuple[Path, dict]:
    folder = tmp_path / "made" / name
    folder.mkdir(parents=True)
    return folder, export_format(model, make_references(model), name, folder)


@pytest.mark.parametrize("name", FORMATS)
def test_a_picture_network_answers_as_pytorch_does_at_every_batch(name: str, tmp_path: Path) -> None:
    model = load_model(edge_models.write_pictures(tmp_path))
    folder, manifest = export(model, name, tmp_path)
    assert [row["batch"] for row in manifest["parity"]] == [1, 2, 3]
    assert all(row["ok"] and row["max_abs_error"] <= 1e-4 for row in manifest["parity"])
    assert manifest["versions"]["torch"].startswith("2.")
    many = model.samples(40, 5)  # more than any parity was checked with
    answers = load_artifact(model, name, folder)(many)
    np.testing.assert_allclose(answers["scores"], model.predict(many)["scores"], atol=1e-4)


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("forward", [edge_models.ATTENTION, edge_models.LSTM], ids=["attention", "lstm"])
def test_a_text_network_takes_any_length(name: str, forward: str, tmp_path: Path) -> None:
    model = load_model(edge_models.write_words(tmp_path, forward))
    folder, manifest = export(model, name, tmp_path)
    assert {row["length"] for row in manifest["parity"]} == {3, 6, 12}
    words = model.samples(2, 5, 9)  # none of LENGTHS
    answers = load_artifact(model, name, folder)(words)
    np.testing.assert_allclose(answers["scores"], model.predict(words)["scores"], atol=1e-4)


def test_an_onnx_file_holds_nothing_of_the_machine_that_made_it(tmp_path: Path) -> None:
    folder, _ = export(load_model(edge_models.write_pictures(tmp_path)), "onnx", tmp_path)
    assert [path.name for path in folder.iterdir()] == ["model.onnx"]
    assert b"model.py" not in (folder / "model.onnx").read_bytes()


def test_an_op_that_onnx_lacks_is_named(tmp_path: Path) -> None:
    model = load_model(edge_models.write_pictures(tmp_path, forward="(lambda y: torch.erfinv(y.tanh()))"))
    with pytest.raises(ConversionError, match="ONNX has no counterpart for the op prims.erf_inv.default") as caught:
        export(model, "onnx", tmp_path)
    assert caught.value.op == "prims.erf_inv.default"


def test_a_length_that_becomes_a_constant_is_found(tmp_path: Path) -> None:
    model = load_model(edge_models.write_words(tmp_path, edge_models.LOOP))
    with pytest.raises(ConversionError, match="dimension 1 of the input words is free in INPUTS"):
        export(model, "onnx", tmp_path)
    # tracing records the steps of the example without a word
    with pytest.raises(ParityError, match="at batch 1, length"):
        export(model, "lite-interpreter", tmp_path)
