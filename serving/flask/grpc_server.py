"""The gRPC half of a Flask target: a plain threaded server with the limits of this project."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import grpc
from command_line import MAX_BODY_BYTES, Options, exit_failed, parse_command_line
from exchange import GrpcMethod, Predict, Wire
from flask_model import KNOWS, load
from metrics import REQUESTS
from request_error import RequestError, invalid

from bakeoff.wire.tensors import WireError

STOP_SECONDS = 5.0


class Methods(grpc.GenericRpcHandler):
    """A wire's methods, of which the predicting ones are counted by the code that they end with."""

    def __init__(self, wire: Wire, predict: Predict) -> None:
        self._predict = predict
        self._handlers = {
            path: grpc.unary_unary_rpc_method_handler(self._wrap(method)) for path, method in wire.grpc_methods.items()
        }

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler | None:
        return self._handlers.get(handler_call_details.method)

    def _wrap(self, method: GrpcMethod) -> Callable[[bytes, grpc.ServicerContext], bytes]:
        def handle(message: bytes, context: grpc.ServicerContext) -> bytes:
            code = "UNKNOWN"
            try:
                reply = method.answer(message, self._predict)
                code = "OK"
                return reply
            except (RequestError, WireError) as error:
                refusal = error if isinstance(error, RequestError) else invalid(str(error))
                code = refusal.grpc_status
                context.abort(grpc.StatusCode[code], str(refusal))
            finally:
                if method.predicts:
                    REQUESTS.labels("grpc", code).inc()

        return handle


def run_grpc_server(options: Options, methods: Methods) -> None:
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
    server.add_generic_rpc_handlers((methods,))
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


if __name__ == "__main__":
    run_grpc_server(parse_command_line(knows=KNOWS), Methods(*load(sys.argv[1:], "grpc")))
