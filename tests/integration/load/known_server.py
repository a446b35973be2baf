"""A server whose behaviour is known exactly:

    known_server.py PORT [--service-ms S] [--stall AT FOR] [--faults KIND ...]

One queue, one server: requests of all connections are answered in the order of their arrival, each after exactly the
service time. A stall begins AT seconds after the first request and holds everything up. Faults hit every twentieth
request, the first kind from the first request on, the second from the second, and so on: wrong (another prediction),
http_500, silent (no answer ever), reset (the connection is reset in place of an answer).
On SIGTERM it prints how many requests it saw, how many of each fault it committed and how long each occupied it.
"""

from __future__ import annotations

import argparse
import json
import select
import signal
import socket
import sys
import time
from collections import Counter, deque

EVERY = 20
SPIN_S = 0.0005
RIGHT, WRONG = b'{"predictions": [[0.0, 2.0]]}', b'{"predictions": [[0.5, 2.0]]}'


def answer(body: bytes, status: str = "200 OK") -> bytes:
    return f"HTTP/1.1 {status}\r\ncontent-length: {len(body)}\r\n\r\n".encode() + body


def wait_until(moment: float) -> None:
    """Sleep, the last stretch awake."""
    while (left := moment - time.perf_counter()) > 0:
        if left > SPIN_S:
            time.sleep(left - SPIN_S)


class Server:
    """One queue over all connections."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.options = options
        self.listener = socket.create_server(("127.0.0.1", options.port), backlog=1024)
        self.poll = select.epoll()
        self.poll.register(self.listener, select.EPOLLIN)
        self.connections: dict[int, socket.socket] = {}
        self.unread: dict[int, bytes] = {}
        self.queue: deque[int] = deque()
        self.seen = 0
        self.faults: Counter[str] = Counter()
        self.occupied_ms: list[float] = []
        self.stall_at: float | None = None

    def run(self) -> None:
        while True:
            begin, idle = time.perf_counter(), not self.queue
            ready = self.poll.poll(None if idle else 0)
            begin = time.perf_counter() if idle else begin
            for number, _ in ready:
                self.look_at(number)
            if self.queue:
                self.serve(self.queue.popleft())
                # Reading what came meanwhile keeps the one server busy, too.
                self.occupied_ms.append((time.perf_counter() - begin) * 1000)

    def look_at(self, number: int) -> None:
        if number == self.listener.fileno():
            connection, _ = self.listener.accept()
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.connections[connection.fileno()], self.unread[connection.fileno()] = connection, b""
            self.poll.register(connection, select.EPOLLIN)
            return
        try:
            data = self.connections[number].recv(1 << 20)
        except OSError:
            data = b""
        if not data:
            self.drop(number)
            return
        self.unread[number] += data
        head, found, body = self.unread[number].partition(b"\r\n\r\n")
        lines = head.lower().split(b"\r\n")
        length = next((int(line[15:]) for line in lines if line.startswith(b"content-length:")), 0)
        if found and len(body) >= length:
            self.unread[number] = b""
            self.queue.append(number)

    def serve(self, number: int) -> None:
        now = time.perf_counter()
        if self.options.stall and self.stall_at is None:
            self.stall_at = now + self.options.stall[0]
        if self.stall_at is not None and now >= self.stall_at and self.options.stall:
            wait_until(now + self.options.stall[1])
            now, self.options.stall = time.perf_counter(), None
        fault = self.fault()
        self.seen += 1
        wait_until(now + self.options.service_ms / 1000)
        if fault is None:
            self.send(number, answer(RIGHT))
        elif fault == "wrong":
            self.send(number, answer(WRONG))
        elif fault == "http_500":
            self.send(number, answer(b'{"error": "out of luck"}', "500 X"))
        elif fault == "reset":
            self.connections[number].setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            self.drop(number)

    def fault(self) -> str | None:
        at = self.seen % EVERY
        kind = self.options.faults[at] if at < len(self.options.faults) else None
        self.faults.update([kind] if kind else [])
        return kind

    def send(self, number: int, data: bytes) -> None:
        try:
            self.connections[number].sendall(data)
        except (OSError, KeyError):
            self.drop(number)

    def drop(self, number: int) -> None:
        connection = self.connections.pop(number, None)
        if connection is not None:
            self.poll.unregister(connection)
            connection.close()


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("port", type=int)
    parser.add_argument("--service-ms", type=float, default=0.0)
    parser.add_argument("--stall", type=float, nargs=2)
    parser.add_argument("--faults", nargs="*", default=[])
    server = Server(parser.parse_args())
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    try:
        server.run()
    finally:
        sys.stdout.write(
            json.dumps({"seen": server.seen, "faults": server.faults, "occupied_ms": server.occupied_ms}) + "\n"
        )
        sys.stdout.flush()


if __name__ == "__main__":
    main()
