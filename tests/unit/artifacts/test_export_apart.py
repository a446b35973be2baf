"""A format with an environment of its own: when it is made, and what is left where that environment can't be."""

from __future__ import annotations

import json
from pathlib import Path
from typing import NoReturn

import pytest

from bakeoff.artifacts.export import ExportOptions, _export_apart, export_arguments
from bakeoff.errors import BakeoffError
from bakeoff.host.catalog import ModelSource
from bakeoff.host.progress import Show
from bakeoff.schema import UNSERVED_FORMATS


def test_edge_formats_are_made_where_they_are_asked_for() -> None:
    assert ExportOptions().apart == ()
    assert ExportOptions(skip=("onnx",)).apart == ("executorch",)
    assert ExportOptions(("onnx", "executorch")).apart == ("executorch",)
    assert ExportOptions(("onnx",)).apart == ()


def test_the_export_is_told_what_to_leave_out() -> None:
    words = [word for format in UNSERVED_FORMATS for word in ("--skip", format)]
    assert export_arguments(ExportOptions()) == words
    assert export_arguments(ExportOptions(("onnx",), force=True)) == ["--format", "onnx", "--force"]
    assert export_arguments(ExportOptions(skip=())) == []


@pytest.mark.parametrize("is_named", [True, False])
def test_a_format_whose_environment_cannot_be_made_is_missing_with_the_reason(
    is_named: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_wheel(*files: Path, say: object) -> NoReturn:
        raise BakeoffError("installing models/executorch/requirements.txt failed:\nlooking\nERROR: No wheel for this")

    monkeypatch.setattr("bakeoff.artifacts.export.ensure_venv", no_wheel)
    monkeypatch.setattr("bakeoff.artifacts.export.ARTIFACTS", tmp_path)
    left_over = tmp_path / "m" / "executorch"
    left_over.mkdir(parents=True)
    (tmp_path / "m" / "missing.json").write_text('{"onnx": {"reason": "r", "op": "o"}}')
    options = ExportOptions(("executorch",) if is_named else (), skip=())
    failed = _export_apart("executorch", ModelSource("m", str(tmp_path)), [], options, Show())
    missing = json.loads((tmp_path / "m" / "missing.json").read_text())
    assert missing["onnx"] == {"reason": "r", "op": "o"}
    reason = missing["executorch"]["reason"]
    assert missing["executorch"]["op"] is None
    assert reason.startswith("models/executorch/requirements.txt can't be installed here (ERROR: No wheel for this)")
    assert "Remedy: " in reason
    assert not left_over.exists()
    assert failed == ([f"export of m executorch failed: {reason}"] if is_named else [])
