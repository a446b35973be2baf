"""Which model a text stands for: one of the zoo, one from any folder, one that transformers loads."""

from __future__ import annotations

from pathlib import Path

import pytest

from bakeoff.artifacts.export import source_of
from bakeoff.errors import UsageError
from bakeoff.host.catalog import ZOO, ModelSource, find_model, find_models


@pytest.fixture(autouse=True)
def artifacts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """No model was exported before."""
    folder = tmp_path / "artifacts"
    monkeypatch.setattr("bakeoff.host.catalog.ARTIFACTS", folder)
    return folder


def make_folder(path: Path) -> Path:
    path.mkdir(parents=True)
    (path / "model.py").write_text("", encoding="utf-8")
    return path


def test_a_name_of_the_zoo() -> None:
    found = find_model("digits_cnn")
    assert found == ModelSource("digits_cnn", str(ZOO / "digits_cnn")) == find_model(str(ZOO / "digits_cnn"))
    assert found.text == "digits_cnn" and found.folder == ZOO / "digits_cnn"


@pytest.mark.parametrize("text", ["mine/my-model", "./mine/my-model", "mine/other/../my-model"])
def test_a_path_is_found_again_from_anywhere(text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = make_folder(tmp_path / "mine" / "my-model")
    (tmp_path / "mine" / "other").mkdir()
    assert find_model(text, tmp_path) == ModelSource("my-model", str(folder))
    monkeypatch.chdir(tmp_path)
    found = find_model(text)
    monkeypatch.chdir("/")
    assert find_model(found.text) == found


def test_a_folder_needs_no_slash(tmp_path: Path) -> None:
    make_folder(tmp_path / "mine")
    assert find_model("mine", tmp_path).name == "mine"
    assert find_model(".", tmp_path / "mine").name == "mine"


def test_a_name_of_the_zoo_is_the_zoos_where_a_folder_is_called_so_too(tmp_path: Path) -> None:
    folder = make_folder(tmp_path / "digits_cnn")
    assert find_model("digits_cnn", tmp_path).folder == ZOO / "digits_cnn"
    assert find_model("./digits_cnn", tmp_path).folder == folder


def test_a_model_of_transformers_is_called_as_its_last_part(tmp_path: Path) -> None:
    assert find_model("hf:owner/tiny-bert_v1.5") == ModelSource("tiny-bert_v1-5", "hf:owner/tiny-bert_v1.5")
    (tmp_path / "saved").mkdir()
    found = find_model("hf:saved", tmp_path)
    assert found == ModelSource("saved", f"hf:{tmp_path / 'saved'}") and found.folder is None
    assert find_model(found.text) == found


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("resnet", ("'resnet' is unknown", "digits_cnn", "path of a folder with a model.py")),
        ("./nowhere", ("nowhere holds no model.py", "models/export.py")),
        ("empty", ("empty holds no model.py",)),
        ("my model", ("letters, digits, _ and -", "rename the folder")),
        ("hf:", ("hf:OWNER/NAME",)),
        ("", ("holds no model.py",)),
    ],
)
def test_what_is_no_model_is_told_with_the_remedy(text: str, says: tuple[str, ...], tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    make_folder(tmp_path / "my model")
    with pytest.raises(UsageError) as caught:
        find_model(text, tmp_path)
    for part in says:
        assert part in str(caught.value)


def test_two_folders_of_one_name_cannot_be_in_one_run(tmp_path: Path) -> None:
    one, other = make_folder(tmp_path / "a" / "mine"), make_folder(tmp_path / "b" / "mine")
    assert [model.name for model in find_models([str(one), "digits_cnn", f"{one}/"])] == ["mine", "digits_cnn"]
    with pytest.raises(UsageError, match="two models are called mine") as caught:
        find_models([str(one), str(other)])
    assert str(one) in str(caught.value) and str(other) in str(caught.value)


def test_what_was_exported_is_found_by_name_but_cannot_be_exported_again(artifacts: Path) -> None:
    (artifacts / "mine").mkdir(parents=True)
    (artifacts / "mine" / "model.json").write_text("{}", encoding="utf-8")
    found = find_model("mine")
    assert (found.name, found.source, found.text) == ("mine", None, "mine")
    with pytest.raises(UsageError, match=r"path of the folder that holds its model\.py"):
        source_of(found)
