"""The docker platform: every target in its own container, started by `docker compose`, looked at through the engine."""

from __future__ import annotations

import contextlib
import re
import time
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any, ClassVar

from bakeoff.artifacts.export import ExportOptions
from bakeoff.errors import BakeoffError, TargetFailed, TargetUnavailable, UsageError
from bakeoff.host.cpus import Cpus
from bakeoff.host.progress import Show
from bakeoff.measure.generator import LoadWorkers
from bakeoff.platforms import docker_engine
from bakeoff.platforms.cgroup import read_container
from bakeoff.platforms.docker_export import export
from bakeoff.platforms.docker_images import built, describe, pulled
from bakeoff.platforms.docker_load import ContainerLoad, moved_files
from bakeoff.platforms.docker_programs import read_private_page, run_check, run_timing
from bakeoff.platforms.platform import Platform, Prepared, Server, StartOptions, Usage
from bakeoff.platforms.ports import HOST, all_listen, fetch_page, free_ports
from bakeoff.platforms.programs import Done
from bakeoff.schema import Endpoint, Image, Plan, PlatformName, Reason, Surroundings, Target

REST_PORT, GRPC_PORT = 8501, 8500


@dataclass(slots=True, kw_only=True)
class ContainerServer(Server):
    """A container that serves; `inside` is its address for other containers, `largest` its sizes so far."""

    container: Any
    inside: dict[str, tuple[str, int]]
    largest: list[int] = field(default_factory=list)


class Docker(Platform[ContainerServer]):
    """Containers on this machine's engine, and what of them this run has."""

    NAME: ClassVar[PlatformName] = "docker"

    def __init__(self) -> None:
        self._servers: list[ContainerServer] = []
        self._paused_stack: list[Any] = []
        self._used: dict[str, str] = {}
        """The image of each target that was prepared."""

    def open(self) -> None:
        """Require the engine, and none of another run's containers."""
        docker_engine.require_engine()
        if docker_engine.ours(docker_engine.RUN_PROJECT):
            remedy = "end it, or what it left, with `scripts/bakeoff down --platform docker`"
            raise UsageError(f"containers of another run are there: {remedy}")

    def close(self) -> None:
        """Remove every container and network of the run; let the servers of a `docker compose up` run on."""
        with docker_engine.undisturbed():
            docker_engine.remove_all(docker_engine.RUN_PROJECT)
            self._servers.clear()
            while self._paused_stack:
                with contextlib.suppress(*docker_engine.GONE):
                    self._paused_stack.pop().unpause()

    def now(self) -> float:
        """Return the time in seconds since the epoch, as the engine tells starts."""
        return time.time()

    def resolve_cpus(self, cpus: Cpus) -> Cpus:
        """Replace "auto" by what .env says."""
        load = str(docker_engine.services()["loadtest"].get("cpuset", ""))
        server = str(docker_engine.services()["echo"].get("cpuset", ""))
        return cpus.filled(server, load)

    def export(self, model: str, options: ExportOptions, show: Show) -> tuple[Path, list[str]]:
        """Export a model in a container."""
        return export(model, options, show)

    def prepare(self, target: Target, show: Show) -> Prepared:
        """Build or pull a target's image."""
        service = docker_engine.services().get(target.name)
        if service is None:
            of = {"target": target.name}
            raise TargetUnavailable(Reason("service_missing", of), Reason("switch_profile_on", of))
        show.say(f"{target.name}: making its image ready")
        image = built(target.name) if "build" in service else pulled(target.name, service["image"])
        self._used[target.name] = service["image"]
        size = int(docker_engine.client().images.get(image).attrs["Size"])
        return Prepared(target, image, _version(target), size)

    def run_check(self, prepared: Prepared, model_dir: Path, format: str, outputs: Path) -> Done:
        """Run a target's program with --check in a container."""
        return run_check(prepared.target, model_dir.name, format, outputs)

    def run_timing(self, prepared: Prepared, model_dir: Path, format: str, cpus: str | None) -> Done:
        """Time an artifact in process in a container."""
        return run_timing(prepared.target, model_dir.name, format, cpus)

    def start(
        self, prepared: Prepared, format: str, endpoints: list[Endpoint], model_dir: Path, options: StartOptions
    ) -> ContainerServer:
        """Start a target's container on the run's network, with ports of this machine for the canaries alone."""
        name = prepared.target.name
        on_host = docker_engine.services()[name].get("network_mode") == "host"
        ports = dict(zip(("rest", "grpc"), free_ports(2) if on_host else (REST_PORT, GRPC_PORT), strict=True))
        variables = {"MODEL": endpoints[0].model, "BAKEOFF_FORMAT": format}
        variables |= {f"BAKEOFF_{kind.upper()}_PORT": str(port) for kind, port in ports.items()}
        if on_host:
            variables["BAKEOFF_HOST"] = HOST
        if options.cpus:
            variables["SERVER_CPUS"] = options.cpus
        publish = [] if on_host else [f"--publish={HOST}::{port}" for port in ports.values()]
        container = _run_detached(name, f"{docker_engine.RUN_PROJECT}-{name}-{format}", publish, variables)
        address = HOST if on_host else _address(container)
        outside = ports if on_host else {kind: _published(container, port) for kind, port in ports.items()}
        server = ContainerServer(
            prepared=prepared,
            format=format,
            endpoints=tuple(replace(e, host=HOST, port=outside[_port_of(e)]) for e in endpoints),
            options=options,
            started=_started(container),
            rest_port=outside["rest"],
            container=container,
            inside={kind: (address, port) for kind, port in ports.items()},
        )
        self._servers.append(server)
        return server

    def listens(self, server: ContainerServer) -> bool | None:
        """Tell whether all ports are open inside: a published one takes connections before anything listens behind it.

        From here they may be out of reach, so that closed ones say nothing.
        """
        return all_listen(server.inside[_port_of(e)] for e in server.endpoints) or None

    def exit_status(self, server: ContainerServer) -> int | None:
        """Return the status of the container's process."""
        with contextlib.suppress(*docker_engine.GONE):
            server.container.reload()
            if server.container.status in ("running", "paused"):
                return None
        return int(server.container.attrs["State"]["ExitCode"])

    def read_log(self, server: ContainerServer) -> str:
        """Return the end of the container's log."""
        return docker_engine.log_of(server.container)

    def last_words(self, server: ContainerServer) -> str:
        """Say how a container ended, with its log's end."""
        if server.container.attrs["State"].get("OOMKilled"):
            return f"was killed for its memory; its log's end:\n{self.read_log(server)}"
        return super().last_words(server)

    def pause(self, server: ContainerServer) -> None:
        """Freeze a server's container until `resume`; one that is gone is found by `alive`."""
        try:
            server.container.pause()
        except docker_engine.GONE as error:
            if self.alive(server) and server.container.status != "paused":
                raise BakeoffError(f"{server.target.name}'s container can't be paused: {error}") from None

    def resume(self, server: ContainerServer) -> None:
        """Let a paused container run on."""
        try:
            server.container.unpause()
        except docker_engine.GONE as error:
            if self.alive(server) and server.container.status == "paused":
                raise BakeoffError(f"{server.target.name}'s container can't be resumed: {error}") from None

    def stop(self, server: ContainerServer) -> None:
        """Remove a server's container."""
        docker_engine.remove(server.container)
        if server in self._servers:
            self._servers.remove(server)

    def read_usage(self, server: ContainerServer) -> Usage | None:
        """Read from the container's cgroup what it used so far."""
        try:
            return read_container(docker_engine.client(), server.container, server.largest)
        except docker_engine.GONE:
            return None

    def read_metrics(self, server: ContainerServer) -> str | None:
        """Fetch a server's metrics page from its REST port, or by its container's own Python from a private port."""
        target = server.target
        if target.metrics is None:
            return None
        if target.metrics_port is None:
            return fetch_page(HOST, server.rest_port, target.metrics)
        return read_private_page(server.container, target.metrics_port, target.metrics)

    def open_load(self, plan: Plan, folder: Path, cpus: str, workers: LoadWorkers, show: Show) -> ContainerLoad:
        """Start the load generator in its container, on the servers' network, and its workers in one each."""
        show.say("loadtest: making its image ready")
        built("loadtest")
        self._pause_stack(show)
        return ContainerLoad(moved_files(plan), folder, cpus, workers, self._inside)

    def _inside(self, endpoint: Endpoint) -> Endpoint:
        """Return an endpoint as other containers reach it."""
        server = next(server for server in self._servers if endpoint in server.endpoints)
        host, port = server.inside[_port_of(endpoint)]
        return replace(endpoint, host=host, port=port)

    def _pause_stack(self, show: Show) -> None:
        """Pause the servers of a `docker compose up` until `close`: they stay up, and take no time from a trial."""
        for container in docker_engine.ours(docker_engine.STACK_PROJECT):
            if container.status == "running" and docker_engine.SERVER_LABEL in container.labels:
                container.pause()
                self._paused_stack.append(container)
        if self._paused_stack:
            show.note(f"paused meanwhile: {len(self._paused_stack)} servers of `docker compose up`")

    def surroundings(self, cpus: Cpus) -> Surroundings:
        """Describe what is around servers and load."""
        echo = docker_engine.services()["echo"]
        memory = int(echo["mem_limit"]) if echo.get("mem_limit") else None
        network = "host" if echo.get("network_mode") == "host" else "bridge"
        version = f"Docker {docker_engine.client().version()['Version']}"
        return Surroundings(network, True, cpus.server, cpus.load, memory, version)  # type: ignore[arg-type]

    def images(self) -> tuple[Image, ...]:
        """Return the images that were used so far."""
        base = docker_engine.services()["echo"]["build"].get("args", {}).get("PYTHON_IMAGE", "")
        return tuple(describe(target, name, base) for target, name in self._used.items())


def _run_detached(service: str, name: str, publish: list[str], variables: dict[str, str]) -> Any:
    """Start a container of a service and return it; raise TargetFailed where it doesn't start."""
    done = docker_engine.compose("run", "--detach", "--no-deps", "--name", name, *publish, service, env=variables)
    if done.returncode != 0:
        said = docker_engine.last_line(done.stderr)
        raise TargetFailed(Reason("container_failed", {"target": service, "text": said}))
    return docker_engine.client().containers.get(name)


def _version(target: Target) -> str | None:
    """Ask the image for the server's version."""
    entry, *rest = target.version_command or ("python", "-c")
    if not target.version_command:
        if target.package is None:
            return None
        rest.append(f"import importlib.metadata as m; print(m.version({target.package!r}))")
    done = docker_engine.compose("run", "--rm", "--no-deps", "--no-TTY", "--entrypoint", entry, target.name, *rest)
    match = re.search(r"\d+\.\d+\S*", done.stdout)
    return match[0] if match else None


def _port_of(endpoint: Endpoint) -> str:
    return "grpc" if endpoint.protocol == "grpc" else "rest"


def _address(container: Any) -> str:
    (network,) = container.attrs["NetworkSettings"]["Networks"].values()
    return str(network["IPAddress"])


def _published(container: Any, port: int) -> int:
    bindings = container.attrs["NetworkSettings"]["Ports"].get(f"{port}/tcp")
    return int(bindings[0]["HostPort"]) if bindings else 0


def _started(container: Any) -> float:
    """Return when the container's process started, in seconds since the epoch."""
    text = re.sub(r"(\.\d{6})\d*", r"\1", container.attrs["State"]["StartedAt"]).replace("Z", "+00:00")
    return datetime.fromisoformat(text).timestamp()
