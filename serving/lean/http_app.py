"""The HTTP side as a bare ASGI application: bodies up to the limit, errors in the wire's form, /metrics."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import orjson
from exchange import JSON, Request, Response
from http_body import Bodies, Receive
from request_error import RequestError, invalid
from server_metrics import CONTENT_TYPE, ServerMetrics

from bakeoff.wire.binary import RAW, SAFETENSORS
from bakeoff.wire.tensors import WireError

LINGER_S = 2.0
RETRY_AFTER_S = b"1"

Send = Callable[[dict[str, Any]], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class HttpRequest(Request):
    """A request with its connection; `receive` returns when the caller is gone, since the body is there."""

    receive: Receive

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


Respond = Callable[[HttpRequest], Awaitable[Response]]
ErrorDocument = Callable[[RequestError], dict[str, Any]]
"""Makes the JSON of an error."""


class HttpApp:
    """An ASGI application around one function from request to response."""

    def __init__(self, respond: Respond, error_document: ErrorDocument, metrics: ServerMetrics) -> None:
        self._respond = respond
        self._error_document = error_document
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
            try:
                body = await self._bodies.read(headers, receive)
            except RequestError as error:  # it was not read to its end
                code = str(error.http_status)
                await _send_and_linger(send, receive, error_response(error, self._error_document))
                return
            try:
                response = await self._answer(HttpRequest(scope["method"], _path(scope), content_type, body, receive))
            finally:
                self._bodies.release(body)
            code = str(response.status)
            await _send(send, response)
        finally:
            self._metrics.in_flight.dec()
            self._metrics.count(protocol_of(content_type), code)

    async def _answer(self, request: HttpRequest) -> Response:
        try:
            return await self._respond(request)
        except RequestError as error:
            return error_response(error, self._error_document)
        except WireError as error:
            return error_response(invalid(str(error)), self._error_document)


def content_type_of(headers: dict[bytes, bytes]) -> str:
    """Return the content type without its parameters."""
    return headers.get(b"content-type", b"").decode("latin-1").partition(";")[0].strip().lower()


def protocol_of(content_type: str) -> str:
    """Return under which protocol a request is counted."""
    return "binary" if content_type in (RAW, SAFETENSORS) else "rest"


def error_response(error: RequestError, error_document: ErrorDocument) -> Response:
    return Response(orjson.dumps(error_document(error)), JSON, error.http_status)


def _path(scope: dict[str, Any]) -> str:
    query = scope["query_string"].decode("latin-1")
    return scope["raw_path"].decode("latin-1") + (f"?{query}" if query else "")


async def _send_and_linger(send: Send, receive: Receive, response: Response) -> None:
    """Answer at once, then drop what still arrives for a moment: a closed socket would hide the answer."""
    await _send(send, response, close=True)
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(LINGER_S):
            while (await receive()).get("more_body", False):
                pass
    await send({"type": "http.response.body", "body": b""})


async def _send(send: Send, response: Response, close: bool = False) -> None:
    """Send a response, which is open still where the connection closes after it."""
    headers = [
        (b"content-type", response.content_type.encode()),
        (b"content-length", str(len(response.body)).encode()),
    ]
    if response.status == 503:
        headers.append((b"retry-after", RETRY_AFTER_S))
    if close:
        headers.append((b"connection", b"close"))
    await send({"type": "http.response.start", "status": response.status, "headers": headers})
    await send({"type": "http.response.body", "body": response.body, "more_body": close})
