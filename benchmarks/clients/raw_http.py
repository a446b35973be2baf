"""The least that speaks the protocols: a blocking socket, and frames put together by hand. Only a reference.

It knows one request, which it sends over and over, and checks nothing that a client would have to check: no timeout, no
header but the status line and the length (HTTP/1.1), no header compression and no status in the trailers (HTTP/2).
"""

from __future__ import annotations

import socket

from measure import HOST

BUFFER_BYTES = 1 << 20
LARGEST_WINDOW = (1 << 31) - 1
FIRST_WINDOW = 65_535  # RFC 9113, 6.9.2; the largest frame that needs no agreement is 16,384 bytes, 4.2
FRAME_BYTES = 16_384
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, SETTINGS, PING, WINDOW_UPDATE = 0, 1, 4, 6, 8
FAILURES = {3: "RST_STREAM", 7: "GOAWAY"}
END_STREAM = ACK = 1
END_HEADERS = 4
INITIAL_WINDOW_SIZE = 4


def connect(port: int) -> socket.socket:
    """Return a blocking connection."""
    connection = socket.create_connection((HOST, port))
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return connection


class RawHttp1:
    """One request over HTTP/1.1."""

    def __init__(self, port: int, path: str, body: bytes) -> None:
        self._socket = connect(port)
        head = f"POST {path} HTTP/1.1\r\nhost: {HOST}:{port}\r\ncontent-type: application/octet-stream\r\n"
        self._request = f"{head}content-length: {len(body)}\r\n\r\n".encode() + body
        self._buffer = bytearray(BUFFER_BYTES)
        self._view = memoryview(self._buffer)

    def send(self) -> bytes:
        """Send the request and return the answer's body."""
        self._socket.sendall(self._request)
        size = self._socket.recv_into(self._view)
        while (end := self._buffer.find(b"\r\n\r\n", 0, size)) < 0:
            size += self._receive(size)
        head = bytes(self._view[:end]).lower()
        if not head.startswith(b"http/1.1 200"):
            raise OSError(head)
        total = end + 4 + int(head.partition(b"content-length:")[2].partition(b"\r")[0])
        while size < total:
            size += self._receive(size)
        return bytes(self._view[end + 4 : total])

    def _receive(self, size: int) -> int:
        more = self._socket.recv_into(self._view[size:])
        if not more:
            raise OSError("the server closed the connection")
        return more


def make_frame(kind: int, flags: int, stream: int, payload: bytes = b"") -> bytes:
    """Return an HTTP/2 frame."""
    return len(payload).to_bytes(3, "big") + bytes((kind, flags)) + stream.to_bytes(4, "big") + payload


def header(name: str, value: str) -> bytes:
    """Return a header field of RFC 7541, 6.2.2: literal, never indexed; both below 127 bytes."""
    return b"\0" + bytes([len(name)]) + name.encode() + bytes([len(value)]) + value.encode()


class RawHttp2:
    """One gRPC request over HTTP/2."""

    def __init__(self, port: int, path: str, body: bytes) -> None:
        self._socket = connect(port)
        fields = {":method": "POST", ":scheme": "http", ":path": path, ":authority": f"{HOST}:{port}"}
        fields |= {"te": "trailers", "content-type": "application/grpc", "user-agent": "raw"}
        self._headers = b"".join(header(name, value) for name, value in fields.items())
        self._body = memoryview(body)
        self._stream = -1
        self._room = self._first_room = self._connection_room = FIRST_WINDOW
        self._owed = 0
        self._buffer = bytearray(BUFFER_BYTES)
        self._view = memoryview(self._buffer)
        self._low = self._high = 0
        self._chunks: list[bytes] = []
        window = INITIAL_WINDOW_SIZE.to_bytes(2, "big") + LARGEST_WINDOW.to_bytes(4, "big")
        more = (LARGEST_WINDOW - FIRST_WINDOW).to_bytes(4, "big")
        greeting = PREFACE + make_frame(SETTINGS, 0, 0, window) + make_frame(WINDOW_UPDATE, 0, 0, more)
        self._socket.sendall(greeting)

    def send(self) -> bytes:
        """Send the request and return the answer's body, frame and all."""
        self._stream += 2
        self._room = self._first_room
        self._chunks.clear()
        out, sent = [make_frame(HEADERS, END_HEADERS, self._stream, self._headers)], 0
        while sent < len(self._body):
            size = min(self._connection_room, self._room, FRAME_BYTES, len(self._body) - sent)
            if size <= 0:
                self._socket.sendall(b"".join(out))
                out.clear()
                self._read_frame()
                continue
            self._connection_room -= size
            self._room -= size
            last = END_STREAM if sent + size == len(self._body) else 0
            out.append(size.to_bytes(3, "big") + bytes((DATA, last)) + self._stream.to_bytes(4, "big"))
            out.append(self._body[sent : sent + size])
            sent += size
        self._socket.sendall(b"".join(out))
        while not self._read_frame():
            pass
        return self._chunks[0] if len(self._chunks) == 1 else b"".join(self._chunks)

    def _read_frame(self) -> bool:
        """Read a frame; return whether it ends the stream."""
        self._fill(9)
        size = int.from_bytes(self._view[self._low : self._low + 3], "big")
        self._fill(9 + size)
        kind, flags = self._buffer[self._low + 3], self._buffer[self._low + 4]
        stream = int.from_bytes(self._view[self._low + 5 : self._low + 9], "big")
        payload = self._view[self._low + 9 : self._low + 9 + size]
        self._low += 9 + size
        if kind == DATA:
            self._chunks.append(bytes(payload))
            self._give_room(size)
        if kind in (DATA, HEADERS):
            return bool(flags & END_STREAM)
        self._obey(kind, flags, stream, bytes(payload))
        return False

    def _fill(self, needed: int) -> None:
        """Receive until `needed` bytes of a frame are there."""
        if self._low == self._high:
            self._low = self._high = 0
        elif self._low + needed > BUFFER_BYTES:
            rest = bytes(self._view[self._low : self._high])
            self._view[: len(rest)] = rest
            self._low, self._high = 0, len(rest)
        while self._high - self._low < needed:
            more = self._socket.recv_into(self._view[self._high :])
            if not more:
                raise OSError("the server closed the connection")
            self._high += more

    def _obey(self, kind: int, flags: int, stream: int, payload: bytes) -> None:
        """Do what a frame that carries no answer asks for."""
        if kind == WINDOW_UPDATE:
            if stream:
                self._room += int.from_bytes(payload, "big")
            else:
                self._connection_room += int.from_bytes(payload, "big")
        elif kind == SETTINGS and not flags & ACK:
            for start in range(0, len(payload), 6):
                if int.from_bytes(payload[start : start + 2], "big") == INITIAL_WINDOW_SIZE:
                    first = int.from_bytes(payload[start + 2 : start + 6], "big")
                    self._room += first - self._first_room
                    self._first_room = first
            self._socket.sendall(make_frame(SETTINGS, ACK, 0))
        elif kind == PING and not flags & ACK:
            self._socket.sendall(make_frame(PING, ACK, 0, payload))
        elif kind in FAILURES:
            raise OSError(f"{FAILURES[kind]}: {payload!r}")

    def _give_room(self, size: int) -> None:
        """Let the server send as much again, once half of the largest window is used up."""
        self._owed += size
        if self._owed > LARGEST_WINDOW // 2:
            self._socket.sendall(make_frame(WINDOW_UPDATE, 0, 0, self._owed.to_bytes(4, "big")))
            self._owed = 0
