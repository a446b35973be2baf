"""What serving/torchserve/start.py prepares before it becomes TorchServe."""

from __future__ import annotations

import os
import runpy
import subprocess
import sys
import zipfile
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

FOLDER = Path(__file__).resolve().parents[3] / "serving" / "torchserve"


@pytest.fixture(scope="module")
def start() -> SimpleNamespace:
    path = list(sys.path)
    names: dict[str, Any] = runpy.run_path(str(FOLDER / "start.py"), run_name="torchserve_start")
    sys.path[:] = path
    return SimpleNamespace(**names)


def make_java_home(folder: Path, version: str) -> Path:
    java = folder / "bin" / "java"
    java.parent.mkdir(parents=True)
    java.write_text("#!/bin/sh\n")
    java.chmod(0o755)
    (folder / "release").write_text(f'IMPLEMENTOR="x"\nJAVA_VERSION="{version}"\n')
    return folder


def test_java_of_java_home_is_taken(start: SimpleNamespace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = make_java_home(tmp_path, "17.0.9")
    monkeypatch.setenv("JAVA_HOME", str(home))
    assert start.find_java() == home / "bin" / "java"


@pytest.mark.parametrize("version", ["11.0.2", "1.8.0_392"])
def test_old_java_makes_it_unavailable(
    start: SimpleNamespace,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    version: str,
) -> None:
    monkeypatch.setenv("JAVA_HOME", str(make_java_home(tmp_path, version)))
    with pytest.raises(SystemExit) as exit:
        start.find_java()
    assert exit.value.code == 69
    assert "needs Java 17" in capsys.readouterr().err


def test_wrong_java_home_makes_it_unavailable(
    start: SimpleNamespace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    with pytest.raises(SystemExit) as exit:
        start.find_java()
    assert exit.value.code == 69
    assert str(tmp_path) in (err := capsys.readouterr().err) and "install Java 17 and set JAVA_HOME" in err


def test_archive_is_copied_with_the_number_of_workers_and_nothing_else_changed(
    start: SimpleNamespace, tmp_path: Path
) -> None:
    yaml = "minWorkers: 1\nmaxWorkers: 1\nbatchSize: 1\nhandler:\n  inputs: []\n"
    with zipfile.ZipFile(tmp_path / "a.mar", "w") as archive:
        archive.writestr("config.yaml", yaml)
        archive.writestr("model.pt", b"minWorkers: 1\n")
    start.copy_archive(tmp_path / "a.mar", tmp_path / "b.mar", 3)
    with zipfile.ZipFile(tmp_path / "b.mar") as archive:
        expected = yaml.replace("minWorkers: 1", "minWorkers: 3").replace("maxWorkers: 1", "maxWorkers: 3")
        assert archive.read("config.yaml").decode() == expected
        assert archive.read("model.pt") == b"minWorkers: 1\n"


def test_configuration_opens_only_the_two_ports_to_the_host(start: SimpleNamespace, tmp_path: Path) -> None:
    options = start.Options("m", tmp_path, "torchscript", "0.0.0.0", 8080, 7070, 1, 1)
    lines = dict(line.split("=", 1) for line in start.configuration(options, tmp_path).splitlines())
    assert lines["inference_address"] == "http://0.0.0.0:8080"
    assert (lines["grpc_inference_address"], lines["grpc_inference_port"]) == ("0.0.0.0", "7070")
    for key in ("management_address", "metrics_address"):
        assert lines[key].startswith("http://127.0.0.1:")
    assert lines["grpc_management_address"] == "127.0.0.1"
    assert lines["max_request_size"] == lines["max_response_size"] == "20000000"
    assert lines["enable_model_api"] == "false"


def test_worker_python_passes_its_arguments_on(start: SimpleNamespace, tmp_path: Path) -> None:
    program = tmp_path / "a folder" / "worker-python"
    program.parent.mkdir()
    start.write_worker_python(program)  # for a child of this process
    done = subprocess.run(
        [program, "-c", "import sys; print(sys.executable, sys.argv[1:])", "two words"],
        capture_output=True,
        text=True,
        timeout=600,
        check=True,
        env=os.environ,
    )
    assert done.stdout == f"{sys.executable} ['two words']\n"
