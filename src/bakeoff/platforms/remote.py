"""The remote platform: servers that somebody else started, as the containers of a `docker compose up`.

This is what bakeoff can do inside the loadtest container, which has no access to the engine: it finds servers by their
service's name, can't pause them, and sees neither their CPU time nor their memory.
"""

from __future__ import annotations

import os
import socket
import sys
from dataclasses import replace
from pathlib import Path
from typing import ClassVar

from bakeoff.artifacts.export import ExportOptions
from bakeoff.errors import TargetFailed, TargetUnavailable, UsageError
from bakeoff.host.catalog import find_model
from bakeoff.host.cpus import Cpus
from bakeoff.host.files import ARTIFACTS
from bakeoff.host.progress import Show
from bakeoff.measure.generator import LoadGenerator, LoadWorkers, start_load
from bakeoff.platforms.platform import Platform, Prepared, Server, StartOptions
from bakeoff.platforms.ports import fetch_page
from bakeoff.platforms.programs import Done
from bakeoff.schema import Endpoint, Plan, PlatformName, Reason, Surroundings, Target

REST_PORT, GRPC_PORT = 8501, 8500


class Remote(Platform[Server]):
    """Servers that are up already; what can't be done or seen from here is left undone."""

    NAME: ClassVar[PlatformName] = "remote"
    PAUSES: ClassVar[bool] = False
    CHECKS: ClassVar[bool] = False
    STARTS: ClassVar[bool] = False

    def resolve_cpus(self, cpus: Cpus) -> Cpus:
        """Replace "auto" by what .env says, which Compose hands down."""
        return cpus.filled(os.environ.get("SERVER_CPUS", "unknown"), os.environ.get("LOAD_CPUS", "unknown"))

    def export(self, model: str, options: ExportOptions, show: Show) -> tuple[Path, list[str]]:
        """Return the folder that the export container filled; raise UsageError where it didn't."""
        name = find_model(model).name
        if not (ARTIFACTS / name / "golden.npz").exists():
            raise UsageError(f"{name} is not exported; start it with: MODEL={name} docker compose up --detach --wait")
        return ARTIFACTS / name, []

    def prepare(self, target: Target, show: Show) -> Prepared:
        """Find a target's container by its service's name. Raises TargetUnavailable where there is none."""
        try:
            socket.getaddrinfo(target.name, REST_PORT)
        except socket.gaierror:
            of = {"target": target.name}
            raise TargetUnavailable(Reason("container_missing", of), Reason("bring_up", of)) from None
        return Prepared(target)

    def run_check(self, prepared: Prepared, model_dir: Path, format: str, outputs: Path) -> Done:
        """It can't be done from here."""
        raise TargetFailed(Reason("check_impossible", {"target": prepared.target.name}))

    def run_timing(self, prepared: Prepared, model_dir: Path, format: str, cpus: str | None) -> Done:
        """It can't be done from here."""
        raise TargetFailed(Reason("check_impossible", {"target": prepared.target.name}))

    def start(
        self, prepared: Prepared, format: str, endpoints: list[Endpoint], model_dir: Path, options: StartOptions
    ) -> Server:
        """Address a server that is up; raise TargetUnavailable for a format that it wasn't started with."""
        target = prepared.target
        if format != target.formats[0]:
            values = {"target": target.name, "served": target.formats[0], "format": format}
            raise TargetUnavailable(Reason("other_format_up", values))
        placed = (
            replace(e, host=target.name, port=GRPC_PORT if e.protocol == "grpc" else REST_PORT) for e in endpoints
        )
        return Server(prepared=prepared, format=format, endpoints=tuple(placed), options=options, started=self.now())

    def exit_status(self, server: Server) -> int | None:
        """Suppose that it runs: a server that is gone shows in the samples."""
        return None

    def read_log(self, server: Server) -> str:
        """Say where it stands."""
        return f"(docker compose logs {server.target.name})"

    def pause(self, server: Server) -> None:
        """It can't be done from here."""

    def resume(self, server: Server) -> None:
        """It was never paused."""

    def stop(self, server: Server) -> None:
        """It was up before, and stays."""

    def read_usage(self, server: Server) -> None:
        """It can't be seen from here."""

    def read_metrics(self, server: Server) -> str | None:
        """Fetch the server's metrics page, None where it has none on its REST port."""
        if server.target.metrics is None or server.target.metrics_port is not None:
            return None
        return fetch_page(server.target.name, REST_PORT, server.target.metrics)

    def open_load(self, plan: Plan, folder: Path, cpus: str, workers: LoadWorkers, show: Show) -> LoadGenerator:
        """Start the load generator in this container, whose CPU set is the load's."""
        return start_load(Path(sys.executable), plan, folder, None, workers)

    def surroundings(self, cpus: Cpus) -> Surroundings:
        """Describe what is around servers and load."""
        return Surroundings("bridge", False, cpus.server, cpus.load)
