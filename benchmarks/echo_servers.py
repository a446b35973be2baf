"""Python servers that do nothing but answer: what the TFLite server's overhead is measured against.

    echo_servers.py KIND PORT REPLY

KIND: asgi (uvicorn on httptools and uvloop), grpc-aio (on uvloop) or grpc-threads. REPLY is the file that every request
is answered with, whatever it asks. Runs in the TFLite server's environment.
"""

from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import grpc
import uvicorn
import uvloop

HOST = "127.0.0.1"
UNLIMITED = [("grpc.max_receive_message_length", -1)]
THREADS = 8  # as many as there are callers at most


def serve_asgi(port: int, reply: bytes) -> None:
    """Answer over HTTP."""
    headers = [(b"content-type", b"application/octet-stream"), (b"content-length", str(len(reply)).encode())]

    async def app(scope: dict, receive, send) -> None:  # noqa: ANN001
        while (await receive()).get("more_body"):
            pass
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": reply})

    options = {"http": "httptools", "loop": "uvloop", "lifespan": "off", "access_log": False, "log_level": "warning"}
    uvicorn.run(app, host=HOST, port=port, server_header=False, **options)


def serve_grpc_aio(port: int, reply: bytes) -> None:
    """Answer over gRPC on an event loop."""

    async def answer(message: bytes, context: object) -> bytes:
        return reply

    async def serve() -> None:
        server = grpc.aio.server(options=UNLIMITED)
        server.add_generic_rpc_handlers((Anything(answer),))
        server.add_insecure_port(f"{HOST}:{port}")
        await server.start()
        await server.wait_for_termination()

    uvloop.run(serve())


def serve_grpc_threads(port: int, reply: bytes) -> None:
    """Answer over gRPC in threads."""
    server = grpc.server(ThreadPoolExecutor(THREADS), options=UNLIMITED)
    server.add_generic_rpc_handlers((Anything(lambda message, context: reply),))
    server.add_insecure_port(f"{HOST}:{port}")
    server.start()
    server.wait_for_termination()


class Anything(grpc.GenericRpcHandler):
    """Handles every method alike."""

    def __init__(self, answer) -> None:  # noqa: ANN001
        self._handler = grpc.unary_unary_rpc_method_handler(answer)

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler:
        return self._handler


KINDS = {"asgi": serve_asgi, "grpc-aio": serve_grpc_aio, "grpc-threads": serve_grpc_threads}

if __name__ == "__main__":
    kind, port, reply = sys.argv[1:]
    KINDS[kind](int(port), Path(reply).read_bytes())
