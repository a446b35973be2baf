"""The attached runtime: servers that are up already, in the containers of a `docker compose up`.

This is what bakeoff can do inside the loadtest container, which has no access to the engine: it finds servers by their
service's name, can't pause them, and sees neither their CPU time nor their memory.
"""

from __future__ import annotations

import os
import socket
import sys
import time
from dataclasses import dataclass, replace
from pathlib import Path

from bakeoff.artifacts.export import ExportOptions
from bakeoff.errors import TargetFailed, TargetUnavailable, UsageError
from bakeoff.host.catalog import find_model
from bakeoff.host.cpus import Cpus
from bakeoff.host.files import ARTIFACTS
from bakeoff.host.progress import Show
from bakeoff.measure.generator import LoadGenerator, Workers, start_load
from bakeoff.platforms.platform import Canary, FormatCheck, StartOptions, Usage, not_ready
from bakeoff.platforms.reach import fetch_page
from bakeoff.schema import Endpoint, Image, Plan, Reason, RuntimeName, Startup, Surroundings, Target

NAME: RuntimeName = "remote"
PAUSES = False
CHECKS = False
REST_PORT, GRPC_PORT = 8501, 8500


@dataclass(slots=True)
class Server:
    """A server that somebody else started."""

    target: Target
    format: str
    endpoints: tuple[Endpoint, ...]
    ready_seconds: float | None = None
    startup: Startup | None = None


def open() -> None:
    """Nothing has to be made ready."""


def close() -> None:
    """Nothing was started."""


def resolve_cpus(cpus: Cpus) -> Cpus:
    """Replace "auto" by what .env says, which Compose hands down."""
    server, load = os.environ.get("SERVER_CPUS", "unknown"), os.environ.get("LOAD_CPUS", "unknown")
    return Cpus(server if cpus.server == "auto" else cpus.server, load if cpus.load == "auto" else cpus.load)


def export(model: str, options: ExportOptions, show: Show) -> tuple[Path, list[str]]:
    """Return the folder that the export container filled; raise UsageError where it didn't."""
    name = find_model(model).name
    if not (ARTIFACTS / name / "golden.npz").exists():
        raise UsageError(f"{name} is not exported; start it with: MODEL={name} docker compose up --detach --wait")
    return ARTIFACTS / name, []


def prepare(target: Target, show: Show) -> tuple[None, str | None]:
    """Find a target's container by its service's name. Raises TargetUnavailable where there is none."""
    try:
        socket.getaddrinfo(target.name, REST_PORT)
    except socket.gaierror:
        of = {"target": target.name}
        raise TargetUnavailable(Reason("container_missing", of), Reason("bring_up", of)) from None
    return None, None


def check_format(target: Target, prepared: None, model: str, model_dir: Path, format: str) -> FormatCheck:
    """It can't be done from here."""
    raise TargetFailed(Reason("check_impossible", {"target": target.name}))


def time_bare(target: Target, prepared: None, model_dir: Path, format: str, cpus: str | None) -> None:
    """It can't be done from here."""


def install_bytes(target: Target, prepared: None) -> None:
    """It can't be seen from here."""


def start(
    target: Target, format: str, endpoints: list[Endpoint], model_dir: Path, prepared: None, options: StartOptions
) -> Server:
    """Address a server that is up; raise TargetUnavailable for a format that it wasn't started with."""
    if format != target.formats[0]:
        values = {"target": target.name, "served": target.formats[0], "format": format}
        raise TargetUnavailable(Reason("other_format_up", values))
    placed = [replace(e, host=target.name, port=GRPC_PORT if e.protocol == "grpc" else REST_PORT) for e in endpoints]
    return Server(target, format, tuple(placed))


def wait_ready(server: Server, canary: Canary) -> None:
    """Wait until a canary prediction succeeds on every endpoint; raise TargetFailed after the target's deadline."""
    deadline = time.monotonic() + server.target.start_timeout_s
    for endpoint in server.endpoints:
        while problem := canary(endpoint):
            if time.monotonic() > deadline:
                where = f"see `docker compose logs {server.target.name}`"
                raise TargetFailed(not_ready(server.target, endpoint.id, problem, where))
            time.sleep(0.2)


def alive(server: Server) -> bool:
    """Suppose that it is: a server that is gone shows in the samples."""
    return True


def last_words(server: Server) -> str:
    """Say where they stand."""
    return f"is gone; see `docker compose logs {server.target.name}`"


def pause(server: Server) -> None:
    """It can't be done from here."""


def resume(server: Server) -> None:
    """It was never paused."""


def stop(server: Server) -> None:
    """It was up before, and stays."""


def read_usage(server: Server) -> Usage | None:
    """It can't be seen from here."""
    return None


def read_metrics(server: Server) -> str | None:
    """Fetch the server's metrics page, None where it has none on its REST port."""
    if server.target.metrics is None or server.target.metrics_port is not None:
        return None
    return fetch_page(server.target.name, REST_PORT, server.target.metrics)


def open_load(plan: Plan, folder: Path, cpus: str, workers: Workers, show: Show) -> LoadGenerator:
    """Start the load generator in this container, whose CPU set is the load's."""
    return start_load(Path(sys.executable), plan, folder, None, workers)


def surroundings(cpus: Cpus) -> Surroundings:
    """Describe what is around servers and load."""
    return Surroundings("bridge", False, cpus.server, cpus.load)


def images() -> tuple[Image, ...]:
    """They can't be seen from here."""
    return ()
