"""The command line that every server program here is started with, and the ways in which it may refuse to start."""

from __future__ import annotations

import argparse
import os
import socket
import sys
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

MAX_BODY_BYTES = 20_000_000
"""Largest request and largest reply, over both protocols."""

OPTIONAL: dict[str, dict[str, Any]] = {
    "engine": {"required": True, "help": "what computes: a module of engines/"},
    "wires": {
        "required": True,
        "type": lambda text: tuple(text.split(",")),
        "help": "what to speak, of one family: tfserving-rest,tfserving-grpc",
    },
    "check": {
        "type": Path,
        "metavar": "OUTPUTS.npz",
        "help": "run the golden inputs, keep this engine's outputs, print one JSON line and end",
    },
    "queue": {
        "type": int,
        "default": 100,
        "help": "predictions that may wait for a worker; more are refused at once (503, RESOURCE_EXHAUSTED)",
    },
    "patience": {"type": float, "default": 60.0, "help": "seconds until a REST request must have come whole"},
}
"""What only some programs know."""


@dataclass(frozen=True)
class Options:
    """Where to listen and what to serve."""

    model: str
    model_dir: Path
    format: str
    host: str
    rest_port: int
    grpc_port: int
    workers: int
    threads: int
    check: Path | None = None
    engine: str = ""
    wires: tuple[str, ...] = ()
    queue: int = 0
    patience: float = 60.0


def parse_command_line(
    description: str | None = None, knows: Collection[str] = (), arguments: Sequence[str] | None = None
) -> Options:
    """Parse arguments, those of the running program unless others are given, with those of OPTIONAL that it knows."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--model", required=True, help="name to serve the model under")
    parser.add_argument("--model-dir", type=lambda text: Path(text).resolve(), required=True, help="artifacts/MODEL")
    parser.add_argument("--format", required=True, help="folder below it")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--rest-port", type=int, default=8501)
    parser.add_argument("--grpc-port", type=int, default=8500)
    parser.add_argument("--workers", type=int, default=1, help="predictions at the same time")
    parser.add_argument("--threads", type=int, default=1, help="threads of one prediction")
    for name in knows:
        parser.add_argument(f"--{name}", **OPTIONAL[name])
    options = Options(**vars(parser.parse_args(arguments)))
    if min(options.workers, options.threads) < 1:
        parser.error("--workers and --threads must be at least 1")
    if options.queue < 0:
        parser.error("--queue must be at least 0")
    if not options.patience > 0:
        parser.error("--patience must be more than 0")
    return options


def require_free_ports(options: Options) -> None:
    """End with status 1 if a port is taken."""
    # Before anything slow starts; gunicorn would try for five seconds, and gRPC would share the port silently.
    for port in (options.rest_port, options.grpc_port):
        try:
            socket.create_server((options.host, port)).close()
        except OSError as error:
            reason = os.strerror(error.errno or 0)
            exit_failed(f"can't listen on {options.host}:{port}: {reason}; stop what uses it or choose another port")


def free_ports(count: int) -> list[int]:
    """Choose free ports of the loopback interface; they are all held while choosing, so they differ."""
    held = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [holder.getsockname()[1] for holder in held]
    for holder in held:
        holder.close()
    return ports


def exit_failed(message: str) -> NoReturn:
    sys.stderr.write(f"error: {message}\n")
    sys.exit(1)


def exit_unavailable(message: str) -> NoReturn:
    """End with the status that says: this machine lacks what the target needs; the message names the remedy."""
    sys.stderr.write(f"unavailable: {message}\n")
    sys.exit(os.EX_UNAVAILABLE)
