"""Starts server programs as the local runtime does: their own environment, a private folder, free ports."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from wire_client import client_of, model_of

from bakeoff.host.catalog import load_targets, program_of, serving_arguments
from bakeoff.host.venvs import ensure_venv
from bakeoff.schema import TensorSpec
from bakeoff.wire import WIRES
from bakeoff.wire.client import Client

ROOT = Path(__file__).resolve().parents[3]
TINY = Path(__file__).resolve().parent / "tiny"
TARGETS = load_targets()
FP32 = "tflite-fp32"
LEAN = [target.name for target in TARGETS.values() if target.server == "lean" and FP32 in target.formats]
"""Targets of our own server that the artifacts in tiny/ are for."""
START_TIMEOUT_S = 30


@dataclass
class Running:
    """A server program that answers."""

    process: subprocess.Popen[str]
    model: str
    rest_port: int
    grpc_port: int

    def client(self, wire: str, model: str | None = None, timeout_s: float = 10) -> Client:
        port = self.grpc_port if WIRES[wire].protocol == "grpc" else self.rest_port
        return client_of(port, wire, model_of(model or self.model, specs(self.model, "inputs")), timeout_s)


def specs(model: str, side: str) -> tuple[TensorSpec, ...]:
    """The inputs or outputs in a tiny model's description."""
    described = json.loads((TINY / model / "model.json").read_text())
    return tuple(TensorSpec(each["name"], each["dtype"], tuple(each["shape"])) for each in described[side])


def spawn(
    target: str, model: str, format: str, ports: tuple[int, int], folder: Path, *more: str
) -> subprocess.Popen[str]:
    """Start a target's program; the caller ends it."""
    python = ensure_venv(ROOT / "serving" / target / "requirements.txt", say=lambda text: sys.stderr.write(text + "\n"))
    program, told = program_of(TARGETS[target]), serving_arguments(TARGETS[target])
    arguments = ["--model", model, "--model-dir", str(TINY / model), "--format", format, "--host", "127.0.0.1"]
    arguments += ["--rest-port", str(ports[0]), "--grpc-port", str(ports[1]), *more]
    return subprocess.Popen(
        [str(python), str(program), *told, *arguments],
        env=os.environ | {"PYTHONPATH": str(ROOT / "src")},
        cwd=folder,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def free_ports() -> tuple[int, int]:
    with socket.create_server(("127.0.0.1", 0)) as one, socket.create_server(("127.0.0.1", 0)) as two:
        return one.getsockname()[1], two.getsockname()[1]


Start = Callable[..., Running]


@pytest.fixture(scope="module")
def start(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Start]:
    """Start servers that live until the module's tests are done."""
    processes = []

    def start_one(target: str, model: str, format: str, *more: str) -> Running:
        ports = free_ports()
        process = spawn(target, model, format, ports, tmp_path_factory.mktemp(target), *more)
        processes.append(process)
        running = Running(process, model, *ports)
        client = running.client("tfserving-rest")
        deadline = time.monotonic() + START_TIMEOUT_S
        while client.get("/openapi.json").status != "ok":
            assert process.poll() is None, process.communicate()[1]
            assert time.monotonic() < deadline, "the server is not ready"
            time.sleep(0.05)
        return running

    yield start_one
    for process in processes:
        process.kill()
        process.communicate()
