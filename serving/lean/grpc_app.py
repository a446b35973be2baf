"""The gRPC side: unary methods by their full path, from message bytes to message bytes, each call in a thread.

grpcio's threads answer eight callers at nearly twice the rate of its event loop; docs/lean-server.md has the figures.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import TIMEOUT_MAX

# Read when grpc is imported. Reading sockets in the thread that waits for events, instead of in the threads of gRPC's
# new event engine, saves several switches between threads a call.
os.environ.setdefault("GRPC_EXPERIMENTS", "-event_engine_listener")

import grpc
from prediction_queue import Caller
from request_error import RequestError, invalid
from server_metrics import ServerMetrics

from bakeoff.wire.tensors import MAX_BODY_BYTES, WireError

Method = Callable[[bytes, Caller], bytes]

MAX_DETAILS_CHARACTERS = 1000  # they travel in a header, and clients bound those

OPTIONS = [
    ("grpc.max_receive_message_length", MAX_BODY_BYTES),
    ("grpc.max_send_message_length", MAX_BODY_BYTES),
    ("grpc.compression_enabled_algorithms_bitset", 1),  # none: a few bytes could become a message of any size
    ("grpc.so_reuseport", 0),  # a taken port must be an error, not shared
]


def grpc_server(methods: dict[str, Method], metrics: ServerMetrics, pool: ThreadPoolExecutor, most: int) -> grpc.Server:
    """Return a server of the methods, to be given a port and started; beyond `most` calls at a time it refuses."""
    server = grpc.server(pool, options=OPTIONS, maximum_concurrent_rpcs=most)
    server.add_generic_rpc_handlers((_Methods(methods, metrics),))
    return server


class _Methods(grpc.GenericRpcHandler):
    """The handlers of a set of methods."""

    def __init__(self, methods: dict[str, Method], metrics: ServerMetrics) -> None:
        self._metrics = metrics
        self._handlers = {
            path: grpc.unary_unary_rpc_method_handler(self._wrap(method)) for path, method in methods.items()
        }

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler | None:
        return self._handlers.get(handler_call_details.method)

    def _wrap(self, method: Method) -> Callable[[bytes, grpc.ServicerContext], bytes]:
        def handle(message: bytes, context: grpc.ServicerContext) -> bytes:
            code = "UNKNOWN"
            self._metrics.in_flight.inc()
            try:
                reply = method(message, Caller(_deadline_s(context), lambda: not context.is_active()))
                code = "OK"
                return reply
            except (RequestError, WireError) as error:
                refusal = error if isinstance(error, RequestError) else invalid(str(error))
                code = refusal.grpc_status
                context.abort(grpc.StatusCode[code], str(refusal)[:MAX_DETAILS_CHARACTERS])
            finally:
                self._metrics.in_flight.dec()
                self._metrics.count("grpc", code)

        return handle


def _deadline_s(context: grpc.ServicerContext) -> float | None:
    left_s = context.time_remaining()
    return left_s if left_s < TIMEOUT_MAX else None  # where the caller gave none it is centuries
