"""One libcurl client for every wire: the load generator's and the verification's.

The same code sends REST (HTTP/1.1) and gRPC (HTTP/2 with prior knowledge), and libcurl times the transfer in C, so that
no protocol pays for a slower client library.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Mapping
from functools import partial
from pathlib import Path
from urllib.parse import unquote

import pycurl

from bakeoff.errors import UsageError
from bakeoff.schema import Endpoint, Model
from bakeoff.wire import WIRES, Reply, Request, WireError
from bakeoff.wire.grpc_message import unframe
from bakeoff.wire.messages import OK

GRPC_UNKNOWN = "grpc_2"
GRPC_INTERNAL = "grpc_13"
GRPC_OK = b"grpc-status: 0\r\n"
NO_HEADERS: Mapping[str, str] = {}

BUFFER_BYTES = 512 * 1024  # read: 20 MB replies in few callbacks; write: 600 KB requests in two calls, not ten
MESSAGE_CHARACTERS = 500
TOTAL_TIME_T, NUM_CONNECTS, RESPONSE_CODE = pycurl.TOTAL_TIME_T, pycurl.NUM_CONNECTS, pycurl.RESPONSE_CODE
E_WEIRD_SERVER_REPLY, E_HTTP2_STREAM = 8, 92  # curl.h; pycurl has no names for them

_STATUSES = {
    pycurl.E_OPERATION_TIMEDOUT: "timeout",
    pycurl.E_COULDNT_CONNECT: "refused",
    pycurl.E_COULDNT_RESOLVE_HOST: "refused",
    pycurl.E_GOT_NOTHING: "reset",
    pycurl.E_SEND_ERROR: "reset",
    pycurl.E_RECV_ERROR: "reset",
    pycurl.E_PARTIAL_FILE: "reset",  # an answer cut off in its body
    pycurl.E_HTTP2: "reset",
    E_HTTP2_STREAM: "reset",
    pycurl.E_UNSUPPORTED_PROTOCOL: "reset",  # no HTTP at all came back
    E_WEIRD_SERVER_REPLY: "reset",
}


class Call:
    """A libcurl handle that posts to one endpoint, one request at a time, and tells how each ended.

    Whoever performs the transfer takes the time just before it: `Client` here, or a loop with many calls at once.
    """

    def __init__(self, endpoint: Endpoint, model: Model, timeout_s: float) -> None:
        wire = WIRES[endpoint.wire]
        self.request_of = partial(wire.request, model)
        self._base = f"http://{endpoint.host}:{endpoint.port}"
        self._grpc = wire.protocol == "grpc"
        self._reads_headers = wire.reads_headers
        self._keeps_headers = self._grpc or self._reads_headers
        self._chunks: list[bytes] = []
        self._headers: list[bytes] = []
        self._request = Request("", {}, b"")
        self.head_bytes = 0
        """Size of a request's head; a loop with several calls hands it on, see _was_repeated."""
        self.pooled = False
        """Whether other calls' connections may be used: a repeated request then needs no new one."""
        self.curl = make_curl(self._chunks, timeout_s)
        # Looked up once: a handle finds its own methods slowly.
        self.perform, self._getinfo = self.curl.perform, self.curl.getinfo
        self.curl.setopt(pycurl.POST, 1)
        if self._grpc:
            self.curl.setopt(pycurl.HTTP_VERSION, pycurl.CURL_HTTP_VERSION_2_PRIOR_KNOWLEDGE)
        if self._keeps_headers:
            self.curl.setopt(pycurl.HEADERFUNCTION, self._headers.append)
        self._own_headers = ["accept:", "expect:"]  # of libcurl's own, none
        if endpoint.token_file is not None:
            self._own_headers.append(f"authorization: Bearer {read_token(Path(endpoint.token_file))}")

    def prepare(self, request: Request) -> None:
        """Make ready to post a request."""
        self._chunks.clear()
        self._headers.clear()
        if request is self._request:
            return
        before, self._request = self._request, request
        if request.path != before.path or request.headers != before.headers:
            self.curl.setopt(pycurl.URL, self._base + request.path)
            lines = [f"{name}: {value}" for name, value in request.headers.items()]
            self.curl.setopt(pycurl.HTTPHEADER, lines + self._own_headers)
        self.curl.setopt(pycurl.POSTFIELDS, request.body)

    def finish(self, start_ns: int, code: int = 0, failure: str = "") -> Reply:
        """Judge a transfer that was started at start_ns and ended with libcurl's code; the gRPC frame is taken off."""
        getinfo, chunks = self._getinfo, self._chunks
        end_ns = start_ns + 1000 * getinfo(TOTAL_TIME_T)
        connects, http = getinfo(NUM_CONNECTS), getinfo(RESPONSE_CODE)
        if http == 200 and len(chunks) == 1 and not (code or connects or self._keeps_headers or self.pooled):
            return Reply(
                chunks[0], OK, start_ns, end_ns, 0, "", NO_HEADERS
            )  # how nearly all end, told in the least time
        body = chunks[0] if len(chunks) == 1 else b"".join(chunks)
        if self._grpc:
            status, body, message = _judge_grpc(code, failure, http, body, self._headers)
        else:
            status, message = _judge_http(code, failure, http, body)
        if (connects or self.pooled or not self.head_bytes) and self._was_repeated():
            status, message = "reset", "the kept connection died; libcurl asked again on another"
        headers = _parse_headers(self._headers) if self._reads_headers else NO_HEADERS
        return Reply(body, status, start_ns, end_ns, connects, message, headers)

    def _was_repeated(self) -> bool:
        """Tell whether libcurl sent the request twice, which it does when a kept connection dies before any answer.

        No option forbids it, and the second answer must not pass for a fast success. What was sent then holds the
        request's head twice. The head's size is known from the first whole request, on a connection that is new.
        """
        head = int(self._getinfo(pycurl.REQUEST_SIZE)) - len(self._request.body)
        if not self.head_bytes:
            self.head_bytes = max(0, head)
        return head > 1.5 * self.head_bytes

    def close(self) -> None:
        self.curl.close()


class Client:
    """A connection to one endpoint, kept alive; for one thread at a time."""

    def __init__(self, endpoint: Endpoint, model: Model, timeout_s: float) -> None:
        self._base = f"http://{endpoint.host}:{endpoint.port}"
        self._timeout_s = timeout_s
        self._call = Call(endpoint, model, timeout_s)

    def send(self, request: Request) -> Reply:
        """Post a request and wait for the answer, whose gRPC frame is taken off."""
        call = self._call
        call.prepare(request)
        start_ns = time.perf_counter_ns()
        try:
            call.perform()
        except pycurl.error as error:
            return call.finish(start_ns, *error.args)
        return call.finish(start_ns)

    def post(self, body: bytes) -> Reply:
        """Send a body as it is, with the path and headers that the endpoint's wire gives it."""
        return self.send(self._call.request_of(body))

    def get(self, path: str) -> Reply:
        """Ask the same port for a status, metadata or metrics page over HTTP/1.1, on a connection of its own."""
        chunks: list[bytes] = []
        curl = make_curl(chunks, self._timeout_s)
        curl.setopt(pycurl.URL, self._base + path)
        code, failure, start_ns = 0, "", time.perf_counter_ns()
        try:
            curl.perform()
        except pycurl.error as error:
            code, failure = error.args
        end_ns = start_ns + 1000 * curl.getinfo(pycurl.TOTAL_TIME_T)
        body = b"".join(chunks)
        status, message = _judge_http(code, failure, curl.getinfo(pycurl.RESPONSE_CODE), body)
        curl.close()
        return Reply(body, status, start_ns, end_ns, 1, message, NO_HEADERS)

    def close(self) -> None:
        self._call.close()


def read_token(path: Path) -> str:
    """Return a bearer token: the file's text, or the inference key of a key_file.json, as TorchServe writes it.

    Raises UsageError naming the file, and nothing of what it holds.
    """
    try:
        text = path.read_text(encoding="utf-8").strip()
        token = str(json.loads(text)["inference"]["key"]) if text.startswith("{") else text
    except OSError as error:
        raise UsageError(f"{path}: the token can't be read: {error.strerror}") from None
    except (ValueError, LookupError, TypeError):
        raise UsageError(f"{path}: holds no token and no inference key") from None
    if not token or not token.isascii() or not token.isprintable() or " " in token:
        raise UsageError(f"{path}: holds no token: one word of printable ASCII")
    return token


def make_curl(chunks: list[bytes], timeout_s: float) -> pycurl.Curl:
    """Make a handle with what every request of ours needs; it appends what it receives to `chunks`."""
    curl = pycurl.Curl()
    for option, value in (
        (pycurl.HTTP_VERSION, pycurl.CURL_HTTP_VERSION_1_1),
        (pycurl.TIMEOUT_MS, max(1, round(timeout_s * 1000))),
        (pycurl.TCP_NODELAY, 1),
        (pycurl.NOSIGNAL, 1),
        (pycurl.BUFFERSIZE, BUFFER_BYTES),
        (pycurl.UPLOAD_BUFFERSIZE, BUFFER_BYTES),
        (pycurl.USERAGENT, "bakeoff"),  # pycurl's own has 150 bytes
        (pycurl.NOPROXY, "*"),  # a proxy of the environment would be measured, too
        (pycurl.PATH_AS_IS, 1),
        (pycurl.WRITEFUNCTION, chunks.append),
    ):
        curl.setopt(option, value)
    return curl


def _judge_http(code: int, failure: str, http: int, body: bytes) -> tuple[str, str]:
    # A server that refuses a request may close before it has read it all: its answer counts, not the broken send.
    if code and not (http >= 400 and code in (pycurl.E_SEND_ERROR, pycurl.E_RECV_ERROR)):
        return _status_of(code, failure), failure
    if http == 200:
        # No prediction is empty; libcurl takes a head that was cut off before its content-length for a whole answer.
        return (OK, "") if body else ("reset", "the answer has no body")
    return f"http_{http}", body[:MESSAGE_CHARACTERS].decode("utf-8", "replace")


def _judge_grpc(code: int, failure: str, http: int, body: bytes, headers: list[bytes]) -> tuple[str, bytes, str]:
    number = "0" if GRPC_OK in headers else _header(headers, b"grpc-status")
    if number is None:
        if code:
            return _status_of(code, failure), body, failure
        if http != 200:
            return f"http_{http}", body, body[:MESSAGE_CHARACTERS].decode("utf-8", "replace")
        return GRPC_UNKNOWN, body, "the answer has no grpc-status"
    if number != "0":
        message = unquote(_header(headers, b"grpc-message") or "")
        return f"grpc_{number}" if number.isdecimal() else GRPC_UNKNOWN, body, message
    if code:
        return _status_of(code, failure), body, failure
    try:
        return OK, unframe(body), ""
    except WireError as error:
        return GRPC_INTERNAL, body, str(error)


def _header(lines: Iterable[bytes], name: bytes) -> str | None:
    """Return a header's or trailer's value; HTTP/2 names are lower case."""
    for line in lines:
        key, colon, value = line.partition(b":")
        if colon and key == name:
            return value.strip().decode("utf-8", "replace")
    return None


def _parse_headers(lines: Iterable[bytes]) -> dict[str, str]:
    """Return headers and trailers by their names in lower case; of a name that stands twice, the last."""
    pairs = (line.decode("utf-8", "replace").partition(":") for line in lines)
    return {name.lower(): value.strip() for name, colon, value in pairs if colon}


def _status_of(code: int, failure: str) -> str:
    try:
        return _STATUSES[code]
    except KeyError:
        raise RuntimeError(f"libcurl could not be used so: {failure} (error {code})") from None
