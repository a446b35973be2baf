"""The gRPC side: unary methods by their full path, from message bytes to message bytes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

import grpc
from prediction_queue import Caller
from request_error import RequestError, invalid
from server_metrics import ServerMetrics

from bakeoff.wire.tensors import MAX_BODY_BYTES, WireError

Method = Callable[[bytes, Caller], Awaitable[bytes]]

MAX_DETAILS_CHARACTERS = 1000  # they travel in a header, and clients bound those

OPTIONS = [
    ("grpc.max_receive_message_length", MAX_BODY_BYTES),
    ("grpc.max_send_message_length", MAX_BODY_BYTES),
    ("grpc.so_reuseport", 0),  # a taken port must be an error, not shared
]


class Methods(grpc.GenericRpcHandler):
    """The handlers of a set of methods, for a server of grpc.aio."""

    def __init__(self, methods: dict[str, Method], metrics: ServerMetrics) -> None:
        self._metrics = metrics
        self._handlers = {
            # As a stream of one: grpc.aio never answers a unary call that ends without its message.
            path: grpc.stream_unary_rpc_method_handler(self._wrap(method))
            for path, method in methods.items()
        }

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler | None:
        return self._handlers.get(handler_call_details.method)

    def _wrap(self, method: Method) -> Callable[[AsyncIterator[bytes], grpc.aio.ServicerContext], Awaitable[bytes]]:
        async def handle(messages: AsyncIterator[bytes], context: grpc.aio.ServicerContext) -> bytes:
            code = grpc.StatusCode.UNKNOWN
            self._metrics.in_flight.inc()
            try:
                message = await anext(messages, None)
                if message is None:
                    raise invalid("the call has no message")
                reply = await method(message, Caller(deadline_s=context.time_remaining()))
                code = grpc.StatusCode.OK
                return reply
            except (RequestError, WireError) as error:
                refusal = error if isinstance(error, RequestError) else invalid(str(error))
                code = refusal.grpc_status
                await context.abort(code, str(refusal)[:MAX_DETAILS_CHARACTERS])
            except asyncio.CancelledError:
                code = grpc.StatusCode.CANCELLED
                raise
            finally:
                self._metrics.in_flight.dec()
                self._metrics.requests.labels("grpc", code.name).inc()

        return handle
