"""A server program's life: its two ports, and a clean end on SIGTERM."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import signal
import socket
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, NoReturn

import uvicorn
import uvloop
from admission import Admission
from command_line import Options
from grpc_app import Method, grpc_server
from http_app import ErrorDocument, HttpApp, Respond
from http_limits import LimitedProtocol, raise_file_limit
from server_metrics import ServerMetrics

from bakeoff.wire.memory import keep_large_blocks, share_heap

if TYPE_CHECKING:
    import grpc

HTTP_GRACE_S = 4
GRPC_GRACE_S = 1.0  # it is waited for in full while a client keeps an idle connection
KEEP_ALIVE_S = 600  # longer than a trial's pauses: a closed connection would be measured
ACCEPTED_AT_ONCE = 32
"""Connections that are taken in one turn of the loop. libuv takes one for each listening socket, and a turn lasts as
long as all predictions that wait: of 400 callers who came at once the last would wait for seconds."""


@dataclass(frozen=True, slots=True)
class Service:
    """What is served on the two ports; without an `admission` nobody is turned away."""

    respond: Respond
    grpc_methods: dict[str, Method]
    error_document: ErrorDocument
    metrics: ServerMetrics
    admission: Admission | None = None


def prepare() -> None:
    """Make the process ready to load a model; a SIGTERM that comes before the server runs ends it with status 0."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    keep_large_blocks()
    share_heap()


def fail(message: str, status: int = 1) -> NoReturn:
    sys.stderr.write(message.rstrip() + "\n")
    sys.exit(status)


def run(options: Options, service: Service, pool: ThreadPoolExecutor, most_calls: int) -> None:
    """Serve until SIGTERM or SIGINT, gRPC calls in the pool; exits with status 1 where a port is taken."""
    raise_file_limit()
    rest_socket = _bind(options.host, options.rest_port)
    gc.collect()
    gc.freeze()  # what is there now stays: looking through it again and again takes time from requests
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        grpc_side = grpc_server(service.grpc_methods, service.metrics, pool, most_calls)
        runner.run(_serve(options, rest_socket, service, grpc_side))


class _HttpServer(uvicorn.Server):
    """uvicorn without its signal handlers, which would end the process by the signal instead of with status 0."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


async def _serve(options: Options, rest_socket: socket.socket, service: Service, grpc_side: grpc.Server) -> None:
    try:
        bound = grpc_side.add_insecure_port(f"{options.host}:{options.grpc_port}")
    except RuntimeError:
        bound = 0
    if not bound:
        _fail_taken(options.host, options.grpc_port, "grpc")
    http_server = _HttpServer(
        uvicorn.Config(
            HttpApp(service.respond, service.error_document, service.metrics),
            http=partial(LimitedProtocol, patience_s=options.patience, admission=service.admission),
            ws="none",
            lifespan="off",
            log_level="error",  # whoever sends no HTTP would fill the log with a line each
            access_log=False,
            server_header=False,
            proxy_headers=False,  # it rewrites what nobody reads here
            timeout_keep_alive=KEEP_ALIVE_S,
            timeout_graceful_shutdown=HTTP_GRACE_S,
        )
    )
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, setattr, http_server, "should_exit", True)
    grpc_side.start()
    await http_server.serve(sockets=[rest_socket, *(rest_socket.dup() for _ in range(1, ACCEPTED_AT_ONCE))])
    stopped = grpc_side.stop(GRPC_GRACE_S)
    await asyncio.to_thread(stopped.wait)


def _bind(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=2048, dualstack_ipv6=":" in host)
    except (OSError, ValueError):  # the latter where there is no IPv6
        _fail_taken(host, port, "rest")


def _fail_taken(host: str, port: int, protocol: str) -> NoReturn:
    fail(f"can't listen on {host}:{port}: the port is taken; give another with --{protocol}-port")
