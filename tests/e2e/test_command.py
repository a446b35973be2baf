"""The command line: exit statuses, messages, and what an interruption leaves."""

from __future__ import annotations

import json
import re
import signal
import socket
import subprocess
import time
import urllib.request
from pathlib import Path

import pytest
from checkout import ROOT, SERVERS, bakeoff, our_processes, wait_for_a_measurement

from bakeoff.platforms.ports import free_ports


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["run", "--model", "resnet9000"], ("--model", "resnet9000", "digits_cnn")),
        (["run", "--target", "triton"], ("--target", "triton", "torchserve")),
        (["run", "--format", "coreml"], ("--format", "coreml", "tflite-int8")),
        (["run", "--protocol", "soap"], ("--protocol", "soap", "binary")),
        (["run", "--config", "gone.toml"], ("gone.toml", "no such file")),
        (["run", "--weights", "gone.pt", "--model", "mobilenet_v2"], ("--weights", "gone.pt")),
        (["run", "--frobnicate"], ("--frobnicate",)),
        (["run", "--target", "flask-tf", "--protocol", "binary"], ("--target", "flask-tf", "grpc, rest")),
        (["export", "--format", "coreml"], ("--format", "coreml")),
        (["sizes", "--format", "coreml"], ("--format", "coreml")),
        (["report", "no-such-folder"], ("no-such-folder",)),
    ],
)
def test_bad_usage_is_named_and_ends_with_2(arguments: list[str], says: tuple[str, ...]) -> None:
    done = bakeoff(*arguments)
    assert done.returncode == 2
    for part in says:
        assert part in done.stderr
    assert "Traceback" not in done.stderr


def test_an_unknown_key_is_named(tmp_path: Path) -> None:
    config = tmp_path / "my.toml"
    text = (ROOT / "bench.toml").read_text(encoding="utf-8")
    assert "\nrounds = " in text
    config.write_text(text.replace("\nrounds = ", "\nruonds = ", 1), encoding="utf-8")
    done = bakeoff("run", "--config", str(config))
    assert done.returncode == 2
    assert "my.toml" in done.stderr and "ruonds" in done.stderr


def test_a_model_folder_that_breaks_the_contract_ends_with_2_and_the_key(tmp_path: Path) -> None:
    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / "model.py").write_text(
        'INPUTS = [{"name": "x", "dtype": "float33", "shape": [None, 2]}]\n', encoding="utf-8"
    )
    for command in (("export",), ("run", "--quick", "--out", str(tmp_path / "run"))):
        done = bakeoff(*command, "--model", str(folder))
        assert done.returncode == 2
        assert f"{folder}/model.py" in done.stderr


def test_a_named_target_that_is_unavailable_ends_with_1(tmp_path: Path) -> None:
    targets = {row["name"]: row for row in json.loads(bakeoff("targets", "--json").stdout)}
    if targets["tfserving"]["unavailable"] is None:
        pytest.skip("tensorflow_model_server is here")
    done = bakeoff("run", "--quick", "--target", "tfserving", "--out", str(tmp_path / "run"))
    assert done.returncode == 1
    assert "tfserving is unavailable" in done.stderr


def test_doctor_names_what_is_missing_and_the_remedy() -> None:
    found = json.loads(bakeoff("doctor", "--json", "--seconds", "1").stdout)
    rows = {row["what"]: row for row in found["can_run"]}
    assert rows["lean-tflite"]["ok"]
    if not rows["tfserving"]["ok"]:
        assert "tensorflow_model_server" in rows["tfserving"]["says"] and rows["tfserving"]["remedy"]
        assert [offer["target"] for offer in found["offers"]] == ["tfserving"]
    assert {row["what"] for row in found["machine"]} >= {"a 2-minute run", "steal", "run queue", "neighbours", "memory"}


def test_help_teaches_every_command() -> None:
    text = bakeoff("--help").stdout
    looking = ("sizes", "report", "compare", "targets", "models", "doctor")
    for command in ("run", "export", "up", "down", "verify", *looking):
        assert re.search(rf"\b{command}\b", text)
        assert bakeoff(command, "--help").returncode == 0


def test_a_taken_port_fails_one_target_and_measures_the_other(tmp_path: Path) -> None:
    config = tmp_path / "my.toml"
    port = free_ports(1)[0]
    text = (ROOT / "bench.toml").read_text(encoding="utf-8")
    config.write_text(text.replace("base_port = 0", f"base_port = {port}"), encoding="utf-8")
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", port))
        holder.listen()
        targets = ("--target", "lean-tflite", "--target", "lean-litert", "--protocol", "grpc")
        done = bakeoff("run", "--quick", "--config", str(config), *targets, "--out", str(tmp_path / "run"))
    assert done.returncode == 1
    assert f"port {port} is taken" in done.stderr
    results = json.loads((tmp_path / "run" / "results.json").read_text(encoding="utf-8"))
    floors = {"echo", "client-floor"}
    assert {m["target"] for m in results["measurements"] if m["verdict"] == "valid"} - floors == {"lean-litert"}


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_an_interruption_leaves_no_process_and_keeps_what_was_measured(
    number: int, status: int, tmp_path: Path
) -> None:
    folder = tmp_path / "run"
    command = [str(ROOT / "scripts" / "bench"), "--quick", "--target", "lean-tflite", "--out", str(folder)]
    process = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True)
    wait_for_a_measurement(folder, process)
    assert our_processes()
    process.send_signal(number)
    process.communicate(timeout=600)
    assert process.returncode == status
    assert our_processes() == []
    assert list(SERVERS.iterdir()) == []
    assert json.loads((folder / "results.json").read_text(encoding="utf-8"))["measurements"]
    assert (folder / "report.html").exists()


def test_a_killed_run_leaves_no_process_and_goes_on_without_losing_or_repeating_a_trial(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    command = [
        str(ROOT / ".venv" / "bin" / "bakeoff"),
        "run",
        "--quick",
        "--target",
        "lean-tflite",
        "--protocol",
        "grpc",
    ]
    process = subprocess.Popen([*command, "--out", str(folder)], cwd=ROOT, stderr=subprocess.DEVNULL, text=True)
    wait_for_a_measurement(folder, process)
    process.kill()
    process.wait()
    deadline = time.monotonic() + 600
    while our_processes() and time.monotonic() < deadline:
        time.sleep(0.2)
    assert our_processes() == []
    before = json.loads((folder / "results.json").read_text(encoding="utf-8"))["measurements"]
    files = {path.name: path.stat().st_mtime_ns for path in (folder / "samples").iterdir()}
    used = bakeoff("run", "--quick", "--target", "lean-tflite", "--protocol", "grpc", "--out", str(folder))
    assert used.returncode == 2 and "--resume" in used.stderr
    done = bakeoff("run", "--resume", str(folder))
    assert done.returncode == 0, done.stderr
    after = json.loads((folder / "results.json").read_text(encoding="utf-8"))["measurements"]
    # Floors are those of the whole run, so the two differ in them.
    assert [m | {"floors": None} for m in after[: len(before)]] == [m | {"floors": None} for m in before]
    ids = [m["trial_id"] for m in after]
    assert len(set(ids)) == len(ids)
    for endpoint in {m["endpoint"] for m in after}:
        tried = {(m["workload"], m["round"]) for m in after if m["endpoint"] == endpoint}
        assert tried == {(workload, number) for workload in ("c1", "c8") for number in range(3)}
    kept = {f"{m['trial_id']}.parquet" for m in before}
    assert all((folder / "samples" / name).stat().st_mtime_ns == files[name] for name in kept)


def test_up_is_loaded_by_locust_and_down_ends_it() -> None:
    done = bakeoff("up", "--target", "lean-tflite")
    try:
        assert done.returncode == 0, done.stderr
        locust = re.search(r"load one: (\S+) -f", done.stderr)
        assert locust
        port = free_ports(1)[0]
        base = [locust[1], "-f", "loadtest/locustfile.py", "--endpoint"]
        headless = subprocess.run(
            [*base, "lean-tflite-grpc", "--headless", "-u", "4", "-r", "4", "-t", "3s", "--json"],
            cwd=ROOT, capture_output=True, text=True, timeout=600,
        )  # fmt: skip
        assert headless.returncode == 0, headless.stderr
        (row,) = json.loads(headless.stdout)
        assert row["name"] == "lean-tflite-grpc" and row["num_requests"] > 100 and row["num_failures"] == 0
        unknown = subprocess.run([*base, "nope-grpc", "--headless"], cwd=ROOT, capture_output=True, text=True)
        assert unknown.returncode == 2 and "lean-tflite-grpc" in unknown.stderr
        page = subprocess.Popen(
            [*base, "lean-tflite-rest", "--web-host", "127.0.0.1", "--web-port", str(port)], cwd=ROOT,
            stderr=subprocess.DEVNULL,
        )  # fmt: skip
        try:
            assert "Locust" in fetch(f"http://127.0.0.1:{port}/")
        finally:
            page.terminate()
            page.wait(20)
    finally:
        ended = bakeoff("down")
    assert "lean-tflite" in ended.stderr
    assert our_processes() == []
    assert "nothing was up" in bakeoff("down").stderr


def fetch(url: str) -> str:
    """Return a page that may need a moment to come up."""
    deadline = time.monotonic() + 600
    while True:
        try:
            with urllib.request.urlopen(url, timeout=5) as answer:
                text: str = answer.read().decode()
                return text
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.2)
