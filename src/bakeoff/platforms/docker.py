"""The docker runtime: every target in its own container, started by `docker compose`, looked at through the engine."""

from __future__ import annotations

import contextlib
import re
import time
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from bakeoff.errors import BakeoffError, FormatUnsupported, TargetFailed, TargetUnavailable, UsageError
from bakeoff.host.cpus import Cpus
from bakeoff.host.progress import Show
from bakeoff.measure.generator import Workers
from bakeoff.platforms import docker_engine
from bakeoff.platforms.cgroup import read_container
from bakeoff.platforms.docker_export import export as export
from bakeoff.platforms.docker_images import built, describe, pulled
from bakeoff.platforms.docker_load import ContainerLoad, moved_files
from bakeoff.platforms.docker_programs import check_format as check_format
from bakeoff.platforms.docker_programs import read_private_page
from bakeoff.platforms.docker_programs import time_bare as time_bare
from bakeoff.platforms.platform import EX_DATAERR, EX_UNAVAILABLE, Canary, StartOptions, Usage, not_ready, split_startup
from bakeoff.platforms.ports import HOST, free_ports
from bakeoff.platforms.reach import all_listen, fetch_page
from bakeoff.schema import Endpoint, Image, Plan, Reason, RuntimeName, Startup, Surroundings, Target

NAME: RuntimeName = "docker"
PAUSES = True
CHECKS = True
REST_PORT, GRPC_PORT = 8501, 8500

_paused_stack: list[Any] = []
_used: dict[str, str] = {}
"""The image of each target that was prepared."""


@dataclass(slots=True)
class Server:
    """A container that serves one model in one format; `inside` is its address for other containers."""

    target: Target
    format: str
    container: Any
    endpoints: tuple[Endpoint, ...]
    inside: dict[str, tuple[str, int]]
    started: float
    rest_port: int = 0
    listening_s: float | None = None
    ready_seconds: float | None = None
    startup: Startup | None = None
    largest: list[int] = field(default_factory=list)


_servers: list[Server] = []


def open() -> None:
    """Require the engine, and none of another run's containers."""
    docker_engine.require_engine()
    if docker_engine.ours(docker_engine.RUN_PROJECT):
        raise UsageError(
            "containers of another run are there: end it, or what it left, with `scripts/bakeoff down --runtime docker`"
        )


def close() -> None:
    """Remove every container and network of the run; let the servers of a `docker compose up` run on."""
    with docker_engine.undisturbed():
        docker_engine.remove_all(docker_engine.RUN_PROJECT)
        _servers.clear()
        while _paused_stack:
            with contextlib.suppress(*docker_engine.GONE):
                _paused_stack.pop().unpause()


def resolve_cpus(cpus: Cpus) -> Cpus:
    """Replace "auto" by what .env says."""
    load = str(docker_engine.services()["loadtest"].get("cpuset", ""))
    server = str(docker_engine.services()["echo"].get("cpuset", ""))
    return Cpus(server if cpus.server == "auto" else cpus.server, load if cpus.load == "auto" else cpus.load)


def prepare(target: Target, show: Show) -> tuple[str, str | None]:
    """Build or pull a target's image; return its id and the server's version."""
    service = docker_engine.services().get(target.name)
    if service is None:
        of = {"target": target.name}
        raise TargetUnavailable(Reason("service_missing", of), Reason("switch_profile_on", of))
    show.say(f"{target.name}: making its image ready")
    image = built(target.name) if "build" in service else pulled(target.name, service["image"])
    _used[target.name] = service["image"]
    return image, _version(target)


def start(
    target: Target, format: str, endpoints: list[Endpoint], model_dir: Path, prepared: str, options: StartOptions
) -> Server:
    """Start a target's container on the run's network, with ports of this machine for the canaries alone."""
    name = f"{docker_engine.RUN_PROJECT}-{target.name}-{format}"
    on_host = docker_engine.services()[target.name].get("network_mode") == "host"
    rest, grpc = free_ports(2) if on_host else (REST_PORT, GRPC_PORT)
    variables = {"MODEL": endpoints[0].model, "BAKEOFF_FORMAT": format}
    variables |= {"BAKEOFF_REST_PORT": str(rest), "BAKEOFF_GRPC_PORT": str(grpc)}
    if on_host:
        variables["BAKEOFF_HOST"] = HOST
    if options.cpus:
        variables["SERVER_CPUS"] = options.cpus
    publish = [] if on_host else [f"--publish={HOST}::{port}" for port in (rest, grpc)]
    done = docker_engine.compose("run", "--detach", "--no-deps", "--name", name, *publish, target.name, env=variables)
    if done.returncode != 0:
        said = docker_engine.last_line(done.stderr)
        raise TargetFailed(Reason("container_failed", {"target": target.name, "text": said}))
    container = docker_engine.client().containers.get(name)
    if on_host:
        inside = {"rest": (HOST, rest), "grpc": (HOST, grpc)}
        outside = {"rest": rest, "grpc": grpc}
    else:
        inside = {"rest": (_address(container), rest), "grpc": (_address(container), grpc)}
        outside = {"rest": _published(container, rest), "grpc": _published(container, grpc)}
    placed = tuple(replace(e, host=HOST, port=outside[_port_of(e)]) for e in endpoints)
    server = Server(target, format, container, placed, inside, _started(container), outside["rest"])
    _servers.append(server)
    return server


def wait_ready(server: Server, canary: Canary) -> None:
    """Wait until a canary prediction succeeds on every endpoint; else remove the container and raise what it said."""
    deadline = time.time() + server.target.start_timeout_s
    waiting = list(server.endpoints)
    problem: str | None = "no canary prediction was made"
    try:
        while waiting:
            if not alive(server):
                raise _ended(server)
            if time.time() > deadline:
                end = docker_engine.log_of(server.container)
                raise TargetFailed(not_ready(server.target, waiting[0].id, problem, end))
            # Inside: a published port takes connections before anything listens behind it.
            if server.listening_s is None and all_listen(server.inside[_port_of(e)] for e in server.endpoints):
                server.listening_s = time.time() - server.started
            problem = canary(waiting[0])
            if problem is None:
                waiting.pop(0)
            else:
                time.sleep(0.05)
    except BaseException:
        stop(server)
        raise
    server.ready_seconds = time.time() - server.started
    server.startup = split_startup(server.listening_s, server.ready_seconds)


def alive(server: Server) -> bool:
    """Tell whether a server's container still runs."""
    try:
        server.container.reload()
    except docker_engine.GONE:
        return False
    return server.container.status in ("running", "paused")


def last_words(server: Server) -> str:
    """Say how a container ended, with its log's end."""
    state = server.container.attrs["State"]
    how = "was killed for its memory" if state.get("OOMKilled") else f"ended with status {state['ExitCode']}"
    return f"{how}; its log's end:\n{docker_engine.log_of(server.container)}"


def pause(server: Server) -> None:
    """Freeze a server's container until `resume`; one that is gone is found by `alive`."""
    try:
        server.container.pause()
    except docker_engine.GONE as error:
        if alive(server) and server.container.status != "paused":
            raise BakeoffError(f"{server.target.name}'s container can't be paused: {error}") from None


def resume(server: Server) -> None:
    """Let a paused container run on."""
    try:
        server.container.unpause()
    except docker_engine.GONE as error:
        if alive(server) and server.container.status == "paused":
            raise BakeoffError(f"{server.target.name}'s container can't be resumed: {error}") from None


def stop(server: Server) -> None:
    """Remove a server's container."""
    docker_engine.remove(server.container)
    if server in _servers:
        _servers.remove(server)


def read_usage(server: Server) -> Usage | None:
    """Read from the container's cgroup what it used so far."""
    try:
        return read_container(docker_engine.client(), server.container, server.largest)
    except docker_engine.GONE:
        return None


def read_metrics(server: Server) -> str | None:
    """Fetch a server's metrics page from its REST port, or by its container's own Python from a private port."""
    target = server.target
    if target.metrics is None:
        return None
    if target.metrics_port is None:
        return fetch_page(HOST, server.rest_port, target.metrics)
    return read_private_page(server.container, target.metrics_port, target.metrics)


def install_bytes(target: Target, prepared: str) -> int:
    """Return the size of a target's image."""
    return int(docker_engine.client().images.get(prepared).attrs["Size"])


def open_load(plan: Plan, folder: Path, cpus: str, workers: Workers, show: Show) -> ContainerLoad:
    """Start the load generator in its container, on the servers' network, and its workers in one each."""
    show.say("loadtest: making its image ready")
    built("loadtest")
    _pause_stack(show)
    return ContainerLoad(moved_files(plan), folder, cpus, workers, _inside)


def _inside(endpoint: Endpoint) -> Endpoint:
    """Return an endpoint as other containers reach it."""
    server = next(server for server in _servers if endpoint in server.endpoints)
    host, port = server.inside[_port_of(endpoint)]
    return replace(endpoint, host=host, port=port)


def surroundings(cpus: Cpus) -> Surroundings:
    """Describe what is around servers and load."""
    echo = docker_engine.services()["echo"]
    memory = int(echo["mem_limit"]) if echo.get("mem_limit") else None
    network = "host" if echo.get("network_mode") == "host" else "bridge"
    version = f"Docker {docker_engine.client().version()['Version']}"
    return Surroundings(network, True, cpus.server, cpus.load, memory, version)  # type: ignore[arg-type]


def images() -> tuple[Image, ...]:
    """Return the images that were used so far."""
    base = docker_engine.services()["echo"]["build"].get("args", {}).get("PYTHON_IMAGE", "")
    return tuple(describe(target, name, base) for target, name in _used.items())


def _pause_stack(show: Show) -> None:
    """Pause the servers of a `docker compose up` until `close`: they stay up, and take no time from a trial."""
    for container in docker_engine.ours(docker_engine.STACK_PROJECT):
        if container.status == "running" and docker_engine.SERVER_LABEL in container.labels:
            container.pause()
            _paused_stack.append(container)
    if _paused_stack:
        show.note(f"paused meanwhile: {len(_paused_stack)} servers of `docker compose up`")


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


def _ended(server: Server) -> BakeoffError:
    status = server.container.attrs["State"]["ExitCode"]
    end = docker_engine.log_of(server.container)
    if status == EX_UNAVAILABLE:
        return TargetUnavailable(end.splitlines()[-1], server.target.unavailable_remedy)
    if status == EX_DATAERR:
        return FormatUnsupported(end.splitlines()[-1])
    return TargetFailed(Reason("server_exited", {"target": server.target.name, "status": status, "log": end}))


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
