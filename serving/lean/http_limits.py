"""What one HTTP connection may cost: a head of so many bytes, and so long until a whole request has come.

uvicorn and httptools bound neither. Bodies are bounded in http_app.py, where the request's path is known.
"""

from __future__ import annotations

import asyncio
import json
import resource
from typing import TYPE_CHECKING, Any

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

if TYPE_CHECKING:
    from admission import Admission

MAX_HEAD_BYTES = 64 * 1024
LINGER_S = 2.0
"""How long what a refused caller still sends is dropped: a socket closed at once would hide the answer."""


def raise_file_limit() -> None:
    """Let the process hold as many connections as the machine allows; the soft limit is often 1024."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


class LimitedProtocol(HttpToolsProtocol):
    """uvicorn's connection, which answers 431 to a head that is too long and 408 to a request that doesn't come.

    The patience is from the first byte of a request, or from the connection, until the request must have come whole.
    With an `admission` it answers 503 to predictions that find no place, before uvicorn makes a request of them.
    """

    def __init__(self, *arguments: Any, patience_s: float, admission: Admission | None, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._patience_s = patience_s
        self._admission = admission
        self._turned_away = False
        self._timer: asyncio.TimerHandle | None = None
        self._arriving = True
        self._head_open = True
        self._head_bytes = 0  # of the headers that were parsed
        self._open_bytes = 0  # of the reads after which the head was still open
        self._refused = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_waiting()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._refused:
            return
        self._arriving = True
        super().data_received(data)
        if self._refused:
            return
        self._open_bytes = self._open_bytes + len(data) if self._head_open else 0
        if self._open_bytes > MAX_HEAD_BYTES:
            self._refuse_head()
        elif not self._arriving:
            self._stop_waiting()
        elif self._timer is None:  # most requests come in one piece, and need no timer
            self._wait()

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._unset_keepalive_if_required()  # armed by a refusal of what came with it
        self._arriving = self._head_open = True
        self._head_bytes = 0

    def on_url(self, url: bytes) -> None:
        super().on_url(url)
        self._head_bytes += len(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        super().on_header(name, value)
        self._head_bytes += len(name) + len(value) + len(": \r\n")

    def on_headers_complete(self) -> None:
        self._head_open = False
        if self._head_bytes > MAX_HEAD_BYTES:
            self._refuse_head()
            raise ValueError("the head is too long")  # ends the parsing
        self._turned_away = self._is_to_be_turned_away()
        if not self._turned_away:
            super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        if not self._turned_away:
            super().on_body(body)

    def on_message_complete(self) -> None:
        self._arriving = False
        if self._turned_away:
            self.transport.write(STATUS_LINE[503] + self._admission.refuse(dict(self.headers)))
            self.on_response_complete()
            return
        super().on_message_complete()
        admission = self._admission
        if admission is not None and not self.pipeline and admission.predicts(self.parser.get_method(), self.url):
            admission.expect(self.loop)

    def _is_to_be_turned_away(self) -> bool:
        """Say whether the request finds no place, and the answer needs no more than to be written.

        Answers keep the order of the requests, and wait for a caller who doesn't read, so such are left to uvicorn.
        """
        admission = self._admission
        return (
            admission is not None
            and admission.is_full()
            and admission.predicts(self.parser.get_method(), self.url)
            and admission.can_refuse(dict(self.headers))
            and (self.cycle is None or self.cycle.response_complete)
            and not self.flow.write_paused
            and not self.expect_100_continue
            and not self.parser.should_upgrade()
            and self.parser.should_keep_alive()
            and self.parser.get_http_version() == "1.1"  # uvicorn closes the connections of others
        )

    def send_400_response(self, msg: str) -> None:
        if not self._refused:
            self._refuse(400, msg)

    def _refuse_head(self) -> None:
        self._refuse(431, f"the head of the request has more than {MAX_HEAD_BYTES:,} bytes")

    def _wait(self) -> None:
        self._timer = self.loop.call_later(self._patience_s, self._lose_patience)

    def _stop_waiting(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _lose_patience(self) -> None:
        if self.pipeline or (self._head_open and self.cycle is not None and not self.cycle.response_complete):
            self._wait()  # it is not the caller that is slow: an earlier request of this connection isn't answered
        else:
            self._refuse(408, f"the request has not come within {self._patience_s:g} s")

    def _refuse(self, status: int, message: str) -> None:
        """Answer, unless an answer was begun, and close."""
        self._refused = True
        self._stop_waiting()
        if self.transport.is_closing():
            return
        cycle = self.cycle
        if not self.pipeline and (cycle is None or cycle.response_complete or not cycle.response_started):
            body = json.dumps({"error": message}).encode()
            head = b"content-type: application/json\r\nconnection: close\r\ncontent-length: %d\r\n\r\n" % len(body)
            self.transport.write(STATUS_LINE[status] + head + body)
        if cycle is not None and not cycle.response_complete:
            cycle.disconnected = True  # it says nothing more, and whoever waits for its body is told
            cycle.message_event.set()
        self.transport.write_eof()
        self.loop.call_later(LINGER_S, self.transport.close)
