"""What callers who mean no good can cost the TFLite server and echo: each is refused, and the others are answered."""

from __future__ import annotations

import http.client
import json
import resource
import socket
import zlib
from collections.abc import Iterator
from contextlib import ExitStack, closing

import grpc
import numpy as np
import psutil
import pytest

from bakeoff.wire import WIRES, tfserving
from bakeoff.wire.proto import tfserving_pb2

from .conftest import FP32, LEAN, Running, Start, specs

TARGETS = {name: FP32 for name in LEAN} | {"echo": "none"}
PATIENCE_S = 1.0
ANSWER_S = 30  # for the socket not to hang the tests; what is waited for takes a second
HEAD = b"POST /v1/models/image:predict HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
GROWTH_BYTES = 300_000_000
"""Of the server's memory that is still none: numpy and the runtime need some, and a bomb would take thousands."""


@pytest.fixture(scope="module", params=TARGETS)
def server(request: pytest.FixtureRequest, start: Start) -> Running:
    return start(request.param, "image", TARGETS[request.param], "--patience", str(PATIENCE_S))


@pytest.fixture
def unharmed(server: Running) -> Iterator[Running]:
    """The server, which must answer rightly afterwards on every protocol and be no bigger."""
    before = psutil.Process(server.process.pid).memory_info().rss
    yield server
    inputs = {"x": np.zeros((1, 1, 8, 8), "f4")}
    for wire in ("tfserving-rest", "tfserving-binary", "tfserving-grpc"):
        body = WIRES[wire].encode_request("image", specs("image", "inputs"), inputs)
        assert server.client(wire, timeout_s=ANSWER_S).post(body).status == "ok"
    assert psutil.Process(server.process.pid).memory_info().rss < before + GROWTH_BYTES


def connect(server: Running) -> socket.socket:
    return socket.create_connection(("127.0.0.1", server.rest_port), ANSWER_S)


def read_answer(connection: socket.socket) -> tuple[int, str]:
    """Read until the server closes; return the status and the error's text."""
    received = b""
    while chunk := connection.recv(65536):
        received += chunk
    head, _, body = received.partition(b"\r\n\r\n")
    assert b"connection: close" in head.lower(), received
    return int(head.split()[1]), json.loads(body)["error"]


@pytest.mark.parametrize(
    "sent",
    [
        b"",
        b"POST /v1/mod",
        HEAD,
        HEAD + b"Content-Length: 1000\r\n\r\n",
        HEAD + b"Content-Length: 10\r\n\r\n[",
        b"\r\n",
    ],
    ids=["nothing", "half a line", "half a head", "no body", "half a body", "an empty line"],
)
def test_who_does_not_go_on_is_told_so(unharmed: Running, sent: bytes) -> None:
    with connect(unharmed) as connection:
        connection.sendall(sent)
        status, message = read_answer(connection)
    assert status == 408 and "1 s" in message


def test_who_sends_byte_by_byte_does_not_gain_time(unharmed: Running) -> None:
    with connect(unharmed) as connection:
        connection.settimeout(0.1)
        connection.sendall(HEAD + b"X-Slow: ")
        received = b""
        while not received:
            connection.sendall(b"x")
            try:
                received = connection.recv(65536)
            except TimeoutError:
                continue
    assert received.startswith(b"HTTP/1.1 408")


def test_a_kept_connection_may_be_silent_between_requests(unharmed: Running) -> None:
    kept = http.client.HTTPConnection("127.0.0.1", unharmed.rest_port, timeout=ANSWER_S)
    with closing(kept), connect(unharmed) as slow:
        for _ in range(2):
            kept.request("GET", "/v1/models/image")
            with kept.getresponse() as response:
                assert response.status == 200 and response.read()
            kept.auto_open = 0  # the second request goes over the same connection
            assert slow.fileno() < 0 or read_answer(slow)[0] == 408  # the patience has passed meanwhile
            slow.close()


@pytest.mark.parametrize(
    "head",
    [
        b"GET /" + b"a" * 100_000 + b" HTTP/1.1\r\n\r\n",
        HEAD + b"X-Long: " + b"a" * 100_000 + b"\r\n\r\n",
        HEAD + b"X-Endless: " + b"a" * 400_000,
        HEAD + b"".join(b"X-%d: many\r\n" % number for number in range(10_000)) + b"\r\n",
    ],
    ids=["a long path", "a long header", "a header without end", "many headers"],
)
def test_an_oversize_head_is_refused(unharmed: Running, head: bytes) -> None:
    with connect(unharmed) as connection:
        connection.sendall(head)
        status, message = read_answer(connection)
    assert status == 431 and "65,536" in message


def test_a_head_just_below_the_limit_is_taken(unharmed: Running) -> None:
    with connect(unharmed) as connection:
        connection.sendall(b"GET /v1/models/image HTTP/1.1\r\nHost: x\r\nX: " + b"a" * 65_000 + b"\r\n\r\n")
        assert connection.recv(65536).startswith(b"HTTP/1.1 200")


@pytest.mark.parametrize("length", [20_000_001, 1_000_000_000, 10**18])
def test_a_body_too_large_is_refused_when_it_is_announced(unharmed: Running, length: int) -> None:
    with connect(unharmed) as connection:
        connection.sendall(HEAD + b"Content-Length: %d\r\n\r\n" % length)
        status, message = read_answer(connection)
    assert status == 413 and "20,000,000" in message


def test_a_chunked_body_too_large_is_refused(unharmed: Running) -> None:
    with connect(unharmed) as connection:
        connection.sendall(HEAD + b"Transfer-Encoding: chunked\r\n\r\n")
        for _ in range(21):
            connection.sendall(b"%x\r\n" % 1_000_000 + bytes(1_000_000) + b"\r\n")
        status, message = read_answer(connection)
    assert status == 413 and "20,000,000" in message


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "br", "gzip, identity", "x" * 1000])
def test_a_compressed_body_is_not_taken(unharmed: Running, encoding: str) -> None:
    body = zlib.compress(bytes(50_000_000), wbits=31)
    with connect(unharmed) as connection:
        connection.sendall(
            HEAD + f"Content-Encoding: {encoding}\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body
        )
        status, message = read_answer(connection)
    assert status == 415 and "Content-Encoding" in message


def test_a_compressed_grpc_message_is_not_taken(unharmed: Running) -> None:
    message = bytes(400_000_000)  # 400 KB on its way
    with grpc.insecure_channel(
        f"127.0.0.1:{unharmed.grpc_port}", [("grpc.max_send_message_length", -1)], grpc.Compression.Gzip
    ) as channel:
        call = channel.unary_unary(tfserving.grpc_path("image"))
        with pytest.raises(grpc.RpcError) as refusal:
            call(message, timeout=ANSWER_S)
    assert refusal.value.code() == grpc.StatusCode.UNIMPLEMENTED


def test_many_idle_connections_leave_room(unharmed: Running) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    count = min(3000, hard - 200)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, count + 200), hard))
    try:
        with ExitStack() as stack:
            held = [stack.enter_context(connect(unharmed)) for _ in range(count)]
            reply = unharmed.client("tfserving-rest", timeout_s=ANSWER_S).get("/v1/models/image")
            assert reply.status == "ok"
            assert read_answer(held[0])[0] == read_answer(held[-1])[0] == 408
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def message_of(tensors: int, shape: list[int]) -> bytes:
    message = tfserving_pb2.PredictRequest()
    message.model_spec.name = "image"
    for number in range(tensors):
        tensor = message.inputs["x" if number == 0 else f"x{number}"]
        tensor.dtype = tfserving_pb2.DT_FLOAT
        for size in shape:
            tensor.tensor_shape.dim.add(size=size)
    return b"\0" + message.ByteSize().to_bytes(4, "big") + message.SerializeToString()


@pytest.mark.parametrize(
    ("tensors", "shape"),
    [(1, [2**62, 4, 8, 8]), (1, [0, 2**62, 2**62, 8]), (1, [-1, 1, 8, 8]), (1, [-(2**63)] * 4), (10_000, [70_000, 64])],
    ids=["overflow", "empty and huge", "negative", "most negative", "many from few bytes"],
)
def test_shapes_that_mean_more_than_they_hold(unharmed: Running, tensors: int, shape: list[int]) -> None:
    reply = unharmed.client("tfserving-grpc", timeout_s=ANSWER_S).post(message_of(tensors, shape))
    if is_echo(unharmed) and shape[0] > 0:  # it looks at nothing but the first input's batch
        assert reply.status in ("ok", "grpc_3")
    else:
        assert reply.status == "grpc_3" and reply.message


def is_echo(server: Running) -> bool:
    return "echo" in str(server.process.args)


@pytest.mark.parametrize(
    "body",
    [
        b'{"instances":' + b"[" * 5_000_000,
        b'{"instances":' + b"[" * 900 + b"]" * 900 + b"}",
        b'{"a":' * 1_000_000,
        b'{"instances":["' + b"a" * 5_000_000 + b'"' + b',"a"' * 1_000_000 + b"]}",
        b'{"instances":[[[' + b"[0],".ljust(400_000, b"[") + b"]]]}",
        b'{"instances":[' + b"9" * 5_000_000 + b"]}",
        b'{"instances":[[[[1e400]]]]}',
        b'{"instances":[[[[NaN]]]]}',
        b'{"instances":[[[[-Infinity]]]]}',
        b'{"instances":[' + b"[[]]," * 1_000_000 + b"[[]]]}",
    ],
    ids=[
        "deep",
        "900 deep",
        "deep objects",
        "long string",
        "odd",
        "long number",
        "1e400",
        "NaN",
        "-Inf",
        "empty lists",
    ],
)
def test_json_that_costs_more_than_it_weighs(unharmed: Running, body: bytes) -> None:
    reply = unharmed.client("tfserving-rest", timeout_s=ANSWER_S).post(body)
    if is_echo(unharmed):  # it parses no JSON
        assert reply.status == "ok"
    else:
        assert reply.status == "http_400" and reply.message


@pytest.mark.parametrize("version", ["9" * 30, "9" * 5_000], ids=["30 digits", "5000 digits"])
def test_a_version_of_many_digits(unharmed: Running, version: str) -> None:
    reply = unharmed.client("tfserving-rest").get(f"/v1/models/image/versions/{version}")
    assert reply.status in ("http_404", "http_400") and len(reply.message) <= 2000


@pytest.mark.parametrize("shape", ["[1e400]", "[-1e400]", "[null]", "{}", "[0,18446744073709551615]", "[NaN]"])
def test_safetensors_whose_header_lies(unharmed: Running, shape: str) -> None:
    header = f'{{"x":{{"dtype":"F32","shape":{shape},"data_offsets":[0,0]}}}}'.encode()
    body = len(header).to_bytes(8, "little") + header
    with connect(unharmed) as connection:
        head = HEAD.replace(b"application/json", b"application/x-safetensors") + b"Connection: close\r\n"
        connection.sendall(head + b"Content-Length: %d\r\n\r\n" % len(body) + body)
        status, message = read_answer(connection)
    assert status == 400 and message
