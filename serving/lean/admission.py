"""Turning predictions away before a request is made of them, while the line is full."""

from __future__ import annotations

import asyncio
from collections.abc import Collection

from http_app import RETRY_AFTER_S, ErrorDocument, content_type_of, error_response, protocol_of
from prediction_queue import PredictionQueue
from request_error import overloaded
from server_metrics import ServerMetrics

from bakeoff.wire.tensors import MAX_BODY_BYTES


class Admission:
    """Knows whether one more prediction finds a place in the line; for the event loop's thread.

    The loop reads from all connections before it goes on with what they sent, so those that have just come are counted.
    """

    def __init__(
        self, paths: Collection[str], queue: PredictionQueue, metrics: ServerMetrics, error_document: ErrorDocument
    ) -> None:
        self._urls = {path.encode() for path in paths}
        self._queue = queue
        self._metrics = metrics
        self._coming = 0
        response = error_response(overloaded(queue.limit), error_document)
        head = f"content-type: {response.content_type}\r\ncontent-length: {len(response.body)}\r\n"
        self._refusal = head.encode() + b"retry-after: %s\r\n\r\n" % RETRY_AFTER_S + response.body

    def predicts(self, method: bytes, url: bytes) -> bool:
        """Say whether a request takes a place in the line; other ways to write its URL are left to the application."""
        return method == b"POST" and url in self._urls

    def is_full(self) -> bool:
        return self._queue.free_places <= self._coming

    def expect(self, loop: asyncio.AbstractEventLoop) -> None:
        """Count a prediction that has come whole until it has taken its place, in the loop's next turn."""
        self._coming += 1
        loop.call_soon(self._enter)

    def _enter(self) -> None:
        self._coming -= 1

    def can_refuse(self, headers: dict[bytes, bytes]) -> bool:
        """Say whether a body comes that is worth reading to its end, for the next request on the connection."""
        return 0 < int(headers.get(b"content-length", b"0")) <= MAX_BODY_BYTES

    def refuse(self, headers: dict[bytes, bytes]) -> bytes:
        """Count a refusal, and return it from its headers on."""
        self._metrics.count(protocol_of(content_type_of(headers)), "503")
        return self._refusal
