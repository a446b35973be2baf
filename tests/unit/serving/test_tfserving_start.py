"""What serving/tfserving/start.py does before it becomes TensorFlow Serving."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

START = Path(__file__).resolve().parents[3] / "serving" / "tfserving" / "start.py"


def start(folder: Path, path: str, host: str = "127.0.0.1") -> subprocess.CompletedProcess[str]:
    text = f"--model m --model-dir {folder}/artifacts --format savedmodel --host {host} --rest-port 0 --grpc-port 0"
    return subprocess.run(
        [sys.executable, str(START), *text.split(), "--threads", "3"],
        cwd=folder,
        env=os.environ | {"PATH": path},
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )


def install_echo(folder: Path) -> str:
    """Put a program under the server's name that shows the arguments it is executed with; return its PATH."""
    program = folder / "bin" / "tensorflow_model_server"
    program.parent.mkdir()
    program.write_text('#!/bin/sh\nprintf "%s\\n" "$@"\n')
    program.chmod(0o755)
    return f"{program.parent}:/usr/bin:/bin"


def make_saved_model(folder: Path) -> None:
    version = folder / "artifacts" / "savedmodel" / "1"
    version.mkdir(parents=True)
    (version / "saved_model.pb").touch()


def test_without_the_server_it_is_unavailable_and_names_the_remedy(tmp_path: Path) -> None:
    done = start(tmp_path, path=str(tmp_path))
    assert done.returncode == 69
    assert done.stderr.count("\n") == 1
    assert "install TensorFlow Serving" in done.stderr and "tensorflow_model_server" in done.stderr


def test_it_becomes_the_server_with_threads_limits_and_metrics(tmp_path: Path) -> None:
    make_saved_model(tmp_path)
    done = start(tmp_path, path=install_echo(tmp_path))
    flags = dict(line.removeprefix("--").split("=", 1) for line in done.stdout.split())
    assert done.returncode == 0
    assert flags["model_name"] == "m"
    assert flags["model_base_path"] == str(tmp_path / "artifacts" / "savedmodel")
    assert flags["tensorflow_intra_op_parallelism"] == "3" and flags["tensorflow_inter_op_parallelism"] == "1"
    assert flags["grpc_max_threads"] == "64"
    assert "grpc.so_reuseport=0" in flags["grpc_channel_arguments"]
    assert "grpc.max_receive_message_length=20000000" in flags["grpc_channel_arguments"]
    assert "enable: true" in Path(flags["monitoring_config_file"]).read_text()
    assert "every address" in done.stderr, "it can't keep to one address and must say so"


def test_a_missing_artifact_is_an_error_and_not_an_endless_wait(tmp_path: Path) -> None:
    done = start(tmp_path, path=install_echo(tmp_path))
    assert done.returncode == 1
    assert "export the model to savedmodel first" in done.stderr
