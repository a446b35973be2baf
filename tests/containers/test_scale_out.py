"""The load shared by workers in containers of their own: a measurement that loses one, and Locust's page."""

from __future__ import annotations

import json
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from dockered import ROOT, RUN, STACK, docker, left

EXPERIMENT = """
models = ["digits_cnn"]
targets = ["lean-tflite"]
protocols = ["grpc"]
rounds = 2
[[workloads]]
name = "open"
arrival = "poisson"
rate_rps = 100
warmup_s = 0.5
duration_s = 5.0
[quick]
models = ["digits_cnn"]
rounds = 1
warmup_s = 0.2
duration_s = 1.0
"""


def results(folder: Path) -> list[dict[str, Any]]:
    content = json.loads((folder / "results.json").read_text(encoding="utf-8"))
    measurements: list[dict[str, Any]] = content["measurements"]
    return measurements


@pytest.mark.usefixtures("stack")
def test_two_workers_measure_and_one_that_is_killed_costs_a_trial_and_no_more(tmp_path: Path) -> None:
    experiment = tmp_path / "open.toml"
    experiment.write_text(EXPERIMENT, encoding="utf-8")
    command = [str(ROOT / "scripts" / "bakeoff"), "run", "--platform", "docker", "--load-workers", "2"]
    command += ["--config", str(experiment), "--out", str(tmp_path / "run")]
    run = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True)
    try:
        assert run.stderr is not None
        for line in run.stderr:
            if "round 2" in line:
                break
        time.sleep(2)  # into the trial, which takes 5.5 s
        assert docker("kill", f"{RUN}-loadworker-1").returncode == 0
        run.communicate(timeout=1500)
    finally:
        run.kill()
    measurements = results(tmp_path / "run")
    lost = [m for m in measurements if any(reason["code"] == "load_worker_ended" for reason in m["reasons"])]
    assert len(lost) == 1 and lost[0]["verdict"] == "invalid"
    at = measurements.index(lost[0])
    before, after = measurements[:at], measurements[at + 1 :]
    assert {m["target"] for m in before} == {"lean-tflite", "echo", "client-floor"}
    for m in before:
        assert m["workers"] == 2, m
        assert m["achieved_rate"] > 0.99 and m["lag_ms"]["p50"] < 1, m
        assert m["client_cpu_percent"] > 0 and m["error_count"] == 0
    assert after and {m["workers"] for m in after} == {1}
    assert left(RUN) == ""


@pytest.fixture
def scaled(stack: None) -> Iterator[None]:
    """The stack's page as the master of two workers."""
    scale = {"COMPOSE_PROFILES": "scale-out", "LOAD_WORKERS": "2"}
    up = ("compose", "up", "--detach", "--wait", "--no-deps")
    try:
        done = docker(*up, "--scale", "loadworker=2", "loadtest", "loadworker", **scale)
        assert done.returncode == 0, done.stderr
        yield
    finally:
        docker("compose", "rm", "--stop", "--force", "loadworker", **scale)
        docker(*up, "loadtest")


def fetch(path: str, form: bytes | None = None) -> Any:
    deadline = time.monotonic() + 600
    while True:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:8089/{path}", form, timeout=10) as answer:
                return json.load(answer)
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.5)


@pytest.mark.usefixtures("scaled")
def test_locusts_page_has_two_workers_that_load_an_endpoint() -> None:
    deadline = time.monotonic() + 600
    while len(fetch("stats/requests")["workers"]) < 2 and time.monotonic() < deadline:
        time.sleep(0.5)
    form = b"user_count=4&spawn_rate=4&host=&endpoint=lean-tflite-grpc&batch_size=1"
    assert fetch("swarm", form)["success"]
    while time.monotonic() < deadline:
        shown = fetch("stats/requests")
        rows = [row for row in shown["stats"] if row["name"] == "lean-tflite-grpc"]
        if rows and rows[0]["num_requests"] > 1000 and sum(w["user_count"] for w in shown["workers"]) == 4:
            break
        time.sleep(0.5)
    assert sorted(worker["user_count"] for worker in shown["workers"]) == [2, 2], shown["workers"]
    assert rows[0]["num_failures"] == 0 and rows[0]["median_response_time"] > 0
    assert f"{STACK}-loadworker-2 Up" in left(STACK)
    fetch("stop", b"")
