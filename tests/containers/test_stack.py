"""`docker compose up`: healthy, with as few rights as possible, loaded from inside."""

from __future__ import annotations

import json
import urllib.request
from pathlib import Path
from typing import Any

import pytest
from dockered import ROOT, SERVERS, STACK, docker

pytestmark = pytest.mark.usefixtures("stack")
ALL = (*SERVERS, "loadtest", "report")


def inspect(service: str) -> dict[str, Any]:
    done = docker("inspect", f"{STACK}-{service}-1")
    (description,) = json.loads(done.stdout)
    content: dict[str, Any] = description
    return content


def fetch(url: str) -> str:
    with urllib.request.urlopen(url, timeout=10) as answer:
        text: str = answer.read().decode()
        return text


@pytest.mark.parametrize("service", SERVERS)
def test_a_server_is_healthy_by_a_canary_prediction(service: str) -> None:
    assert inspect(service)["State"]["Health"]["Status"] == "healthy"
    assert docker("compose", "exec", "-T", service, "ls", "/tmp/healthy").returncode == 0


@pytest.mark.parametrize("service", ALL)
def test_a_container_has_few_rights(service: str) -> None:
    said = docker("compose", "exec", "-T", service, "sh", "-c", "id -u; grep -E 'CapEff|NoNewPrivs' /proc/1/status")
    assert said.stdout.split() == ["10001", "CapEff:", "0" * 16, "NoNewPrivs:", "1"]
    host = inspect(service)["HostConfig"]
    assert host["ReadonlyRootfs"] and not host["Privileged"] and host["Memory"] > 0
    assert not [mount for mount in inspect(service)["Mounts"] if "docker.sock" in mount["Source"]]


def test_every_server_has_the_same_cpus_and_memory_and_the_load_has_others() -> None:
    limits = {(inspect(s)["HostConfig"]["CpusetCpus"], inspect(s)["HostConfig"]["Memory"]) for s in SERVERS}
    assert len(limits) == 1
    assert inspect("loadtest")["HostConfig"]["CpusetCpus"] not in {cpus for cpus, _ in limits}


@pytest.mark.parametrize("service", ALL)
def test_ports_are_on_the_loopback(service: str) -> None:
    ports = inspect(service)["NetworkSettings"]["Ports"]
    assert ports and all(binding["HostIp"] == "127.0.0.1" for bindings in ports.values() for binding in bindings or ())


@pytest.mark.parametrize("service", [*SERVERS, "loadtest", "export"])
def test_images_hold_no_build_tools_and_no_caches(service: str) -> None:
    entry = ("--entrypoint", "sh", service, "-c")
    script = (
        "command -v gcc cc make; ls /root/.cache ~/.cache /var/lib/apt/lists/* 2>/dev/null; python -m pip --version"
    )
    done = docker("compose", "run", "--rm", "--no-deps", "-T", *entry, script)
    assert done.stdout == "" and "No module named pip" in done.stderr


def test_a_wrong_answer_is_not_healthy() -> None:
    canary = ["python", "/app/serving/shared/canary.py"]
    gone = ["http://127.0.0.1:8501/v1/models/nobody:predict", "8500", "/artifacts/digits_cnn/canary.json"]
    done = docker("compose", "exec", "-T", "lean-tflite", *canary, *gone)
    assert done.returncode == 1 and "404" in done.stderr


def test_tfservings_health_check_asks_a_server_of_its_api() -> None:
    """Its own image may not be here, so lean-tflite answers, which speaks the same REST."""
    check = (ROOT / "serving" / "tfserving" / "healthy.bash").read_text(encoding="utf-8")
    for model, status in (("nobody", 1), ("digits_cnn", 0)):
        command = [
            "exec",
            "-T",
            "lean-tflite",
            "bash",
            "-c",
            f"rm -f /tmp/healthy\n{check}",
            "healthy",
            model,
            "8501",
            "8500",
        ]
        assert (docker("compose", *command).returncode == 0) is (status == 0)


def test_locusts_page_loads_an_endpoint() -> None:
    assert "<!doctype html>" in fetch("http://127.0.0.1:8089/").lower()
    form = b"user_count=1&spawn_rate=1&host=&endpoint=lean-tflite-grpc&batch_size=1&run_time=2"
    with urllib.request.urlopen("http://127.0.0.1:8089/swarm", form, timeout=10) as answer:
        assert json.load(answer)["success"]


def test_the_loadtest_container_leaves_a_report(tmp_path: Path) -> None:
    before = fetch("http://127.0.0.1:8000/")
    command = ["run", "--rm", "--no-TTY", "loadtest", "measure", "--quick", "--target", "lean-tflite"]
    done = docker("compose", *command)
    assert done.returncode == 0, done.stderr
    name = done.stderr.split("http://127.0.0.1:8000/")[1].split("/")[0]
    assert name not in before
    assert f'href="/{name}/report.html"' in fetch("http://127.0.0.1:8000/")
    assert "lean-tflite-grpc" in fetch(f"http://127.0.0.1:8000/{name}/report.html")
    copied = docker("compose", "cp", f"report:/app/results/{name}/results.json", str(tmp_path))
    assert copied.returncode == 0, copied.stderr
    results = json.loads((tmp_path / "results.json").read_text(encoding="utf-8"))
    assert results["platform"] == "remote" and results["paused"] is False
    assert results["surroundings"]["resources"] is False
    valid = {(m["endpoint"], m["workload"]) for m in results["measurements"] if m["verdict"] == "valid"}
    assert {(f"lean-tflite-{p}", w) for p in ("rest", "binary", "grpc") for w in ("c1", "c8")} <= valid
    assert {m["peak_rss_bytes"] for m in results["measurements"]} == {None}


def test_up_and_run_are_told_apart() -> None:
    program = "import sys; sys.path.insert(0, '/app/loadtest'); import container; print(container.is_the_service())"
    up = docker("compose", "exec", "-T", "loadtest", "python", "-c", program)
    assert up.stdout.strip() == "True", up.stderr
    run = docker("compose", "run", "--rm", "-T", "--entrypoint", "python", "loadtest", "-c", program)
    assert run.stdout.strip() == "False", run.stderr


def test_a_part_can_be_named() -> None:
    done = docker("compose", "config", "--format", "json")
    services = json.loads(done.stdout)["services"]
    assert set(services["loadtest"]["depends_on"]) == {"export"}
    assert set(services["lean-tflite"]["depends_on"]) == {"export"}
    assert (ROOT / ".env").read_text(encoding="utf-8").count("COMPOSE_PROFILES=tfserving\n") == 1
