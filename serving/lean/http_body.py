"""Reading the bodies of requests, each up to the wires' limit and all together up to another."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

from request_error import RequestError, crowded, invalid, too_large, unsupported_encoding

from bakeoff.wire.tensors import MAX_BODY_BYTES

MAX_HELD_BYTES = 500_000_000
"""Of all bodies that have begun to come or wait for their answer: callers who send slowly must not fill the memory."""

Receive = Callable[[], Coroutine[Any, Any, dict[str, Any]]]


class Bodies:
    """The bodies that the server holds; for the event loop's thread."""

    def __init__(self) -> None:
        self._held_bytes = 0

    async def read(self, headers: dict[bytes, bytes], receive: Receive) -> bytes:
        """Return a whole body, which the caller releases; raises RequestError, and nothing is held then."""
        encoding = headers.get(b"content-encoding", b"identity")
        if encoding.lower() != b"identity":
            raise unsupported_encoding(encoding.decode("latin-1"))
        announced = int(headers.get(b"content-length", b"0"))
        if announced > MAX_BODY_BYTES:
            raise _oversize(f"{announced:,} bytes")
        chunks: list[bytes] = []
        size = 0
        try:
            while True:
                message = await receive()
                if message["type"] == "http.disconnect":
                    raise invalid("the body was cut off")
                chunk = message.get("body", b"")
                size += len(chunk)
                self._held_bytes += len(chunk)
                if size > MAX_BODY_BYTES:
                    raise _oversize(f"more than {size - 1:,} bytes")
                if self._held_bytes > MAX_HELD_BYTES:
                    raise crowded(MAX_HELD_BYTES)
                chunks.append(chunk)
                if not message.get("more_body", False):
                    return chunks[0] if len(chunks) == 1 else b"".join(chunks)
        except BaseException:
            self._held_bytes -= size
            raise

    def release(self, body: bytes) -> None:
        """Say that a body is held no more."""
        self._held_bytes -= len(body)


def _oversize(size: str) -> RequestError:
    return too_large(f"the request has {size}; at most {MAX_BODY_BYTES:,} are allowed: send smaller batches")
