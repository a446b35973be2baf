"""Many who come at once to a short line: as many are answered as there are places, the others told to come again."""

from __future__ import annotations

import json
import signal
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from typing import BinaryIO

import numpy as np
import psutil
import pytest

from bakeoff.wire import WIRES

from .conftest import FP32, LEAN, Running, Start, specs

ANSWER_S = 30
PLACES = 3  # one interpreter, and two who wait
STATUS = b"GET /v1/models/image HTTP/1.1\r\nHost: x\r\n\r\n"


@pytest.fixture(scope="module", params=LEAN)
def server(request: pytest.FixtureRequest, start: Start) -> Running:
    return start(request.param, "image", FP32, "--queue", str(PLACES - 1))


@dataclass
class Caller:
    """A connection, and the answers on it."""

    socket: socket.socket
    answers: BinaryIO

    def read(self) -> tuple[int, dict[str, str], bytes]:
        """Return the next answer's status, headers and body; leave to send the body is none."""
        status = int(self.answers.readline().split()[1])
        headers = {}
        while line := self.answers.readline().strip().decode():
            name, _, value = line.partition(": ")
            headers[name.lower()] = value
        if status == 100:
            return self.read()
        return status, headers, self.answers.read(int(headers["content-length"]))


def connect(server: Running, callers: ExitStack) -> Caller:
    connection = callers.enter_context(socket.create_connection(("127.0.0.1", server.rest_port), ANSWER_S))
    return Caller(connection, callers.enter_context(connection.makefile("rb")))


@pytest.fixture
def callers(server: Running) -> Iterator[list[Caller]]:
    with ExitStack() as stack:
        accepted = [connect(server, stack) for _ in range(8)]
        for caller in accepted:
            caller.socket.sendall(STATUS)
            assert caller.read()[0] == 200
        yield accepted


@pytest.fixture(scope="module")
def predict() -> bytes:
    wire = WIRES["tfserving-rest"]
    body = wire.encode_request("image", specs("image", "inputs"), {"x": np.zeros((1, 1, 8, 8), "f4")})
    head = f"POST /v1/models/image:predict HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


def send_at_once(server: Running, sent: list[tuple[Caller, bytes]]) -> None:
    """Send while the server is stopped, so that it finds everything in one turn of its loop."""
    server.process.send_signal(signal.SIGSTOP)
    try:
        while psutil.Process(server.process.pid).status() != psutil.STATUS_STOPPED:
            time.sleep(0.001)
        for caller, request in sent:
            caller.socket.sendall(request)
    finally:
        server.process.send_signal(signal.SIGCONT)


def test_as_many_are_answered_as_there_are_places(server: Running, callers: list[Caller], predict: bytes) -> None:
    send_at_once(server, [(caller, predict) for caller in callers])
    answers = [caller.read() for caller in callers]
    assert sorted(status for status, _, _ in answers) == [200] * PLACES + [503] * (len(callers) - PLACES)
    for status, headers, body in answers:
        if status == 503:
            assert headers["retry-after"] == "1"
            assert "2 requests wait already; try again later" in json.loads(body)["error"]
    for caller in callers:  # each still has its connection
        caller.socket.sendall(predict)
        assert caller.read()[0] == 200


def test_whoever_sends_slowly_holds_no_place(server: Running, callers: list[Caller], predict: bytes) -> None:
    slow, quick = callers[:4], callers[4:]
    for caller in slow:
        caller.socket.sendall(predict[:-5])
    send_at_once(server, [(caller, predict) for caller in quick])
    assert sorted(caller.read()[0] for caller in quick) == [200] * PLACES + [503]
    for caller in slow:
        caller.socket.sendall(predict[-5:])
        assert caller.read()[0] == 200


def test_the_first_request_of_a_connection_may_be_turned_away(server: Running, predict: bytes) -> None:
    with ExitStack() as stack:
        fresh = [connect(server, stack) for _ in range(20)]
        send_at_once(server, [(caller, predict) for caller in fresh])
        assert {caller.read()[0] for caller in fresh} == {200, 503}
        for caller in fresh:
            caller.socket.sendall(STATUS)
            assert caller.read()[0] == 200


def test_a_body_that_ends_later_is_read_before_the_next_request(
    server: Running, callers: list[Caller], predict: bytes
) -> None:
    send_at_once(server, [(caller, predict[:-5]) if caller in callers[4:] else (caller, predict) for caller in callers])
    for caller in callers[4:]:
        caller.socket.sendall(predict[-5:] + STATUS)
    assert {caller.read()[0] for caller in callers} == {200, 503}
    assert {caller.read()[0] for caller in callers[4:]} == {200}


@pytest.mark.parametrize(
    ("change", "status"),
    [((b"image:", b"other:"), 404), ((b"HTTP/1.1", b"HTTP/1.0"), 503), ((b"Length: ", b"Length: 9999999"), 413)],
    ids=["another model", "HTTP/1.0", "too large"],
)
def test_what_a_short_answer_is_not_for_gets_its_own(
    server: Running, callers: list[Caller], predict: bytes, change: tuple[bytes, bytes], status: int
) -> None:
    other = predict.replace(*change, 1)
    send_at_once(server, [(caller, predict) for caller in callers[:7]] + [(callers[7], other)])
    assert callers[7].read()[0] in (status, 200 if status == 503 else status)
    if status == 503:
        assert callers[7].answers.read() == b"", "uvicorn closes such connections"


def test_answers_keep_the_order_of_the_requests(server: Running, callers: list[Caller], predict: bytes) -> None:
    send_at_once(server, [(caller, predict + STATUS + predict) for caller in callers])
    found = [[caller.read() for _ in range(3)] for caller in callers]
    assert {len(json.loads(body)) for _, (_, _, body), _ in found} == {1}
    assert all(b"model_version_status" in status for _, (_, _, status), _ in found)
    assert [first[0] for first, _, _ in found].count(200) == PLACES
    assert all(last[0] in (200, 503) for _, _, last in found)


def test_a_request_that_may_not_be_answered_at_once_is_refused_too(
    server: Running, callers: list[Caller], predict: bytes
) -> None:
    """As where the connection is to be closed after it, or the caller waits for leave to send the body."""
    closing = predict.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n", 1)
    asking = predict.replace(b"\r\n\r\n", b"\r\nExpect: 100-continue\r\n\r\n", 1)
    requests = [closing] * 4 + [asking] * 4
    send_at_once(server, list(zip(callers, requests, strict=True)))
    assert sorted(caller.read()[0] for caller in callers) == [200] * PLACES + [503] * 5
    assert [caller.answers.read() for caller in callers[:4]] == [b""] * 4, "they are closed"
