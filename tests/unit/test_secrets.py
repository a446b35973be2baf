"""Tokens stay in their files, and results say nothing of the environment."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from bakeoff.errors import UsageError
from bakeoff.experiment.config import DEFAULT, RunOptions, load_config
from bakeoff.experiment.resume import new_run
from bakeoff.host.catalog import load_targets
from bakeoff.host.files import as_json
from bakeoff.platforms.deploy import Selection
from bakeoff.report import write_report
from bakeoff.report.words import reason_text
from bakeoff.results.store import write_results
from bakeoff.schema import Endpoint, Model, Plan
from bakeoff.wire.client import read_token

SECRET = "s3cret-in-nobodys-business"


@pytest.mark.parametrize(
    "content", [SECRET, f"  {SECRET}\n", f'{{"inference": {{"key": "{SECRET}"}}, "management": {{"key": "other"}}}}']
)
def test_a_token_is_read_from_its_file(tmp_path: Path, content: str) -> None:
    (tmp_path / "token").write_text(content, encoding="utf-8")
    assert read_token(tmp_path / "token") == SECRET


@pytest.mark.parametrize(
    "content", ["", "two words", f"{SECRET}\r\nX-Header: 1", "é", "{", '{"inference": 1}', "{}", "a\0"]
)
def test_what_is_no_token_is_refused_without_telling_it(tmp_path: Path, content: str) -> None:
    path = tmp_path / "token"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(UsageError) as refusal:
        read_token(path)
    assert str(path) in str(refusal.value) and SECRET not in str(refusal.value)
    path.unlink()
    with pytest.raises(UsageError, match="No such file"):
        read_token(path)


def test_a_plan_names_the_file_and_not_the_token(tmp_path: Path) -> None:
    (tmp_path / "token").write_text(SECRET, encoding="utf-8")
    file = str(tmp_path / "token")
    endpoint = Endpoint("a-rest", "m", "a", "torchscript", "rest", "torchserve-rest", token_file=file)
    text = as_json(Plan(Model("m", "0" * 64, (), (), 0.0, 0.0), "golden.npz", (endpoint,), {}))
    assert file in text and SECRET not in text


def test_the_environment_is_in_no_result(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOME_API_KEY", SECRET)
    config, selection = load_config(DEFAULT, (), load_targets()), Selection((load_targets()["lean-tflite"],), ("rest",))
    report = new_run(replace(config, reference=""), selection, RunOptions(), tmp_path, "bakeoff run").report
    write_results(tmp_path, report, reason_text)
    write_report(tmp_path, report)
    written = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert len(written) >= 3
    for path in written:
        assert SECRET.encode() not in path.read_bytes() and b"SOME_API_KEY" not in path.read_bytes(), path
