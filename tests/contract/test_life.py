"""Every server ends when it is told to and when its parent dies, with all its children."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from bakeoff.errors import TargetUnavailable
from bakeoff.host.catalog import load_targets, make_endpoints
from bakeoff.host.processes import group_is_alive
from bakeoff.host.progress import Show
from bakeoff.platforms.deploy import Deployment
from bakeoff.platforms.local import Local, server_command, server_environment
from bakeoff.platforms.platform import StartOptions
from bakeoff.platforms.ports import HOST, free_ports
from bakeoff.platforms.verify import canary
from bakeoff.report.words import optional_text

TARGETS = load_targets()
LOCAL = Local()

# Starts a server as bakeoff does, tells its process id and waits to be killed.
PARENT = """
import sys
from bakeoff.host.processes import confined, spawn
from pathlib import Path
folder = Path(sys.argv[1])
with (folder / "server.log").open("wb") as log:
    process = spawn(confined(sys.argv[2:]), log, folder, dict(__import__("os").environ))
print(process.pid, flush=True)
process.wait()
"""


def gone(group: int, patience_s: float = 15) -> bool:
    """Wait until a process group has no process left; tell whether that happened."""
    deadline = time.monotonic() + patience_s
    while group_is_alive(group) and time.monotonic() < deadline:
        time.sleep(0.05)
    return not group_is_alive(group)


@pytest.mark.parametrize("name", TARGETS)
def test_sigterm_ends_it_cleanly(name: str, deployment: Deployment) -> None:
    target = TARGETS[name]
    try:
        prepared = LOCAL.prepare(target, Show())
    except TargetUnavailable as error:
        pytest.skip(f"{name} is unavailable: {optional_text(error.reason)}")
    endpoints = make_endpoints(deployment.model.name, target, target.formats[:1], ["rest"])
    server = LOCAL.start(prepared, target.formats[0], endpoints, deployment.folder, StartOptions())
    try:
        LOCAL.wait_ready(server, lambda endpoint: canary(endpoint, deployment.golden))
        server.process.terminate()
        # A Java process says 143, as Java does.
        assert server.process.wait(15) in (0, 128 + signal.SIGTERM), server.log.read_text()
        assert gone(server.process.pid)
    finally:
        LOCAL.stop(server)


@pytest.mark.parametrize("name", TARGETS)
def test_it_ends_when_its_parent_is_killed(name: str, deployment: Deployment, tmp_path: Path) -> None:
    target = TARGETS[name]
    try:
        prepared = LOCAL.prepare(target, Show())
    except TargetUnavailable as error:
        pytest.skip(f"{name} is unavailable: {optional_text(error.reason)}")
    ports = [str(port) for port in free_ports(2)]
    command = server_command(target, prepared.place, deployment.model.name, deployment.folder, target.formats[0])
    command += ["--host", HOST, "--rest-port", ports[0], "--grpc-port", ports[1]]
    environment = server_environment(target)
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT, str(tmp_path), *command], env=environment, stdout=subprocess.PIPE, text=True
    )
    assert parent.stdout
    group = int(parent.stdout.readline())
    time.sleep(1)  # half-way up is the harder case: children are just being started
    parent.kill()
    parent.wait()
    ended = gone(group)
    if not ended:
        os.killpg(group, signal.SIGKILL)
    assert ended
