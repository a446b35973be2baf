"""The client tells apart every way in which a request can end, against servers made of raw sockets and grpcio."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace

import grpc
import numpy as np
import pytest
from wire_client import client_of, model_of

from bakeoff.schema import TensorSpec
from bakeoff.wire import WIRES, Reply, Request, WireError
from bakeoff.wire.client import Client
from bakeoff.wire.grpc_message import frame
from bakeoff.wire.tensors import Arrays, Specs

X = (TensorSpec("x", "float32", (None, 2)),)
MODEL = model_of("m", X)
REST = WIRES["tfserving-rest"]
OK_ANSWER = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}"

# HTTP/2, RFC 9113: a frame is its length, type, flags and stream, then the payload.
SETTINGS, ACK = 4, 1
HEADERS, DATA, RST_STREAM = 1, 0, 3
END_STREAM, END_HEADERS = 1, 4


def http2_frame(kind: int, flags: int, stream: int, payload: bytes = b"") -> bytes:
    return len(payload).to_bytes(3, "big") + bytes([kind, flags]) + stream.to_bytes(4, "big") + payload


def headers(*pairs: tuple[str, str]) -> bytes:
    """Literal headers without indexing (HPACK, RFC 7541)."""
    block = b""
    for name, value in pairs:
        block += b"\0" + bytes([len(name)]) + name.encode() + bytes([len(value)]) + value.encode()
    return block


START = http2_frame(HEADERS, END_HEADERS, 1, headers((":status", "200"), ("content-type", "application/grpc")))


def trailers(*pairs: tuple[str, str]) -> bytes:
    return http2_frame(HEADERS, END_HEADERS | END_STREAM, 1, headers(*pairs))


@contextmanager
def raw_server(talk: Callable[[socket.socket], None]) -> Iterator[int]:
    """Accept connections on a free port and hand each to TALK, which runs in one thread."""
    listener = socket.create_server(("127.0.0.1", 0))

    def accept() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with connection:
                talk(connection)

    thread = threading.Thread(target=accept, daemon=True)
    thread.start()
    try:
        yield listener.getsockname()[1]
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join(5)


def read_request(connection: socket.socket) -> bytes:
    """Read one HTTP/1.1 request with its body."""
    data = b""
    while b"\r\n\r\n" not in data:
        data += connection.recv(65536)
    head, _, body = data.partition(b"\r\n\r\n")
    length = next(
        int(line.split(b":")[1]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length")
    )
    while len(body) < length:
        body += connection.recv(65536)
    return head + b"\r\n\r\n" + body


def answering(*answers: bytes) -> Callable[[socket.socket], None]:
    """Answer each request on a connection with the next of these bytes, then close."""

    def talk(connection: socket.socket) -> None:
        for answer in answers:
            read_request(connection)
            connection.sendall(answer)

    return talk


def answering_http2(answer: bytes) -> Callable[[socket.socket], None]:
    """Answer the first stream of an HTTP/2 connection with these bytes."""

    def talk(connection: socket.socket) -> None:
        connection.recv(65536)
        connection.sendall(http2_frame(SETTINGS, 0, 0) + http2_frame(SETTINGS, ACK, 0) + answer)
        connection.settimeout(2)
        try:
            while connection.recv(65536):
                pass
        except TimeoutError:
            pass

    return talk


def rest_client(port: int, timeout_s: float = 5.0) -> Client:
    return client_of(port, "tfserving-rest", MODEL, timeout_s)


def grpc_client(port: int, timeout_s: float = 5.0) -> Client:
    return client_of(port, "tfserving-grpc", MODEL, timeout_s)


def test_a_request_is_sent_as_the_wire_says_on_a_kept_connection() -> None:
    seen = []
    connections = []

    def talk(connection: socket.socket) -> None:
        connections.append(connection)
        for _ in range(2):
            seen.append(read_request(connection))
            connection.sendall(OK_ANSWER)

    with raw_server(talk) as port:
        client = rest_client(port)
        before_ns = time.perf_counter_ns()
        replies = [client.post(b'{"instances": 1}'), client.post(b'{"instances": 2}')]
        after_ns = time.perf_counter_ns()
        client.close()

    assert [(reply.status, reply.body, reply.message) for reply in replies] == [("ok", b"{}", "")] * 2
    assert before_ns <= replies[0].start_ns < replies[0].end_ns <= replies[1].start_ns < replies[1].end_ns <= after_ns
    assert len(connections) == 1
    head, _, body = seen[1].partition(b"\r\n\r\n")
    assert head.startswith(b"POST /v1/models/m:predict HTTP/1.1\r\n")
    assert b"content-type: application/json" in head
    assert b"expect" not in head.lower()
    assert body == b'{"instances": 2}'


@pytest.mark.parametrize("status", [400, 404, 413, 500, 503])
def test_an_http_error_has_its_code_and_text(status: int) -> None:
    answer = f"HTTP/1.1 {status} X\r\ncontent-length: 16\r\n\r\n".encode() + b'{"error": "bad"}'
    with raw_server(answering(answer, OK_ANSWER)) as port:
        client = rest_client(port)
        reply = client.post(b"{}")
        assert (reply.status, reply.message) == (f"http_{status}", '{"error": "bad"}')
        assert client.post(b"{}").status == "ok"


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\n{}\r\n",
        b"HTTP/1.1 200 OK\r\ncont",
        b"",
    ],
    ids=["short body", "chunks without an end", "cut in the head", "nothing"],
)
def test_an_answer_that_is_cut_off_is_a_reset(answer: bytes) -> None:
    with raw_server(answering(answer)) as port:
        reply = rest_client(port).post(b"{}")
    assert reply.status == "reset"
    assert reply.message


def test_a_connection_reset_by_the_server() -> None:
    def reset(connection: socket.socket) -> None:
        read_request(connection)
        # closing with a linger of zero sends RST
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")

    with raw_server(reset) as port:
        assert rest_client(port).post(b"{}").status == "reset"


def test_a_kept_connection_that_is_reset_before_an_answer_is_a_reset() -> None:
    """libcurl asks again by itself, and the second answer would look like a success."""
    asked = []

    def talk(connection: socket.socket) -> None:
        for _ in range(2):
            asked.append(read_request(connection))
            if len(asked) == 2:
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
                return
            connection.sendall(OK_ANSWER)

    with raw_server(talk) as port:
        client = rest_client(port)
        replies = [client.post(body) for body in (b"{}", b"{ }", b"{  }")]
    assert [(reply.status, reply.connects) for reply in replies] == [("ok", 1), ("reset", 1), ("ok", 0)]


def test_a_connection_that_the_server_closed_politely_is_opened_again() -> None:
    with raw_server(answering(OK_ANSWER.replace(b"OK\r\n", b"OK\r\nconnection: close\r\n"))) as port:
        client = rest_client(port)
        replies = [client.post(b"{}"), client.post(b"{}")]
    assert [(reply.status, reply.connects) for reply in replies] == [("ok", 1), ("ok", 1)]


@pytest.mark.parametrize("make", [rest_client, grpc_client])
def test_nobody_listens(make: Callable[[int], Client]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    reply = make(port).post(frame(b""))
    assert reply.status == "refused"
    assert str(port) in reply.message


@pytest.mark.parametrize("make", [rest_client, grpc_client])
def test_a_server_that_says_nothing(make: Callable[[int, float], Client]) -> None:
    done = threading.Event()
    with raw_server(lambda connection: bool(done.wait(5)) and None) as port:
        reply = make(port, 0.2).post(frame(b""))
        done.set()
    assert reply.status == "timeout"
    assert 0.19e9 <= reply.end_ns - reply.start_ns < 2e9


@pytest.mark.parametrize(
    ("answer", "status", "message"),
    [
        (START + http2_frame(DATA, 0, 1, frame(b"abc")) + trailers(("grpc-status", "0")), "ok", ""),
        (START + trailers(("grpc-status", "8"), ("grpc-message", "full%20%C3%BC")), "grpc_8", "full ü"),
        (trailers((":status", "200"), ("grpc-status", "8"), ("grpc-message", "full")), "grpc_8", "full"),
        (START + http2_frame(DATA, END_STREAM, 1, frame(b"abc")), "grpc_2", "the answer has no grpc-status"),
        (START + trailers(("grpc-status", "0")), "grpc_13", "the reply has 0 bytes; a gRPC message starts with 5"),
        (
            START + http2_frame(DATA, 0, 1, b"\1\0\0\0\1a") + trailers(("grpc-status", "0")),
            "grpc_13",
            "the reply is compressed, though nothing but plain messages was offered",
        ),
        (START + http2_frame(DATA, 0, 1, frame(b"abc")) + http2_frame(RST_STREAM, 0, 1, b"\0\0\0\2"), "reset", None),
        (trailers((":status", "503")), "http_503", ""),
        (START + trailers(("grpc-status", "odd")), "grpc_2", ""),
    ],
    ids=["ok", "trailers", "trailers only", "no status", "no message", "compressed", "reset", "http 503", "odd status"],
)
def test_how_a_grpc_call_ends(answer: bytes, status: str, message: str | None) -> None:
    with raw_server(answering_http2(answer)) as port:
        client = grpc_client(port)
        reply = client.post(frame(b"request"))
        client.close()
    assert reply.status == status
    assert reply.message == message if message is not None else reply.message
    if status == "ok":
        assert reply.body == b"abc"


class Echo(grpc.GenericRpcHandler):
    """A grpcio server that returns the message, with the metadata that it saw kept."""

    def __init__(self) -> None:
        self.metadata: dict[str, str] = {}

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler:
        self.metadata = dict(handler_call_details.invocation_metadata)
        return grpc.unary_unary_rpc_method_handler(lambda message, context: message)


def test_twenty_megabytes_both_ways_over_grpc() -> None:
    limits = [("grpc.max_receive_message_length", 20_000_000), ("grpc.max_send_message_length", 20_000_000)]
    handler = Echo()
    server = grpc.server(ThreadPoolExecutor(1), handlers=(handler,), options=limits)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    client = grpc_client(port, 20)
    message = bytes(range(250)) * 80_000
    assert client.post(frame(message)).body == message
    assert client.post(frame(b"")).body == b""
    assert "bakeoff" in handler.metadata["user-agent"]
    too_much = client.post(frame(message + b"x"))
    assert too_much.status == "grpc_8"
    assert client.post(frame(b"next")).body == b"next"
    server.stop(None)


def test_twenty_megabytes_both_ways_over_rest() -> None:
    body = bytes(20_000_000)
    answer = b"HTTP/1.1 200 OK\r\ncontent-length: 20000000\r\n\r\n" + body
    with raw_server(answering(answer)) as port:
        assert rest_client(port, 20).post(body).body == body


def test_a_refusal_that_comes_before_the_body_was_read() -> None:
    def refuse(connection: socket.socket) -> None:
        connection.recv(1000)
        connection.sendall(b"HTTP/1.1 413 X\r\ncontent-length: 5\r\nconnection: close\r\n\r\nlarge")
        connection.shutdown(socket.SHUT_WR)
        while connection.recv(1 << 20):
            pass

    with raw_server(refuse) as port:
        reply = rest_client(port, 20).post(bytes(19_000_000))
    assert (reply.status, reply.message) == ("http_413", "large")


def test_get_reads_a_page_of_the_same_port() -> None:
    seen = []

    def talk(connection: socket.socket) -> None:
        seen.append(connection.recv(65536))
        connection.sendall(OK_ANSWER)

    with raw_server(talk) as port:
        reply = rest_client(port).get("/v1/models/m")
    assert (reply.status, reply.body) == ("ok", b"{}")
    assert seen[0].startswith(b"GET /v1/models/m HTTP/1.1\r\n")


def test_the_environments_proxy_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    with raw_server(answering(OK_ANSWER)) as port:
        assert rest_client(port).post(b"{}").status == "ok"


def test_a_wrong_use_is_not_a_status() -> None:
    with pytest.raises(RuntimeError, match="libcurl could not be used so"):
        rest_client(1).send(Request(":::", {}, b""))


def test_each_request_goes_with_its_own_path_and_headers() -> None:
    seen = []

    def talk(connection: socket.socket) -> None:
        for _ in range(3):
            seen.append(read_request(connection))
            connection.sendall(OK_ANSWER)

    one, other = Request("/one", {"content-type": "a/b", "x-rows": "1"}, b"1"), Request("/other", {"x-rows": "2"}, b"2")
    with raw_server(talk) as port:
        client = rest_client(port)
        for request in (one, other, one):
            assert client.send(request).status == "ok"
    heads = [head.lower() for head, _, _ in (each.partition(b"\r\n\r\n") for each in seen)]
    assert [head.split()[1] for head in heads] == [b"/one", b"/other", b"/one"]
    assert [b"x-rows: 1" in head for head in heads] == [True, False, True]
    assert [b"content-type: a/b" in head for head in heads] == [True, False, True]
    assert [each[-1:] for each in seen] == [b"1", b"2", b"1"]


@pytest.mark.parametrize("reads", [True, False])
def test_a_wire_that_reads_headers_gets_those_of_the_reply(reads: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    def decode(outputs: Specs, reply: Reply) -> Arrays:
        return {"y": np.frombuffer(reply.body[int(reply.headers["x-skip"]) :], np.uint8)}

    monkeypatch.setitem(WIRES, REST.name, replace(REST, reads_headers=reads, decode_reply=decode))
    answers = (b"HTTP/1.1 200 OK\r\nX-Skip: %d\r\ncontent-length: 3\r\n\r\nabc" % skip for skip in (1, 2))
    with raw_server(answering(*answers)) as port:
        client = rest_client(port)
        replies = [client.post(b"{}"), client.post(b"{}")]
    assert [reply.status for reply in replies] == ["ok", "ok"]
    assert [reply.headers.get("x-skip") for reply in replies] == (["1", "2"] if reads else [None, None])
    if reads:
        decoded = [WIRES[REST.name].decode(MODEL, reply)["y"].tobytes() for reply in replies]
        assert decoded == [b"bc", b"c"]


def test_a_reply_that_is_not_ok_is_told_by_its_status() -> None:
    with pytest.raises(WireError, match="http_503: busy"):
        REST.decode(MODEL, Reply(b"", "http_503", message="busy"))
    with pytest.raises(WireError, match="http_500: broken"):
        REST.decode(MODEL, Reply(b"broken", "http_500"))
