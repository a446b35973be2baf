"""What our servers let others do: who can reach them, and who may ask where a token is wanted."""

from __future__ import annotations

import ipaddress
import json
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from bakeoff.errors import TargetUnavailable, UsageError
from bakeoff.host.catalog import load_targets, make_endpoints
from bakeoff.host.progress import Show
from bakeoff.measure.requests import encode_request
from bakeoff.platforms.deploy import Deployment
from bakeoff.platforms.local import Local, LocalServer
from bakeoff.platforms.platform import StartOptions
from bakeoff.platforms.verify import canary
from bakeoff.report.words import optional_text
from bakeoff.schema import WIRE_PROTOCOLS, Endpoint
from bakeoff.wire.client import Client, Reply

TARGETS = load_targets()
LOCAL = Local()
EVERYWHERE = {"tfserving"}
"""TensorFlow Serving can't be told where to listen; docs/reliability.md says so."""


@pytest.mark.parametrize("name", [name for name in TARGETS if name not in EVERYWHERE])
def test_nothing_listens_beyond_the_loopback(name: str, deployment: Deployment) -> None:
    servers = [s for s in deployment.servers if isinstance(s, LocalServer) and s.target.name == name]
    if not servers:
        pytest.skip(f"{name} is not up as processes of this machine")
    main = psutil.Process(servers[0].process.pid)
    listening = {
        connection.laddr
        for process in (main, *main.children(recursive=True))
        for connection in process.net_connections("inet")
        if connection.status == psutil.CONN_LISTEN
    }
    assert {endpoint.port for endpoint in servers[0].endpoints} <= {address.port for address in listening}
    for address in listening:
        ip = ipaddress.ip_address(address.ip)
        assert (getattr(ip, "ipv4_mapped", None) or ip).is_loopback, address


def ask(endpoint: Endpoint, deployment: Deployment) -> Reply:
    client = Client(endpoint, deployment.model, 10.0)
    try:
        return client.send(encode_request(deployment.golden, endpoint.wire, [0]))
    finally:
        client.close()


def test_torchserves_tokens_are_used_and_told_nobody(
    deployment: Deployment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = TARGETS["torchserve"]
    try:
        prepared = LOCAL.prepare(target, Show())
    except TargetUnavailable as error:
        pytest.skip(f"torchserve is unavailable: {optional_text(error.reason)}")
    monkeypatch.setenv("TORCHSERVE_TOKEN_AUTH", "1")
    endpoints = make_endpoints(deployment.model.name, target, target.formats[:1], WIRE_PROTOCOLS.values())
    server = LOCAL.start(prepared, target.formats[0], endpoints, deployment.folder, StartOptions())
    keys = server.folder / "key_file.json"

    def answers(endpoint: Endpoint) -> str | None:
        try:
            return canary(replace(endpoint, token_file=str(keys)), deployment.golden)
        except UsageError as error:  # it hasn't written the file yet
            return str(error)

    try:
        LOCAL.wait_ready(server, answers)
        token = json.loads(keys.read_text(encoding="utf-8"))["inference"]["key"]
        wrong = tmp_path / "token"
        wrong.write_text("wrong\n", encoding="utf-8")
        refused = {"http_400", "grpc_7"}
        for endpoint in server.endpoints:
            for file, expected in ((str(keys), {"ok"}), (str(wrong), refused), (None, refused)):
                reply = ask(replace(endpoint, token_file=file), deployment)
                assert reply.status in expected and token not in reply.message, (endpoint.id, file, reply.message)
        assert token not in server.log.read_text(encoding="utf-8", errors="replace")
        assert not any(token in word for word in psutil.Process(server.process.pid).cmdline())
    finally:
        LOCAL.stop(server)
