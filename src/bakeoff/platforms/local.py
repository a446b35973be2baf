"""The local runtime: every target as processes of this machine, in its own environment."""

from __future__ import annotations

import contextlib
import os
import platform
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field, replace
from pathlib import Path

import psutil

from bakeoff.artifacts.export import ExportOptions, export_model
from bakeoff.errors import BakeoffError, FormatUnsupported, TargetFailed, TargetUnavailable
from bakeoff.host.catalog import SERVING
from bakeoff.host.cpus import Cpus
from bakeoff.host.cpus import resolve_cpus as halve_cpus
from bakeoff.host.processes import (
    confined,
    log_end,
    put_under_guard,
    signal_group,
    spawn,
    take_from_guard,
    terminate,
)
from bakeoff.host.progress import Show
from bakeoff.host.venvs import ensure_venv, installed_version
from bakeoff.measure.generator import REQUIREMENTS, LoadGenerator, Workers, start_load
from bakeoff.measure.resources import tree_bytes
from bakeoff.platforms.leftovers import clear_leftovers, write_owner
from bakeoff.platforms.local_programs import check_format as check_format
from bakeoff.platforms.local_programs import search_path, server_command, server_environment, servers_folder
from bakeoff.platforms.local_programs import time_bare as time_bare
from bakeoff.platforms.platform import (
    CHECK_S,
    EX_DATAERR,
    EX_UNAVAILABLE,
    Canary,
    StartOptions,
    Usage,
    not_ready,
    split_startup,
)
from bakeoff.platforms.ports import HOST, free_ports, port_is_free
from bakeoff.platforms.reach import all_listen, fetch_page
from bakeoff.schema import Endpoint, Image, Plan, Reason, RuntimeName, Startup, Surroundings, Target

NAME: RuntimeName = "local"
PAUSES = True
RESET_PEAK_RSS = "5"  # proc(5)
CHECKS = True


@dataclass(slots=True)
class Server:
    """A target that was started for one model and format."""

    target: Target
    format: str
    process: subprocess.Popen[bytes]
    endpoints: tuple[Endpoint, ...]
    folder: Path
    started: float
    rest_port: int = 0
    listening_s: float | None = None
    ready_seconds: float | None = None
    startup: Startup | None = None
    paused: bool = field(default=False)

    @property
    def log(self) -> Path:
        """The file that holds what the server wrote to stdout and stderr."""
        return self.folder / "server.log"


def open() -> None:
    """Clear what a killed bakeoff left, should its guardian have been killed, too."""
    clear_leftovers(servers_folder())


def close() -> None:
    """Nothing is left that `stop` has not ended."""


def resolve_cpus(cpus: Cpus) -> Cpus:
    """Replace "auto" by halves of the CPUs this process may use."""
    return halve_cpus(cpus)


def export(model: str, options: ExportOptions, show: Show) -> tuple[Path, list[str]]:
    """Export a model in its own environment."""
    return export_model(model, options, show)


def open_load(plan: Plan, folder: Path, cpus: str, workers: Workers, show: Show) -> LoadGenerator:
    """Start the load generator in its own environment."""
    return start_load(ensure_venv(REQUIREMENTS, say=show.say), plan, folder, cpus, workers)


def surroundings(cpus: Cpus) -> Surroundings:
    """Describe what is around servers and load."""
    return Surroundings("loopback", True, cpus.server, cpus.load)


def images() -> tuple[Image, ...]:
    """There are none."""
    return ()


def missing_prerequisite(target: Target) -> TargetUnavailable | None:
    """Return why a target can't run on this machine, before anything is installed; None if nothing speaks against."""
    for command in target.requires:
        if shutil.which(command, path=search_path()) is None:
            return TargetUnavailable(Reason("command_missing", {"command": command}), target.unavailable_remedy)
    if target.machines and platform.machine() not in target.machines:
        machine = {"machines": ", ".join(target.machines), "machine": platform.machine()}
        reason = Reason("machine_unsupported", machine)
        return TargetUnavailable(reason, target.unavailable_remedy)
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    if target.pythons and version not in target.pythons:
        reason = Reason("python_unsupported", {"pythons": ", ".join(target.pythons), "python": version})
        return TargetUnavailable(reason, target.unavailable_remedy or Reason("install_python"))
    return None


def prepare(target: Target, show: Show) -> tuple[Path, str | None]:
    """Make a target's environment; return its Python and the server's version.

    Raises TargetUnavailable where the target can't run here.
    """
    missing = missing_prerequisite(target)
    if missing:
        raise missing
    if target.requirements is None:
        return Path(sys.executable), _said_version(target.version_command)
    try:
        python = ensure_venv(SERVING / target.name / target.requirements, say=show.say)
    except BakeoffError as error:
        remedy = target.unavailable_remedy or Reason("check_network")
        raise TargetUnavailable(Reason("environment_failed", {"text": str(error)}), remedy) from error
    if target.package is None:
        return python, _said_version(target.version_command)
    return python, installed_version(python, target.package)


def start(
    target: Target, format: str, endpoints: list[Endpoint], model_dir: Path, python: Path, options: StartOptions
) -> Server:
    """Start a target's server program; raise TargetFailed where a port it shall have is taken."""
    rest_port, grpc_port = options.ports or free_ports(2)
    for port in (rest_port, grpc_port):
        if not port_is_free(port):
            raise TargetFailed(Reason("port_taken", {"port": port}))
    folder = Path(tempfile.mkdtemp(prefix=f"{target.name}-", dir=servers_folder()))
    argv = server_command(target, python, endpoints[0].model, model_dir, format)
    argv += ["--host", HOST, "--rest-port", str(rest_port), "--grpc-port", str(grpc_port)]
    argv += ["--workers", str(target.workers), "--threads", str(target.threads)]
    started = time.perf_counter()
    with (folder / "server.log").open("wb") as log:
        command = confined(argv, options.cpus, options.detached)
        process = spawn(command, log, folder, server_environment(target))
    if not options.detached:
        put_under_guard(process.pid, folder)
        write_owner(folder, process.pid)
    placed = [replace(e, host=HOST, port=grpc_port if e.protocol == "grpc" else rest_port) for e in endpoints]
    return Server(target, format, process, tuple(placed), folder, started, rest_port)


def wait_ready(server: Server, canary: Canary) -> None:
    """Wait until a canary prediction succeeds on every endpoint.

    `canary` returns None or what went wrong. Raises TargetUnavailable, FormatUnsupported or TargetFailed with the end
    of the server's log, and ends the server then.
    """
    deadline = server.started + server.target.start_timeout_s
    waiting = list(server.endpoints)
    problem: str | None = "no canary prediction was made"
    try:
        while waiting:
            if server.process.poll() is not None:
                raise _ended(server)
            if time.perf_counter() > deadline:
                raise TargetFailed(not_ready(server.target, waiting[0].id, problem, log_end(server.log)))
            if server.listening_s is None:
                # No canary before: one that waits for a model to be loaded would hide when the ports opened.
                if not all_listen((e.host, e.port) for e in server.endpoints):
                    problem = "its ports are not open"
                    time.sleep(0.02)
                    continue
                server.listening_s = time.perf_counter() - server.started
            problem = canary(waiting[0])
            if problem is None:
                waiting.pop(0)
            else:
                time.sleep(0.05)
    except BaseException:
        stop(server)
        raise
    server.ready_seconds = time.perf_counter() - server.started
    server.startup = split_startup(server.listening_s, server.ready_seconds)


def alive(server: Server) -> bool:
    """Tell whether a server's main process still runs."""
    return server.process.poll() is None


def last_words(server: Server) -> str:
    """Say how a server ended, with its log's end."""
    return f"ended with status {server.process.returncode}; its log's end:\n{log_end(server.log)}"


def pause(server: Server) -> None:
    """Stop a server's processes from running until `resume`."""
    signal_group(server.process.pid, signal.SIGSTOP)
    server.paused = True


def resume(server: Server) -> None:
    """Let a paused server run on; its peak memory is counted anew, for what it does now."""
    for process in _family(server):
        with contextlib.suppress(OSError):
            Path(f"/proc/{process.pid}/clear_refs").write_text(RESET_PEAK_RSS, encoding="ascii")
    signal_group(server.process.pid, signal.SIGCONT)
    server.paused = False


def stop(server: Server) -> None:
    """End a server and all its processes, and remove its folder."""
    family = _family(server)
    terminate(server.process)
    for process in family:  # those that left the server's process group
        if process.is_running():
            process.kill()
    shutil.rmtree(server.folder, ignore_errors=True)
    take_from_guard(server.process.pid)


def read_usage(server: Server) -> Usage:
    """Read what a server's processes used so far."""
    cpu, peak, now = 0.0, 0, 0
    for process in _family(server):
        try:
            times = process.cpu_times()
            peak += _peak_rss(process.pid)
            now += process.memory_info().rss
        except (psutil.Error, OSError):
            continue
        cpu += times.user + times.system + times.children_user + times.children_system
    return Usage(cpu, peak, rss_bytes=now)


def read_metrics(server: Server) -> str | None:
    """Fetch a server's metrics page from its REST port, or from the private port that it wrote into its folder."""
    target, port = server.target, server.rest_port
    if target.metrics is None:
        return None
    try:
        if target.metrics_port is not None:
            port = int((server.folder / target.metrics_port).read_text(encoding="ascii"))
    except (OSError, ValueError):
        return None
    return fetch_page(HOST, port, target.metrics)


def install_bytes(target: Target, python: Path) -> int | None:
    """Return what a target's environment takes on disk, None for one that was installed otherwise."""
    return None if target.requirements is None else tree_bytes(python.parents[1])


def _ended(server: Server) -> BakeoffError:
    status = server.process.returncode
    end = log_end(server.log)
    if status == EX_UNAVAILABLE:
        return TargetUnavailable(end.splitlines()[-1], server.target.unavailable_remedy)
    if status == EX_DATAERR:
        return FormatUnsupported(end.splitlines()[-1])
    how = ("server_killed", "signal", -status) if status < 0 else ("server_exited", "status", status)
    return TargetFailed(Reason(how[0], {"target": server.target.name, how[1]: how[2], "log": end}))


def _said_version(command: tuple[str, ...]) -> str | None:
    """Return the version number in what a command prints, None without a command or a number."""
    if not command:
        return None
    environment = {**os.environ, "PATH": search_path()}
    done = subprocess.run(command, capture_output=True, text=True, timeout=CHECK_S, env=environment)
    match = re.search(r"\d+\.\d+\S*", done.stdout + done.stderr)
    return match[0] if match else None


def _family(server: Server) -> list[psutil.Process]:
    try:
        main = psutil.Process(server.process.pid)
        return [main, *main.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


def _peak_rss(pid: int) -> int:
    match = re.search(r"^VmHWM:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text(encoding="ascii"), re.MULTILINE)
    return int(match[1]) * 1024 if match else 0
