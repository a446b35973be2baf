"""Going on with a run that was cut off."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from bakeoff.errors import UsageError
from bakeoff.experiment.config import DEFAULT, RunOptions, load_config
from bakeoff.experiment.resume import new_run, reopen_run
from bakeoff.host.catalog import load_targets
from bakeoff.platforms.deploy import Selection
from bakeoff.report.words import reason_text
from bakeoff.results.store import locked, write_results

MODELS = ["digits_cnn", "mobilenet_v2"]


def begin(folder: Path) -> None:
    targets = load_targets()
    config = load_config(DEFAULT, MODELS, targets)
    options = RunOptions(
        "local", load_workers=2, restart_between_rounds=True, named=("lean-tflite",), weights=Path("w.pt")
    )
    selection = Selection((targets["lean-tflite"],), config.protocols)
    write_results(folder, new_run(config, selection, options, folder, "bakeoff run").report, reason_text)


def test_a_run_is_reopened_as_it_was_begun(tmp_path: Path) -> None:
    begin(tmp_path)
    job = reopen_run(tmp_path)
    options = job.options
    assert (options.load_workers, options.restart_between_rounds, options.named) == (2, True, ("lean-tflite",))
    assert options.weights == Path("w.pt") and job.out == tmp_path
    assert job.config == load_config(DEFAULT, MODELS, load_targets())
    assert {target.name for target in job.selection.floors} == {"echo", "client-floor"}


def test_what_cannot_be_reopened_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no such file"):
        reopen_run(tmp_path)
    begin(tmp_path)
    path = tmp_path / "results.json"
    content = json.loads(path.read_text(encoding="utf-8"))
    content["config"]["targets"] = ["gone"]
    path.write_text(json.dumps(content), encoding="utf-8")
    with pytest.raises(UsageError, match="gone is no target"):
        reopen_run(tmp_path)
    content["config"]["run"] = {"speed": "high"}
    path.write_text(json.dumps(content), encoding="utf-8")
    with pytest.raises(UsageError, match="speed"):
        reopen_run(tmp_path)


def test_a_run_whose_endpoints_have_other_names_today_is_not_gone_on_with(tmp_path: Path) -> None:
    recorded = Path(__file__).parents[1] / "results" / "recorded"
    with pytest.raises(UsageError, match="named endpoints otherwise"):
        reopen_run(recorded)


def test_a_reference_that_would_not_be_measured_is_refused(tmp_path: Path) -> None:
    targets = load_targets()
    config = replace(load_config(DEFAULT, MODELS, targets), reference="torchserve-rest")
    with pytest.raises(UsageError, match="torchserve-rest.*lean-tflite-grpc"):
        new_run(config, Selection((targets["lean-tflite"],), config.protocols), RunOptions(), tmp_path, "bakeoff run")
    new_run(config, Selection((targets["torchserve"],), config.protocols), RunOptions(), tmp_path, "bakeoff run")


def test_two_runs_into_one_folder_are_refused(tmp_path: Path) -> None:
    with locked(tmp_path), pytest.raises(UsageError, match="another run"), locked(tmp_path):
        pass
    with locked(tmp_path):
        pass
