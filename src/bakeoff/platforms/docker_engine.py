"""The Docker Engine: `docker compose` builds and starts, the `docker` package looks, labels tell what is ours."""

from __future__ import annotations

import contextlib
import functools
import io
import json
import os
import shutil
import signal
import subprocess
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import docker
from docker.errors import APIError, DockerException, NotFound
from requests.exceptions import RequestException

from bakeoff.errors import BakeoffError
from bakeoff.host.files import ROOT

RUN_PROJECT, STACK_PROJECT = "bakeoff-run", "bakeoff"
"""Compose projects: of what this command starts, and of what `docker compose up` does, which outlives a run."""
PROJECT_LABEL = "com.docker.compose.project"
SERVICE_LABEL = "com.docker.compose.service"
SERVER_LABEL = "org.bakeoff.server"
VOLUMES = ("bakeoff-artifacts", "bakeoff-results")
USER = 10001
"""The user of our images."""
API_TIMEOUT_S = 120
GONE = (APIError, NotFound)
ENGINE_ERRORS = (DockerException, RequestException)
"""What looking at an engine raises that answers wrongly or not any more."""


@functools.cache
def client() -> Any:
    """Return a connection to the engine; raise BakeoffError with one line where there is none."""
    try:
        # The command knows contexts and credentials that the package doesn't.
        connection = docker.DockerClient(base_url=_host(), timeout=API_TIMEOUT_S)
        connection.ping()
    except (DockerException, OSError) as error:
        raise BakeoffError(no_engine(str(error))) from None
    return connection


def require_engine() -> None:
    """Raise BakeoffError with one line unless Docker, Compose v2 and a running engine are there."""
    if shutil.which("docker") is None:
        raise BakeoffError(
            "--platform docker: there is no docker command on PATH; install Docker Engine and Compose v2"
        )
    if _docker("compose", "version").returncode != 0:
        raise BakeoffError("--platform docker: `docker compose` is missing; install Docker Compose v2.20 or later")
    client()


def compose(
    *arguments: str, env: dict[str, str] | None = None, timeout_s: float | None = None
) -> subprocess.CompletedProcess[str]:
    """Run `docker compose` in the run's project to its end; it is ended with us, and waited for.

    Raises subprocess.TimeoutExpired.
    """
    argv = compose_command(*arguments)
    process = subprocess.Popen(
        argv,
        cwd=ROOT,
        env=compose_environment(**(env or {})),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        out, err = process.communicate(timeout=timeout_s)
    except BaseException:
        process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(10)
        process.kill()
        raise
    return subprocess.CompletedProcess(argv, process.returncode, out, err)


def compose_command(*arguments: str) -> list[str]:
    """Return a command line of `docker compose` in the run's project."""
    return ["docker", "compose", "--project-name", RUN_PROJECT, "--progress", "plain", *arguments]


def compose_environment(**variables: str) -> dict[str, str]:
    """Return the environment of `docker compose`: ours, with the variables that the files take.

    The files' health checks are off: bakeoff makes its own canary predictions, at times that disturb no trial.
    """
    return {**os.environ, "BAKEOFF_HEALTH": "NONE", **variables}


@functools.cache
def services() -> dict[str, dict[str, Any]]:
    """Return the services of the active profiles as Compose resolves them."""
    done = compose("config", "--format", "json")
    if done.returncode != 0:
        raise BakeoffError(f"docker-compose.yml can't be read: {last_line(done.stderr)}")
    found: dict[str, dict[str, Any]] = json.loads(done.stdout)["services"]
    return found


def ours(*projects: str) -> list[Any]:
    """Return all containers of these projects, whatever their state."""
    return [
        container
        for project in projects
        for container in client().containers.list(
            all=True, filters={"label": f"{PROJECT_LABEL}={project}"}, ignore_removed=True
        )
    ]


def find(name: str) -> Any | None:
    """Return a container by its name, None where there is none."""
    try:
        return client().containers.get(name)
    except NotFound:
        return None


def remove_all(*projects: str, volumes: bool = False) -> list[str]:
    """Remove all containers and networks of these projects, and our volumes if asked; return the containers' names."""
    names: list[str] = []
    # Twice: a `docker compose` that was cut off may just have asked for one more.
    for _ in range(2):
        for container in ours(*projects):
            names.append(str(container.name))
            remove(container)
    for project in projects:
        for network in client().networks.list(filters={"label": f"{PROJECT_LABEL}={project}"}):
            with contextlib.suppress(*GONE):
                network.remove()
    for volume in VOLUMES if volumes else ():
        with contextlib.suppress(*GONE):
            client().volumes.get(volume).remove()
    return names


def remove_services(project: str, *services: str) -> None:
    """End and remove a project's containers of these services."""
    for container in ours(project):
        if container.labels.get(SERVICE_LABEL) in services:
            remove(container)


def remove(container: Any) -> None:
    """End and remove a container, paused or not, with its anonymous volumes."""
    with contextlib.suppress(*GONE):
        container.reload()
        if container.status == "paused":
            container.unpause()
    with contextlib.suppress(*GONE):
        container.remove(force=True, v=True)


@contextlib.contextmanager
def undisturbed() -> Iterator[None]:
    """Let a second Ctrl-C or SIGTERM not cut off what cleans up after the first."""
    before = {number: signal.signal(number, signal.SIG_IGN) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def log_of(container: Any, lines: int = 15) -> str:
    """Return the last lines of a container's log."""
    try:
        text = container.logs(tail=lines).decode("utf-8", "replace").strip()
    except GONE as error:
        return f"(no log: {error})"
    return text or "(its log is empty)"


def copy_out(container: Any, path: str, folder: Path) -> None:
    """Copy a file or folder of a container, running or not, into a folder of this machine."""
    stream, _ = container.get_archive(path)
    with tarfile.open(fileobj=io.BytesIO(b"".join(stream))) as archive:
        archive.extractall(folder, filter="data")


def copy_in(container: Any, folder: str, files: dict[str, bytes]) -> None:
    """Write files by their relative paths into a folder of a container, owned by our images' user."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        made: set[str] = set()
        for name, content in files.items():
            for parent in reversed(Path(name).parents[:-1]):
                if str(parent) not in made:
                    made.add(str(parent))
                    archive.addfile(_entry(str(parent), tarfile.DIRTYPE, 0))
            archive.addfile(_entry(name, tarfile.REGTYPE, len(content)), io.BytesIO(content))
    container.put_archive(folder, packed.getvalue())


def last_line(text: str) -> str:
    """Return the last line that says something."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else "it said nothing"


def _entry(name: str, kind: bytes, size: int) -> tarfile.TarInfo:
    entry = tarfile.TarInfo(name)
    entry.type, entry.size, entry.mode = kind, size, 0o755 if kind == tarfile.DIRTYPE else 0o644
    entry.uid = entry.gid = USER
    return entry


def _docker(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["docker", *arguments], capture_output=True, text=True)


def _host() -> str | None:
    """Return the engine's address: DOCKER_HOST, else that of the current context."""
    if os.environ.get("DOCKER_HOST"):
        return os.environ["DOCKER_HOST"]
    done = _docker("context", "inspect", "--format", "{{.Endpoints.docker.Host}}")
    return done.stdout.strip() or None


def no_engine(error: str) -> str:
    """Say in one line why the engine can't be used, and the remedy."""
    if "Permission" in error or "EACCES" in error:
        return (
            "--platform docker: no permission to use the Docker Engine; join the group docker, or use rootless Docker"
        )
    if any(words in error for words in ("No such file", "refused", "FileNotFound", "ECONNREFUSED")):
        return "--platform docker: the Docker Engine is not running; start it (`systemctl start docker`)"
    return f"--platform docker: the Docker Engine can't be reached: {last_line(error)}"
