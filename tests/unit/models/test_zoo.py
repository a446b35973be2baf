"""The models of the zoo keep the contract; folders that don't are refused with a remedy."""

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from parity import GOLDEN_SEED, make_references
from user_code import ModelError
from zoo_model import ModelFolderError, ZooModel, check_variation, load_model

ZOO = Path(__file__).parents[3] / "models" / "zoo"
MakeFolder = Callable[..., Path]


@pytest.fixture(scope="module")
def digits() -> ZooModel:
    return load_model(ZOO / "digits_cnn")


@pytest.fixture(scope="module")
def mobilenet() -> ZooModel:
    return load_model(ZOO / "mobilenet_v2")


def test_digits_reads_held_out_digits(digits: ZooModel) -> None:
    measured = digits.evaluate(digits.predict)
    assert measured["samples"] == 360
    assert measured["accuracy"] >= 0.98


def test_digits_evaluation_measures_what_it_is_given(digits: ZooModel) -> None:
    def always_zero(arrays: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        return {"logits": np.eye(10, dtype=np.float32)[np.zeros(len(arrays["image"]), int)]}

    assert digits.evaluate(always_zero)["accuracy"] == pytest.approx(0.1, abs=0.02)


def test_digits_samples_leave_the_held_out_images_alone(digits: ZooModel) -> None:
    held_out: list[bytes] = []

    def collect(arrays: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        held_out.extend(image.tobytes() for image in arrays["image"])
        return {"logits": np.zeros((len(arrays["image"]), 10), np.float32)}

    digits.evaluate(collect)
    drawn = {image.tobytes() for image in digits.samples(1437, 0)["image"]}
    assert len(held_out) == 360
    assert not drawn & set(held_out)


def test_mobilenet_is_the_published_network(mobilenet: ZooModel) -> None:
    state = mobilenet.network.state_dict()
    assert sum(parameter.numel() for parameter in mobilenet.network.parameters()) == 3_504_872
    # as in the published state dict
    assert len(state) == 314
    assert state["features.0.0.weight"].shape == (32, 3, 3, 3)
    assert state["features.1.conv.1.weight"].shape == (16, 32, 1, 1)
    assert state["features.17.conv.1.0.weight"].shape == (960, 1, 3, 3)
    assert state["features.18.1.running_var"].shape == (1280,)
    assert state["classifier.1.bias"].shape == (1000,)


def test_resnet_is_the_published_network() -> None:
    network = load_model(ZOO / "resnet50").network
    state = network.state_dict()
    assert sum(parameter.numel() for parameter in network.parameters()) == 25_557_032
    # as in the published state dict
    assert len(state) == 320
    assert state["conv1.weight"].shape == (64, 3, 7, 7)
    assert state["layer1.0.downsample.1.running_mean"].shape == (256,)
    assert state["layer3.5.conv2.weight"].shape == (256, 256, 3, 3)
    assert state["layer4.2.bn3.num_batches_tracked"].shape == ()
    assert state["fc.weight"].shape == (1000, 2048)


@pytest.mark.parametrize("name", ["text_encoder", "lstm_classifier"])
def test_models_of_sequences_vary_at_every_length(name: str) -> None:
    model = load_model(ZOO / name)
    assert model.lengths == (8, 32, 128)
    references = make_references(model)
    for reference in references:
        check_variation(model, reference.outputs)
    # at bounds too, and each sequence by itself: what stands beside it in the batch is nothing to it
    for length in (2, 128):
        arrays = model.samples(3, 1, length)
        alone = model.predict({name: array[:1] for name, array in arrays.items()})
        np.testing.assert_allclose(model.predict(arrays)["logits"][:1], alone["logits"], atol=1e-5)


def test_mobilenet_takes_weights_from_a_file(tmp_path: Path, mobilenet: ZooModel) -> None:
    state = {name: value.clone() for name, value in mobilenet.network.state_dict().items()}
    state["classifier.1.bias"] += 1
    torch.save(state, tmp_path / "weights.pth")
    other = load_model(ZOO / "mobilenet_v2", tmp_path / "weights.pth")
    image = mobilenet.samples(1, 5)
    np.testing.assert_allclose(other.predict(image)["logits"], mobilenet.predict(image)["logits"] + 1, atol=1e-4)


def test_building_leaves_pytorchs_random_state_alone(mobilenet: ZooModel) -> None:
    before = torch.get_rng_state()
    load_model(ZOO / "mobilenet_v2")
    assert torch.equal(before, torch.get_rng_state())


@pytest.mark.parametrize("name", ["digits", "mobilenet"])
def test_samples_follow_their_seed_and_outputs_vary(name: str, request: pytest.FixtureRequest) -> None:
    model: ZooModel = request.getfixturevalue(name)
    first, again, other = (model.samples(2, seed)["image"] for seed in (GOLDEN_SEED, GOLDEN_SEED, GOLDEN_SEED + 1))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)
    (reference,) = make_references(model)
    assert len(reference.inputs["image"]) == {"digits": 32, "mobilenet": 16}[name]
    check_variation(model, reference.outputs)


def test_shapes_and_dtypes_of_outputs_are_found(make_model_folder: MakeFolder) -> None:
    model = load_model(make_model_folder())
    assert model.outputs == [
        {"name": "scores", "dtype": "float32", "shape": [None, 5]},
        {"name": "features", "dtype": "float32", "shape": [None, 8]},
    ]


@pytest.mark.parametrize(
    ("extra", "words"),
    [
        ("del ATOL", "lacks ATOL"),
        ("INPUTS[0]['name'] = 'image'", "gives picture; must be arrays by name: image"),
        ("INPUTS[0]['dtype'] = 'int64'", "INPUTS says int64"),
        ("INPUTS[0]['shape'] = [2, 3, 8, 8]", "None or \\[1, high\\]"),
        ("INPUTS[0]['shape'] = [None, 1, 8, 8]", re.escape("float32 [2, 3, 8, 8]")),
    ],
)
def test_a_folder_that_breaks_the_contract_is_refused(make_model_folder: MakeFolder, extra: str, words: str) -> None:
    with pytest.raises(ModelFolderError, match=words):
        load_model(make_model_folder(extra=extra))


def test_a_folder_without_a_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelFolderError, match="does not exist"):
        load_model(tmp_path)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_broken_numbers_are_refused(digits: ZooModel, value: float) -> None:
    with pytest.raises(ModelError, match="NaN or infinity"):
        check_variation(digits, {"logits": np.array([[0.0], [value]], np.float32)})


def test_training_writes_weights_and_a_log(tmp_path: Path) -> None:
    weights, log = tmp_path / "weights.pt", tmp_path / "log"
    command = [sys.executable, str(ZOO / "digits_cnn" / "train.py"), "--epochs", "3"]
    command += ["--logdir", str(log), "--weights", str(weights)]
    finished = subprocess.run(command, capture_output=True, text=True, check=True, timeout=1500, env=os.environ)
    printed = float(finished.stdout.split("held-out accuracy ")[1].split(",")[0])
    model = load_model(ZOO / "digits_cnn", weights)
    assert model.evaluate(model.predict)["accuracy"] == pytest.approx(printed, abs=1e-4)
    assert printed > 0.8
    assert logged_tags(log) == {
        "images": ["samples"],
        "scalars": ["accuracy/held_out", "learning_rate", "loss/train"],
        "graph": True,
    }


def logged_tags(folder: Path) -> dict[str, object]:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    log = EventAccumulator(str(folder)).Reload()
    tags = log.Tags()
    images = sorted({tag.rpartition("/")[0] or tag for tag in tags["images"]})
    return {"images": images, "scalars": sorted(tags["scalars"]), "graph": tags["graph"]}
