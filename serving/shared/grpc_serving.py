"""A plain threaded gRPC server with the limits of this project."""

from __future__ import annotations

import functools
import signal
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc
from command_line import MAX_BODY_BYTES, Options, exit_failed
from metrics import REQUESTS

STOP_SECONDS = 5.0

Method = Callable[[Any, Any, grpc.ServicerContext], Any]


def run_grpc_server(options: Options, add_services: Callable[[grpc.Server], None]) -> None:
    """Serve until SIGTERM or SIGINT, then let calls finish; exits with status 1 if the port is taken."""
    # One process with a thread a worker: the frameworks release Python's lock while they compute, and all threads share
    # one model. Processes would have to share the port, and the kernel would spread connections unevenly over them.
    server = grpc.server(
        ThreadPoolExecutor(options.workers),
        options=[
            ("grpc.so_reuseport", 0),
            ("grpc.max_receive_message_length", MAX_BODY_BYTES),
            ("grpc.max_send_message_length", MAX_BODY_BYTES),
        ],
    )
    add_services(server)
    address = f"{options.host}:{options.grpc_port}"
    try:
        server.add_insecure_port(address)
    except RuntimeError as error:
        exit_failed(f"can't listen on {address}: {error}")
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    server.start()
    stop.wait()
    server.stop(STOP_SECONDS).wait()


def counted(method: Method) -> Method:
    """Count the calls of a servicer's method by the code they end with."""

    @functools.wraps(method)
    def call(servicer: Any, request: Any, context: grpc.ServicerContext) -> Any:
        code = grpc.StatusCode.UNKNOWN
        try:
            reply = method(servicer, request, context)
            code = grpc.StatusCode.OK
            return reply
        finally:
            # grpcio's types lack code(), which holds what abort() was called with
            REQUESTS.labels("grpc", (context.code() or code).name).inc()  # type: ignore[attr-defined]

    return call
