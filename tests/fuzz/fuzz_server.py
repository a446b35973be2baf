"""A server program under fuzzing: started as the local runtime does, attacked, and judged."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import pycurl
from fuzz_cases import Case

from bakeoff.host.catalog import SERVING, load_targets, program_of, serving_arguments
from bakeoff.host.files import ROOT
from bakeoff.host.venvs import ensure_venv
from bakeoff.schema import Model, Target
from bakeoff.wire.client import make_curl

START_S, ANSWER_S = 120, 60
GRPC_REFUSALS = {"3", "5", "8", "9", "12"}
"""INVALID_ARGUMENT, NOT_FOUND, RESOURCE_EXHAUSTED, FAILED_PRECONDITION, UNIMPLEMENTED: what a caller may be told."""


class Broken(AssertionError):
    """The server did what no request may bring it to do."""


def kept_connections() -> pycurl.CurlShare:
    """Return what lets requests use each other's connections: one each would use up this machine's ports."""
    share = pycurl.CurlShare()
    share.setopt(pycurl.SH_SHARE, pycurl.LOCK_DATA_CONNECT)
    return share


@dataclass
class Attacked:
    """A running server, and what it answered so far."""

    target: Target
    model: Model
    process: subprocess.Popen[bytes]
    log: Path
    rest_port: int
    grpc_port: int
    outcomes: Counter[str] = field(default_factory=Counter)
    connections: pycurl.CurlShare = field(default_factory=kept_connections)

    def attack(self, case: Case) -> str:
        """Send a request; return what came of it, or raise Broken with what is wrong."""
        outcome = self._send_raw(case) if case.kind == "raw" else self._send(case)
        if self.process.poll() is not None:
            raise Broken(f"it ended with status {self.process.returncode}: {self.log.read_text()[-2000:]}")
        self.outcomes[f"{case.kind} {outcome}"] += 1
        return outcome

    def rss_bytes(self) -> int:
        """Return the resident memory of all its processes."""
        main = psutil.Process(self.process.pid)
        return sum(process.memory_info().rss for process in (main, *main.children(recursive=True)))

    def _send(self, case: Case) -> str:
        grpc = case.kind == "grpc"
        chunks: list[bytes] = []
        lines: list[bytes] = []
        curl = make_curl(chunks, ANSWER_S)
        port = self.grpc_port if grpc else self.rest_port
        curl.setopt(pycurl.URL, f"http://127.0.0.1:{port}{case.path}".encode("latin-1", "replace"))
        curl.setopt(pycurl.SHARE, self.connections)
        curl.setopt(pycurl.POSTFIELDS, case.body)
        curl.setopt(pycurl.HEADERFUNCTION, lines.append)
        headers = ["content-type: application/grpc", "te: trailers"] if grpc else list(case.headers)
        curl.setopt(pycurl.HTTPHEADER, [*headers, "expect:"])
        if grpc:
            curl.setopt(pycurl.HTTP_VERSION, pycurl.CURL_HTTP_VERSION_2_PRIOR_KNOWLEDGE)
        try:
            curl.perform()
        except pycurl.error as error:
            if error.args[0] == pycurl.E_OPERATION_TIMEDOUT:
                raise Broken(f"no answer within {ANSWER_S} s") from None
            if error.args[0] == pycurl.E_COULDNT_CONNECT:
                raise Broken("it takes no connection") from None
            return "reset"
        finally:
            status = curl.getinfo(pycurl.RESPONSE_CODE)
            curl.close()
        if grpc and status == 200:
            return judge_grpc(lines)
        return judge_http(status, b"".join(chunks))

    def _send_raw(self, case: Case) -> str:
        with socket.create_connection(("127.0.0.1", self.rest_port), ANSWER_S) as connection:
            received = b""
            try:
                connection.sendall(case.body)
                connection.shutdown(socket.SHUT_WR)  # nothing more will come, so nothing is waited for
                while chunk := connection.recv(65536):
                    received += chunk
            except TimeoutError:
                raise Broken(f"the connection is held for {ANSWER_S} s") from None
            except OSError:
                pass
        while received.startswith(b"HTTP/1.1 100"):
            received = received.partition(b"\r\n\r\n")[2]
        if not received.startswith(b"HTTP/"):
            return "closed"
        return judge_http(int(received.split(None, 2)[1]), None)


def judge_http(status: int, body: bytes | None) -> str:
    """Return the status; raise Broken for a server's error, or a refusal without a message. Without a body: None."""
    if status >= 500 and status != 503:
        raise Broken(f"status {status}: {(body or b'')[:300]!r}")
    if status >= 400 and body is not None:
        try:
            said = json.loads(body)
            message = said.get("error") or said.get("message")
        except (ValueError, AttributeError):
            message = body.decode("utf-8", "replace")
        if not message:
            raise Broken(f"status {status} without a message")
    return str(status)


def judge_grpc(lines: list[bytes]) -> str:
    """Return the gRPC status in an answer's headers and trailers; raise Broken for one that no caller may be told."""
    told = {name: value.strip() for name, _, value in (line.partition(b":") for line in lines)}
    status = told.get(b"grpc-status", b"none").decode()
    if status not in GRPC_REFUSALS | {"0"}:
        raise Broken(f"gRPC status {status}: {told.get(b'grpc-message', b'')[:300]!r}")
    if status != "0" and not told.get(b"grpc-message"):
        raise Broken(f"gRPC status {status} without a message")
    return f"grpc {status}"


@contextmanager
def attacked(name: str, artifacts: Path, model: Model, folder: Path) -> Iterator[Attacked]:
    """Start a target's server on its default format, and end it."""
    target = load_targets()[name]
    requirements = SERVING / name / (target.requirements or "")
    python = ensure_venv(requirements, say=lambda text: sys.stderr.write(f"{text}\n"))
    rest_port, grpc_port = free_ports()
    argv = [
        str(python),
        str(program_of(target)),
        *serving_arguments(target),
        "--model",
        model.name,
        "--model-dir",
        str(artifacts),
    ]
    argv += ["--format", target.formats[0], "--rest-port", str(rest_port), "--grpc-port", str(grpc_port)]
    log = folder / f"{name}.log"
    environment = os.environ | {"PYTHONPATH": str(ROOT / "src"), "OMP_NUM_THREADS": "1"}
    with log.open("wb") as output:
        process = subprocess.Popen(argv, cwd=folder, env=environment, stdout=output, stderr=output)
    server = Attacked(target, model, process, log, rest_port, grpc_port)
    try:
        wait_open(server)
        yield server
    finally:
        process.terminate()
        try:
            process.wait(15)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def wait_open(server: Attacked) -> None:
    """Wait until both ports take connections."""
    deadline = time.monotonic() + START_S
    for port in (server.rest_port, server.grpc_port):
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), 5).close()
                break
            except OSError:
                if server.process.poll() is not None or time.monotonic() > deadline:
                    raise Broken(f"it did not start: {server.log.read_text()[-2000:]}") from None
                time.sleep(0.05)


def free_ports() -> tuple[int, int]:
    """Choose two free ports."""
    with socket.create_server(("127.0.0.1", 0)) as one, socket.create_server(("127.0.0.1", 0)) as two:
        return one.getsockname()[1], two.getsockname()[1]
