"""Targets that fail to come up: each fails alone, in time, with its reason, and leaves nothing behind."""

from __future__ import annotations

import json
import os
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import psutil
import pytest

from bakeoff.host.progress import Show
from bakeoff.platforms.deploy import Deployment, Selection, bring_up, open_deployment
from bakeoff.platforms.local import Local
from bakeoff.platforms.platform import StartOptions
from bakeoff.platforms.ports import HOST
from bakeoff.report.words import optional_text
from bakeoff.schema import Reason, Target, quoted

MakeTarget = Callable[..., Target]


@pytest.fixture(autouse=True)
def no_process_is_left() -> Iterator[None]:
    yield
    left = [p for p in psutil.Process(os.getpid()).children(recursive=True) if p.status() != "zombie"]
    assert not [p for p in left if "bakeoff.host.guardian" not in p.cmdline()]


def start_all(deployment: Deployment, *targets: Target, base_port: int = 0) -> None:
    try:
        bring_up(deployment, Selection(targets, ("rest",), base_port=base_port), StartOptions(), Show())
    finally:
        for server in deployment.servers:
            deployment.platform.stop(server)


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
    assert "over the tolerance" in optional_text(deployment.parity[0].message)


def test_each_length_is_verified_at_each_batch(
    deployment: Deployment, make_target: MakeTarget, http_server: str
) -> None:
    describe_with_lengths(deployment)
    deployment = open_deployment(deployment.folder, Local())
    right = make_target(http_server.replace("FACTOR", "2"))
    start_all(deployment, right, make_target(http_server.replace("FACTOR", "(2 + len(row) // 5)"), name="short"))
    assert [e.id for e in deployment.endpoints] == ["mine-rest"]
    found = {(row.endpoint, row.batch, row.length): row.ok for row in deployment.parity}
    sizes = [(batch, length) for batch in (1, 3) for length in (2, 5)]
    assert found == {("mine-rest", *size): True for size in sizes} | {("short-rest", *s): s[1] == 2 for s in sizes}


def describe_with_lengths(deployment: Deployment) -> None:
    """Make of the doubling model's artifacts those of one that doubles rows of any length, known at 2 and 5."""
    described = json.loads((deployment.folder / "model.json").read_text(encoding="utf-8"))
    for side in ("inputs", "outputs"):
        described[side][0]["shape"] = [None, None]
    (deployment.folder / "model.json").write_text(json.dumps({**described, "lengths": [2, 5]}), encoding="utf-8")
    arrays = {}
    for length in (2, 5):
        x = np.arange(8 * length, dtype=np.float32).reshape(8, length)
        arrays |= {f"input:x@{length}": x, f"torch:y@{length}": 2 * x, f"torchscript:y@{length}": 2 * x}
    np.savez(deployment.folder / "golden.npz", **arrays)


def test_a_format_whose_framework_has_no_wheels_here_makes_its_target_unavailable_with_the_remedy(
    deployment: Deployment, make_target: MakeTarget
) -> None:
    missing = {"savedmodel": {"reason": "words", "op": None, "package": "tensorflow", "python": "3.14"}}
    (deployment.folder / "missing.json").write_text(json.dumps(missing), encoding="utf-8")
    deployment = open_deployment(deployment.folder, Local())
    start_all(deployment, make_target("", name="lacking", formats=("savedmodel",)))
    state = deployment.states["lacking"]
    assert state.status == "unavailable" and state.remedy == Reason("install_one_of", {"pythons": "3.11, 3.12, 3.13"})
    assert "tensorflow has no wheels for Python 3.14" in optional_text(state.reason)


def test_a_format_that_could_not_be_made_fails_its_target_with_the_reason(
    deployment: Deployment, make_target: MakeTarget, http_server: str
) -> None:
    missing = {"savedmodel": {"reason": "no rule for aten.mine", "op": "aten.mine"}}
    (deployment.folder / "missing.json").write_text(json.dumps(missing), encoding="utf-8")
    deployment = open_deployment(deployment.folder, Local())
    start_all(
        deployment,
        make_target("", name="lacking", formats=("savedmodel",)),
        make_target(http_server.replace("FACTOR", "2"), formats=("torchscript", "savedmodel")),
    )
    state = deployment.states["lacking"]
    lacking = Reason("artifact_missing", {"model": "double", "format": "savedmodel"}, quoted("no rule for aten.mine"))
    assert (state.status, state.reason) == ("failed", Reason("of_model", {"model": "double"}, lacking))
    assert deployment.states["mine"].status == "available"
    assert [(row.format, row.reason) for row in deployment.missing] == [("savedmodel", quoted("no rule for aten.mine"))]


def test_nan_is_a_wrong_answer(deployment: Deployment, make_target: MakeTarget, http_server: str) -> None:
    start_all(deployment, make_target(http_server.replace("FACTOR", "float('nan')")))
    assert deployment.endpoints == []
    assert deployment.parity[0].message == Reason("not_finite")


def test_a_server_that_dies_fails_alone_with_the_end_of_its_log(
    deployment: Deployment, make_target: MakeTarget, http_server: str
) -> None:
    dying = make_target("print('one'); print('out of luck'); raise SystemExit(3)", name="dying")
    start_all(deployment, dying, make_target(http_server.replace("FACTOR", "2")))
    state = deployment.states["dying"]
    assert state.status == "failed"
    assert "status 3" in optional_text(state.reason) and "out of luck" in optional_text(state.reason)
    assert deployment.states["mine"].status == "available"


def test_a_server_that_never_answers_fails_within_its_deadline(deployment: Deployment, make_target: MakeTarget) -> None:
    silent = make_target("import time; print('loading', flush=True); time.sleep(600)", start_timeout_s=1.0)
    started = time.monotonic()
    start_all(deployment, silent)
    assert time.monotonic() - started < 30
    state = deployment.states["mine"]
    assert state.status == "failed"
    assert "not ready within 1 s" in optional_text(state.reason) and "loading" in optional_text(state.reason)


def test_a_taken_port_is_named(deployment: Deployment, make_target: MakeTarget, http_server: str) -> None:
    with socket.socket() as holder:
        holder.bind((HOST, 0))
        holder.listen()
        port = holder.getsockname()[1]
        start_all(deployment, make_target(http_server.replace("FACTOR", "2")), base_port=port)
    state = deployment.states["mine"]
    assert state.status == "failed"
    assert f"port {port} is taken" in optional_text(state.reason)


def test_unavailable_is_not_failed(deployment: Deployment, make_target: MakeTarget) -> None:
    program = "import sys; sys.stderr.write('no such CPU\\n'); sys.exit(69)"
    start_all(deployment, make_target(program, unavailable_remedy="buy one"))
    state = deployment.states["mine"]
    assert (state.status, state.reason, state.remedy) == ("unavailable", quoted("no such CPU"), quoted("buy one"))


def test_a_missing_command_makes_a_target_unavailable(deployment: Deployment, make_target: MakeTarget) -> None:
    start_all(deployment, make_target("", requires=("surely-no-such-command",), unavailable_remedy="install it"))
    state = deployment.states["mine"]
    assert (state.status, state.remedy) == ("unavailable", quoted("install it"))
    assert "surely-no-such-command" in optional_text(state.reason)


def test_a_python_that_nobody_has_makes_a_target_unavailable(
    deployment: Deployment, make_target: MakeTarget, tmp_path: Path
) -> None:
    requirements = tmp_path / "requirements.txt"
    requirements.write_text("# requires-python: <3\nnumpy==2.4.6\n", encoding="utf-8")
    start_all(deployment, make_target("", requirements=str(requirements)))
    state = deployment.states["mine"]
    assert state.status == "unavailable" and state.reason and state.reason.code == "no_python"


def test_requirements_that_cannot_be_installed_make_a_target_unavailable(
    deployment: Deployment, make_target: MakeTarget, tmp_path: Path
) -> None:
    requirements = tmp_path / "requirements.txt"
    requirements.write_text("./no-such-folder-of-a-package\n", encoding="utf-8")
    start_all(deployment, make_target("", requirements=str(requirements)))
    state = deployment.states["mine"]
    assert state.status == "unavailable" and "no-such-folder" in optional_text(state.reason)


CHECK = """
    import json, sys
    said = {"runtime": "mine 1", "format": "torchscript", "ok": False, "max_abs_error": ERROR, "message": "far off"}
    print(json.dumps(said))
    sys.exit(65)
"""


@pytest.mark.parametrize("error", [136.0, None], ids=["runs wrongly", "can't be loaded"])
def test_an_artifact_that_its_runtime_cannot_serve_is_a_failure(
    error: float | None, deployment: Deployment, make_target: MakeTarget
) -> None:
    start_all(deployment, make_target(CHECK.replace("ERROR", repr(error)), checks=True))
    state = deployment.states["mine"]
    assert state.status == "failed" and "far off" in optional_text(state.reason)
    assert [(row.max_abs_error, row.ok) for row in deployment.parity] == ([] if error is None else [(error, False)])
    assert [row.supported for row in deployment.support] == [False]


def test_a_check_that_crashes_is_told(deployment: Deployment, make_target: MakeTarget) -> None:
    start_all(deployment, make_target("raise SystemExit('no luck')", checks=True))
    assert "no luck" in optional_text(deployment.support[0].message)
    assert deployment.states["mine"].status == "failed"


def test_a_target_without_the_protocol_asked_for_is_left_out(
    deployment: Deployment, make_target: MakeTarget, http_server: str
) -> None:
    target = make_target(http_server.replace("FACTOR", "2"))
    bring_up(deployment, Selection((target,), ("grpc",)), StartOptions(), Show())
    assert deployment.servers == [] and deployment.states["mine"].status == "available"


def test_children_of_a_killed_server_go_too(deployment: Deployment, make_target: MakeTarget, http_server: str) -> None:
    program = "import subprocess\nsubprocess.Popen(['sleep', '600'])\n" + http_server.replace("\n    ", "\n")
    bring_up(
        deployment,
        Selection((make_target(program.replace("FACTOR", "2")),), ("rest",)),
        StartOptions(),
        Show(),
    )
    (server,) = deployment.servers
    server.process.kill()
    server.process.wait()
    deployment.platform.stop(server)


def test_a_paused_server_can_be_ended(deployment: Deployment, make_target: MakeTarget, http_server: str) -> None:
    selection = Selection((make_target(http_server.replace("FACTOR", "2")),), ("rest",))
    bring_up(deployment, selection, StartOptions(), Show())
    (server,) = deployment.servers
    deployment.platform.pause(server)
    deadline = time.monotonic() + 600  # a signal takes effect when its process is next scheduled
    while psutil.Process(server.process.pid).status() != psutil.STATUS_STOPPED:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    deployment.platform.stop(server)
    assert not server.folder.exists()
