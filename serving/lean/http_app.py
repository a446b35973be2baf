"""The HTTP side as a bare ASGI application: bodies up to the limit, TensorFlow Serving's form of errors, /metrics."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import orjson
from http_body import Bodies, Receive
from request_error import RequestError, invalid
from server_metrics import CONTENT_TYPE, ServerMetrics

from bakeoff.wire.binary import RAW, SAFETENSORS
from bakeoff.wire.tensors import WireError

JSON = "application/json"
LINGER_S = 2.0
RETRY_AFTER_S = b"1"

Send = Callable[[dict[str, Any]], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Request:
    """An HTTP request with its whole body; the path has its query with it, the content type no parameters."""

    method: str
    path: str
    content_type: str
    body: bytes
    receive: Receive
    """Returns when the caller is gone, since the body is there."""

    def caller_is_gone(self) -> bool:
        """Say whether the caller is known to be gone, without waiting; for the event loop's thread."""
        waiting = self.receive()
        try:
            waiting.send(None)
        except StopIteration:
            return True
        finally:
            waiting.close()
        return False


@dataclass(frozen=True, slots=True)
class Response:
    body: bytes
    content_type: str = JSON
    status: int = 200
    unread: bool = False
    """Whether it answers a request whose body was not read."""


Respond = Callable[[Request], Awaitable[Response]]


class HttpApp:
    """An ASGI application around one function from request to response."""

    def __init__(self, respond: Respond, metrics: ServerMetrics) -> None:
        self._respond = respond
        self._metrics = metrics
        self._bodies = Bodies()

    async def __call__(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        if scope["path"] == "/metrics":
            await _send(send, Response(self._metrics.dump(), CONTENT_TYPE))
            return
        headers = dict(scope["headers"])
        content_type = content_type_of(headers)
        code = "500"
        self._metrics.in_flight.inc()
        try:
            response = await self._answer(scope, headers, content_type, receive)
            code = str(response.status)
            if response.unread:
                await _send_and_linger(send, receive, response)
            else:
                await _send(send, response)
        finally:
            self._metrics.in_flight.dec()
            self._metrics.count(protocol_of(content_type), code)

    async def _answer(
        self, scope: dict[str, Any], headers: dict[bytes, bytes], content_type: str, receive: Receive
    ) -> Response:
        path = scope["raw_path"].decode("latin-1") + (
            "?" + scope["query_string"].decode("latin-1") if scope["query_string"] else ""
        )
        try:
            body = await self._bodies.read(headers, receive)
        except RequestError as error:
            return error_response(error, unread=True)
        try:
            return await self._respond(Request(scope["method"], path, content_type, body, receive))
        except RequestError as error:
            return error_response(error)
        except WireError as error:
            return error_response(invalid(str(error)))
        finally:
            self._bodies.release(body)


def content_type_of(headers: dict[bytes, bytes]) -> str:
    """Return the content type without its parameters."""
    return headers.get(b"content-type", b"").decode("latin-1").partition(";")[0].strip().lower()


def protocol_of(content_type: str) -> str:
    """Return under which protocol a request is counted."""
    return "binary" if content_type in (RAW, SAFETENSORS) else "rest"


def error_response(error: RequestError, unread: bool = False) -> Response:
    # surrogates can come from a JSON string of the request that is quoted in the message
    text = str(error).encode("utf-8", "replace").decode()
    return Response(orjson.dumps({"error": text}), JSON, error.http_status, unread)


async def _send(send: Send, response: Response) -> None:
    await _start(send, response)
    await send({"type": "http.response.body", "body": response.body})


async def _send_and_linger(send: Send, receive: Receive, response: Response) -> None:
    """Answer at once, then drop what still arrives for a moment: a closed socket would hide the answer."""
    await _start(send, response, close=True)
    await send({"type": "http.response.body", "body": response.body, "more_body": True})
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(LINGER_S):
            while (await receive()).get("more_body", False):
                pass
    await send({"type": "http.response.body", "body": b""})


async def _start(send: Send, response: Response, close: bool = False) -> None:
    headers = [
        (b"content-type", response.content_type.encode()),
        (b"content-length", str(len(response.body)).encode()),
    ]
    if response.status == 503:
        headers.append((b"retry-after", RETRY_AFTER_S))
    if close:
        headers.append((b"connection", b"close"))
    await send({"type": "http.response.start", "status": response.status, "headers": headers})
