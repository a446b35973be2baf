"""`bakeoff run --platform docker`: what it measures, what it says, and what it leaves."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from dockered import ROOT, RUN, SERVERS, STACK, bakeoff, left

from bakeoff.host.catalog import load_targets
from bakeoff.schema import FLOORS, WIRE_PROTOCOLS

TARGETS = load_targets()
# Floors may be too fast for the load generator, and say so.
MEASURED = {(name, WIRE_PROTOCOLS[wire]) for name in set(SERVERS) - FLOORS for wire in TARGETS[name].wires}


@pytest.fixture(scope="module")
def results(stack: None, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The results of a quick run beside a `docker compose up`."""
    folder = tmp_path_factory.mktemp("docker") / "run"
    done = bakeoff("run", "--platform", "docker", "--quick", "--out", str(folder))
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    content: dict[str, Any] = json.loads((folder / "results.json").read_text(encoding="utf-8"))
    return content


def test_results_fit_the_schema(results: dict[str, Any]) -> None:
    jsonschema.validate(results, json.loads((ROOT / "docs" / "results.schema.json").read_text(encoding="utf-8")))


def test_every_endpoint_has_a_valid_trial(results: dict[str, Any]) -> None:
    valid = {(m["target"], m["protocol"], m["workload"]) for m in results["measurements"] if m["verdict"] == "valid"}
    assert {(t, p, w) for t, p in MEASURED for w in ("c1", "c8")} <= valid


def test_nothing_failed_unnoticed(results: dict[str, Any]) -> None:
    for m in results["measurements"]:
        assert m["error_count"] == 0 and m["answers_checked"] > 0, m
        assert m["server_cpu_ms_per_request"] > 0 and m["peak_rss_bytes"] > 10_000_000, m
        assert m["memory_from"] in ("cgroup-peak", "sampled")
    assert all(row["ok"] for row in results["parity"])
    assert {row["endpoint"] for row in results["parity"]} >= {"torchserve-grpc", "lean-tflite-rest", "flask-tf-grpc"}


def test_the_conditions_are_written_down(results: dict[str, Any]) -> None:
    assert results["platform"] == "docker" and results["paused"] is True
    around = results["surroundings"]
    assert (around["network"], around["resources"]) == ("bridge", True)
    assert around["server_cpus"] != around["load_cpus"]
    (gigabytes,) = re.findall(r"^SERVER_MEMORY=(\d+)g$", (ROOT / ".env").read_text(encoding="utf-8"), re.MULTILINE)
    assert around["memory_limit_bytes"] == int(gigabytes) << 30
    images = {image["target"]: image for image in results["images"]}
    assert set(images) == set(SERVERS)
    for image in images.values():
        assert image["id"].startswith("sha256:") and 0 < image["own_bytes"] < image["size_bytes"]


def test_without_its_profile_tfserving_is_unavailable(results: dict[str, Any]) -> None:
    (state,) = [state for state in results["targets"] if state["name"] == "tfserving"]
    assert state["status"] == "unavailable" and "COMPOSE_PROFILES" in state["remedy"]["text"]
    versions = {state["name"]: state["version"] for state in results["targets"]}
    assert versions["torchserve"] == "0.12.0" and versions["lean-tflite"] == "2.14.0"


def test_nothing_is_left_and_the_stack_runs_on(results: dict[str, Any]) -> None:
    assert left(RUN) == ""
    stack = left(STACK)
    assert "tflite-1 Up" in stack and "Paused" not in stack


@pytest.mark.parametrize(
    ("when", "number", "status"),
    [(RUN, signal.SIGINT, 130), (f"{RUN}-loadtest", signal.SIGTERM, 143)],
    ids=["starting", "measuring"],
)
def test_a_signal_leaves_nothing(tmp_path: Path, number: int, status: int, when: str) -> None:
    command = [str(ROOT / "scripts" / "bakeoff"), "run", "--platform", "docker", "--quick", "--target", "lean-tflite"]
    environment = {**os.environ, "COMPOSE_PROFILES": ""}
    run = subprocess.Popen(
        [*command, "--out", str(tmp_path / "run")], cwd=ROOT, env=environment, stderr=subprocess.PIPE
    )
    try:
        deadline = time.monotonic() + 600
        while when not in left(RUN) and time.monotonic() < deadline:
            time.sleep(0.1)
        run.send_signal(number)
        _, said = run.communicate(timeout=600)
    finally:
        run.kill()
    assert run.returncode == status, said
    assert left(RUN) == ""
    assert (tmp_path / "run" / "report.html").exists()


@pytest.mark.parametrize(
    ("variables", "says"),
    [
        ({"DOCKER_HOST": "unix:///nowhere/docker.sock"}, "not running"),
        ({"PATH": "/usr/sbin:/sbin"}, "no docker command"),
    ],
    ids=["daemon", "docker"],
)
def test_without_an_engine_there_is_one_line(tmp_path: Path, variables: dict[str, str], says: str) -> None:
    command = [str(ROOT / ".venv" / "bin" / "bakeoff"), "run", "--platform", "docker", "--quick"]
    done = subprocess.run(
        [*command, "--out", str(tmp_path / "run")],
        cwd=ROOT, env={**os.environ, **variables}, capture_output=True, text=True, timeout=600,
    )  # fmt: skip
    assert done.returncode == 1
    assert says in done.stderr and "Traceback" not in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


def test_a_server_that_is_out_of_memory_costs_itself_alone(tmp_path: Path) -> None:
    """TensorFlow doesn't fit into what is plenty for TFLite."""
    run = (
        "run",
        "--platform",
        "docker",
        "--quick",
        "--target",
        "lean-tflite",
        "--target",
        "flask-tf",
        "--protocol",
        "grpc",
    )
    done = bakeoff(*run, "--model", "digits_cnn", "--rounds", "1", "--out", str(tmp_path / "run"), SERVER_MEMORY="200m")
    assert done.returncode == 1 and "Traceback" not in done.stderr
    content = json.loads((tmp_path / "run" / "results.json").read_text(encoding="utf-8"))
    states = {state["name"]: state for state in content["targets"]}
    assert states["flask-tf"]["status"] == "failed"
    assert (
        "Perhaps out of memory?" in states["flask-tf"]["reason"]["text"]
    )  # gunicorn's words: it is its worker that dies
    assert all(m["error_count"] == 0 for m in content["measurements"] if m["target"] == "lean-tflite")
    assert {m["workload"] for m in content["measurements"] if m["target"] == "lean-tflite"} == {"c1", "c8"}
    assert left(RUN) == ""


@pytest.mark.parametrize(
    ("variables", "says"),
    [
        ({"PYTHON_IMAGE": "no-such-image:0"}, "building the image of"),
        ({"SERVER_CPUS": "4000"}, "4000"),
        ({"SERVER_MEMORY": "8m"}, "lean-tflite"),
    ],
    ids=["build", "cpus", "memory"],
)
def test_what_fails_says_why_and_ends_with_1(tmp_path: Path, variables: dict[str, str], says: str) -> None:
    run = ("run", "--platform", "docker", "--quick", "--target", "lean-tflite", "--out", str(tmp_path / "run"))
    done = bakeoff(*run, **variables)
    assert done.returncode == 1
    assert says in done.stderr and "Traceback" not in done.stderr
    assert left(RUN) == ""
