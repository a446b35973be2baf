"""docs/adding.md: an engine, a target and a metric are a file or a row each, and a run has them end to end."""

from __future__ import annotations

import csv
import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest
from checkout import ROOT

PYTHON = ROOT / ".venv" / "bin" / "python"
ENGINE = '''
"""A toy: LiteRT under another name."""
from engines import litert

REFUSALS, load = litert.REFUSALS, litert.load
'''
ENGINE_ROW = '    EngineRow("toy", "toy", "ai-edge-litert", "serving/lean-toy/requirements.txt"),\n'
METRIC_ROW = '    Metric("toy", "requests", "more", attrgetter("request_count"), "asked", "toy_requests", "in all"),\n'


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A copy of what this checkout has under version control, with its environments."""
    names = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for name in filter(None, names.split("\0")):
        if (ROOT / name).is_file():
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, tmp_path / name)
    (tmp_path / ".bakeoff").mkdir()
    (tmp_path / ".bakeoff" / "venvs").symlink_to(ROOT / ".bakeoff" / "venvs")
    return tmp_path


def insert(path: Path, after: str, text: str) -> None:
    content = path.read_text(encoding="utf-8")
    assert content.count(after) == 1
    path.write_text(content.replace(after, after + text), encoding="utf-8")


def bakeoff(tree: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(tree / "src")}
    command = [str(PYTHON), "-m", "bakeoff", *arguments]
    return subprocess.run(command, cwd=tree, env=environment, capture_output=True, text=True, timeout=2400)


def test_a_toy_engine_target_and_metric_run_end_to_end(tree: Path) -> None:
    (tree / "engines" / "toy.py").write_text(ENGINE, encoding="utf-8")
    insert(tree / "src/bakeoff/schema/engines.py", "TABLE = (\n", ENGINE_ROW)
    insert(tree / "src/bakeoff/schema/metrics.py", "METRICS = (\n", METRIC_ROW)
    target = shutil.copytree(tree / "serving" / "lean-litert", tree / "serving" / "lean-toy") / "target.toml"
    text = target.read_text(encoding="utf-8").replace("lean-litert", "lean-toy").replace('"litert"', '"toy"')
    target.write_text(text.replace("port = 8541", "port = 8991"), encoding="utf-8")

    made = bakeoff(tree, "compose")
    assert made.returncode == 0, made.stderr
    assert "  lean-toy:\n" in (tree / "docker-compose.yml").read_text(encoding="utf-8")

    run = ("run", "--quick", "--target", "lean-toy", "--protocol", "grpc", "--rounds", "1", "--out", "results/toy")
    done = bakeoff(tree, *run)
    assert done.returncode == 0, done.stderr
    results = json.loads((tree / "results/toy/results.json").read_text(encoding="utf-8"))
    assert {m["endpoint"] for m in results["measurements"]} >= {"lean-toy-grpc"}
    proved = [row for row in results["parity"] if row["endpoint"] == "lean-toy-grpc"]
    assert proved and all(row["ok"] for row in proved)
    assert [row["target"] for row in results["in_process"]] == ["lean-toy"]
    with (tree / "results/toy/results.csv").open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["endpoint"] == "lean-toy-grpc"]
    # On a busy machine a workload may have no trial that counts, and no figure then.
    ours = [m for m in results["measurements"] if m["endpoint"] == "lean-toy-grpc"]
    counted = {m["workload"] for m in ours if m["verdict"] == "valid"}
    assert {row["workload"] for row in rows} == {m["workload"] for m in ours}
    assert {row["workload"] for row in rows if row["toy_requests"] and float(row["toy_requests"]) > 0} == counted
