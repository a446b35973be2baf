"""Targets that fail to come up: each fails alone, in time, with its reason, and leaves nothing behind."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from bakeoff.deploy import Deployment, Selection, bring_up
from bakeoff.runtimes import local
from bakeoff.show import Quiet
from bakeoff.types import Target

MakeTarget = Callable[..., Target]


@pytest.fixture(autouse=True)
def no_process_is_left() -> Iterator[None]:
    yield
    left = [p for p in psutil.Process(os.getpid()).children(recursive=True) if p.status() != "zombie"]
    assert not [p for p in left if "bakeoff.guardian" not in p.cmdline()]


def start_all(deployment: Deployment, *targets: Target, base_port: int = 0) -> None:
    try:
        bring_up(deployment, Selection(targets, ("rest",), base_port=base_port), local.StartOptions(), Quiet())
    finally:
        for server in deployment.servers:
            local.stop(server)


def test_a_right_server_is_available(deployment: Deployment, make_target: MakeTarget, http_server: str) -> None:
    start_all(deployment, make_target(http_server.replace("FACTOR", "2")))
    assert deployment.states["mine"].status == "available"
    assert deployment.states["mine"].ready_seconds
    assert [e.id for e in deployment.endpoints] == ["mine-rest"]
    assert [(row.batch, row.max_abs_error, row.ok) for row in deployment.parity] == [(1, 0.0, True), (3, 0.0, True)]


def test_a_wrong_answer_keeps_an_endpoint_out(
    deployment: Deployment, make_target: MakeTarget, http_server: str
) -> None:
    start_all(deployment, make_target(http_server.replace("FACTOR", "2.001")))
    assert deployment.endpoints == []
    assert [row.ok for row in deployment.parity] == [False, False]
    assert "over the tolerance" in (deployment.parity[0].message or "")


def test_nan_is_a_wrong_answer(deployment: Deployment, make_target: MakeTarget, http_server: str) -> None:
    start_all(deployment, make_target(http_server.replace("FACTOR", "float('nan')")))
    assert deployment.endpoints == []
    assert deployment.parity[0].message == "the answer holds NaN or Infinity"


def test_a_server_that_dies_fails_alone_with_the_end_of_its_log(
    deployment: Deployment, make_target: MakeTarget, http_server: str
) -> None:
    dying = make_target("print('one'); print('out of luck'); raise SystemExit(3)", name="dying")
    start_all(deployment, dying, make_target(http_server.replace("FACTOR", "2")))
    state = deployment.states["dying"]
    assert state.status == "failed"
    assert "status 3" in (state.reason or "") and "out of luck" in (state.reason or "")
    assert deployment.states["mine"].status == "available"


def test_a_server_that_never_answers_fails_within_its_deadline(deployment: Deployment, make_target: MakeTarget) -> None:
    silent = make_target("import time; print('loading', flush=True); time.sleep(600)", start_timeout_s=1.0)
    started = time.monotonic()
    start_all(deployment, silent)
    assert time.monotonic() - started < 30
    state = deployment.states["mine"]
    assert state.status == "failed"
    assert "not ready within 1 s" in (state.reason or "") and "loading" in (state.reason or "")


def test_a_taken_port_is_named(deployment: Deployment, make_target: MakeTarget, http_server: str) -> None:
    with socket.socket() as holder:
        holder.bind((local.HOST, 0))
        holder.listen()
        port = holder.getsockname()[1]
        start_all(deployment, make_target(http_server.replace("FACTOR", "2")), base_port=port)
    state = deployment.states["mine"]
    assert state.status == "failed"
    assert f"port {port} is taken" in (state.reason or "")


def test_unavailable_is_not_failed(deployment: Deployment, make_target: MakeTarget) -> None:
    program = "import sys; sys.stderr.write('no such CPU\\n'); sys.exit(69)"
    start_all(deployment, make_target(program, unavailable_remedy="buy one"))
    state = deployment.states["mine"]
    assert (state.status, state.reason, state.remedy) == ("unavailable", "no such CPU", "buy one")


def test_a_missing_command_makes_a_target_unavailable(deployment: Deployment, make_target: MakeTarget) -> None:
    start_all(deployment, make_target("", requires=("surely-no-such-command",), unavailable_remedy="install it"))
    state = deployment.states["mine"]
    assert (state.status, state.remedy) == ("unavailable", "install it")
    assert "surely-no-such-command" in (state.reason or "")


@pytest.mark.parametrize("field", [{"machines": ("pdp11",)}, {"pythons": ("2.7",)}])
def test_a_wrong_machine_or_python_makes_a_target_unavailable(
    deployment: Deployment, make_target: MakeTarget, field: dict[str, tuple[str, ...]]
) -> None:
    start_all(deployment, make_target("", **field))
    state = deployment.states["mine"]
    assert state.status == "unavailable"
    assert next(iter(field.values()))[0] in (state.reason or "")


def test_requirements_that_cannot_be_installed_make_a_target_unavailable(
    deployment: Deployment, make_target: MakeTarget, tmp_path: Path
) -> None:
    requirements = tmp_path / "requirements.txt"
    requirements.write_text("./no-such-folder-of-a-package\n", encoding="utf-8")
    start_all(deployment, make_target("", requirements=str(requirements)))
    state = deployment.states["mine"]
    assert state.status == "unavailable" and "no-such-folder" in (state.reason or "")


def test_children_of_a_killed_server_go_too(deployment: Deployment, make_target: MakeTarget, http_server: str) -> None:
    program = "import subprocess\nsubprocess.Popen(['sleep', '600'])\n" + http_server.replace("\n    ", "\n")
    bring_up(
        deployment,
        Selection((make_target(program.replace("FACTOR", "2")),), ("rest",)),
        local.StartOptions(),
        Quiet(),
    )
    (server,) = deployment.servers
    server.process.kill()
    server.process.wait()
    local.stop(server)


def test_a_paused_server_can_be_ended(deployment: Deployment, make_target: MakeTarget, http_server: str) -> None:
    selection = Selection((make_target(http_server.replace("FACTOR", "2")),), ("rest",))
    bring_up(deployment, selection, local.StartOptions(), Quiet())
    (server,) = deployment.servers
    local.pause(server)
    deadline = time.monotonic() + 5  # the kernel stops a process a moment after the signal
    while psutil.Process(server.process.pid).status() != psutil.STATUS_STOPPED and time.monotonic() < deadline:
        time.sleep(0.01)
    assert psutil.Process(server.process.pid).status() == psutil.STATUS_STOPPED
    local.stop(server)
    assert not server.folder.exists()
