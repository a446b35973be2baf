"""The local platform: every target as processes of this machine, in its own environment."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar

import psutil

from bakeoff.artifacts.export import ExportOptions, environments_of, export_model
from bakeoff.errors import BakeoffError, TargetFailed, TargetUnavailable
from bakeoff.host.catalog import SERVING, program_of, serving_arguments
from bakeoff.host.cpus import Cpus, resolve_cpus
from bakeoff.host.installing import install_all
from bakeoff.host.processes import (
    child_environment,
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
from bakeoff.measure.generator import REQUIREMENTS, LoadGenerator, LoadWorkers, start_load
from bakeoff.measure.resources import tree_bytes
from bakeoff.platforms.leftovers import clear_leftovers, write_owner
from bakeoff.platforms.platform import Platform, Prepared, Server, StartOptions, Usage
from bakeoff.platforms.ports import HOST, all_listen, fetch_page, free_ports, port_is_free
from bakeoff.platforms.programs import BARE_S, CHECK_S, Done, servers_folder, timing_command
from bakeoff.schema import Endpoint, Plan, PlatformName, Reason, Surroundings, Target

RESET_PEAK_RSS = "5"  # proc(5)


@dataclass(slots=True, kw_only=True)
class LocalServer(Server):
    """A server program with its private folder."""

    process: subprocess.Popen[bytes]
    folder: Path

    @property
    def log(self) -> Path:
        """The file that holds what the server wrote to stdout and stderr."""
        return self.folder / "server.log"

    def family(self) -> list[psutil.Process]:
        """Return its processes that are there."""
        try:
            main = psutil.Process(self.process.pid)
            return [main, *main.children(recursive=True)]
        except psutil.NoSuchProcess:
            return []


class Local(Platform[LocalServer]):
    """Processes of this machine."""

    NAME: ClassVar[PlatformName] = "local"

    def open(self) -> None:
        """Clear what a killed bakeoff left, should its guardian have been killed, too."""
        clear_leftovers(servers_folder())

    def resolve_cpus(self, cpus: Cpus) -> Cpus:
        """Replace "auto" by halves of the CPUs this process may use."""
        return resolve_cpus(cpus)

    def install(self, targets: Iterable[Target], exports: Mapping[str, ExportOptions], show: Show) -> None:
        """Make the environments that aren't there yet, of what can run here."""
        wanted = [files for model, options in exports.items() for files in environments_of(model, options)]
        runnable = [target for target in targets if target.requirements and not missing_prerequisite(target)]
        wanted += [(REQUIREMENTS,), *((requirements_of(target),) for target in runnable)]
        install_all(wanted, show)

    def export(self, model: str, options: ExportOptions, show: Show) -> tuple[Path, list[str]]:
        """Export a model in its own environment."""
        return export_model(model, options, show)

    def prepare(self, target: Target, show: Show) -> Prepared:
        """Make a target's environment. Raises TargetUnavailable where the target can't run here."""
        missing = missing_prerequisite(target)
        if missing:
            raise missing
        if target.requirements is None:
            return Prepared(target, Path(sys.executable), _said_version(target.version_command))
        try:
            python = ensure_venv(requirements_of(target), say=show.say)
        except TargetUnavailable:
            raise
        except BakeoffError as error:
            remedy = target.unavailable_remedy or Reason("check_network")
            raise TargetUnavailable(Reason("environment_failed", {"text": str(error)}), remedy) from error
        package = target.package
        version = installed_version(python, package) if package else _said_version(target.version_command)
        return Prepared(target, python, version, tree_bytes(python.parents[1]))

    def run_check(self, prepared: Prepared, model_dir: Path, format: str, outputs: Path) -> Done:
        """Run a target's program with --check."""
        command = server_command(prepared.target, prepared.place, model_dir.name, model_dir, format)
        return run_once(prepared.target, [*command, "--check", str(outputs)], outputs.parent, CHECK_S)

    def run_timing(self, prepared: Prepared, model_dir: Path, format: str, cpus: str | None) -> Done:
        """Time an artifact in process, in the environment of its target."""
        argv = [str(prepared.place), *timing_command(prepared.target, str(model_dir.resolve()), format)]
        with tempfile.TemporaryDirectory(dir=servers_folder()) as folder:
            return run_once(prepared.target, argv, Path(folder), BARE_S, cpus)

    def start(
        self, prepared: Prepared, format: str, endpoints: list[Endpoint], model_dir: Path, options: StartOptions
    ) -> LocalServer:
        """Start a target's server program; raise TargetFailed where a port it shall have is taken."""
        target = prepared.target
        rest_port, grpc_port = options.ports or free_ports(2)
        for port in (rest_port, grpc_port):
            if not port_is_free(port):
                raise TargetFailed(Reason("port_taken", {"port": port}))
        folder = Path(tempfile.mkdtemp(prefix=f"{target.name}-", dir=servers_folder()))
        argv = server_command(target, prepared.place, endpoints[0].model, model_dir, format)
        argv += ["--host", HOST, "--rest-port", str(rest_port), "--grpc-port", str(grpc_port)]
        argv += ["--workers", str(target.workers), "--threads", str(target.threads)]
        started = self.now()
        with (folder / "server.log").open("wb") as log:
            command = confined(argv, options.cpus, options.detached)
            process = spawn(command, log, folder, server_environment(target))
        if not options.detached:
            put_under_guard(process.pid, folder)
            write_owner(folder, process.pid)
        placed = (replace(e, host=HOST, port=grpc_port if e.protocol == "grpc" else rest_port) for e in endpoints)
        return LocalServer(
            prepared=prepared,
            format=format,
            endpoints=tuple(placed),
            options=options,
            started=started,
            rest_port=rest_port,
            process=process,
            folder=folder,
        )

    def listens(self, server: LocalServer) -> bool:
        """Tell whether all ports are open."""
        return all_listen((e.host, e.port) for e in server.endpoints)

    def exit_status(self, server: LocalServer) -> int | None:
        """Return the status of the main process."""
        return server.process.poll()

    def read_log(self, server: LocalServer) -> str:
        """Return the end of what the server wrote to stdout and stderr."""
        return log_end(server.log)

    def pause(self, server: LocalServer) -> None:
        """Stop a server's processes from running until `resume`."""
        signal_group(server.process.pid, signal.SIGSTOP)

    def resume(self, server: LocalServer) -> None:
        """Let a paused server run on; its peak memory is counted anew, for what it does now."""
        for process in server.family():
            with contextlib.suppress(OSError):
                Path(f"/proc/{process.pid}/clear_refs").write_text(RESET_PEAK_RSS, encoding="ascii")
        signal_group(server.process.pid, signal.SIGCONT)

    def stop(self, server: LocalServer) -> None:
        """End a server and all its processes, and remove its folder."""
        family = server.family()
        terminate(server.process)
        for process in family:  # those that left the server's process group
            if process.is_running():
                process.kill()
        shutil.rmtree(server.folder, ignore_errors=True)
        take_from_guard(server.process.pid)

    def read_usage(self, server: LocalServer) -> Usage:
        """Read what a server's processes used so far."""
        cpu, peak, now = 0.0, 0, 0
        for process in server.family():
            try:
                times = process.cpu_times()
                peak += _peak_rss(process.pid)
                now += process.memory_info().rss
            except (psutil.Error, OSError):
                continue
            cpu += times.user + times.system + times.children_user + times.children_system
        return Usage(cpu, peak, rss_bytes=now)

    def read_metrics(self, server: LocalServer) -> str | None:
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

    def open_load(self, plan: Plan, folder: Path, cpus: str, workers: LoadWorkers, show: Show) -> LoadGenerator:
        """Start the load generator in its own environment."""
        return start_load(ensure_venv(REQUIREMENTS, say=show.say), plan, folder, cpus, workers)

    def surroundings(self, cpus: Cpus) -> Surroundings:
        """Describe what is around servers and load."""
        return Surroundings("loopback", True, cpus.server, cpus.load)


def server_command(target: Target, python: Path, model: str, model_dir: Path, format: str) -> list[str]:
    """Return the part of a server's command line that says what to serve."""
    what = ["--model", model, "--model-dir", str(model_dir.resolve()), "--format", format]
    return [str(python), str(program_of(target)), *what, *serving_arguments(target)]


def server_environment(target: Target) -> dict[str, str]:
    """Return a server's environment variables: ours, plus the import path and the thread count."""
    threads = str(target.threads)
    return child_environment(OMP_NUM_THREADS=threads, MKL_NUM_THREADS=threads, PATH=search_path())


def search_path() -> str:
    """Return PATH and where Debian keeps servers, which PATH lacks for users who aren't root."""
    return f"{os.environ.get('PATH', os.defpath)}:/usr/local/sbin:/usr/sbin"


def run_once(target: Target, argv: list[str], folder: Path, limit_s: float, cpus: str | None = None) -> Done:
    """Run a program of a target to its end in a folder. Raises subprocess.TimeoutExpired."""
    environment, command = server_environment(target), confined(argv, cpus)
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=limit_s)


def requirements_of(target: Target) -> Path:
    """Return the requirements file of a target that has one."""
    return SERVING / target.name / (target.requirements or "")


def missing_prerequisite(target: Target) -> TargetUnavailable | None:
    """Return why a target can't run on this machine, before anything is installed; None if nothing speaks against."""
    for command in target.requires:
        if shutil.which(command, path=search_path()) is None:
            return TargetUnavailable(Reason("command_missing", {"command": command}), target.unavailable_remedy)
    return None


def _said_version(command: tuple[str, ...]) -> str | None:
    """Return the version number in what a command prints, None without a command or a number."""
    if not command:
        return None
    environment = {**os.environ, "PATH": search_path()}
    done = subprocess.run(command, capture_output=True, text=True, timeout=CHECK_S, env=environment)
    match = re.search(r"\d+\.\d+\S*", done.stdout + done.stderr)
    return match[0] if match else None


def _peak_rss(pid: int) -> int:
    match = re.search(r"^VmHWM:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text(encoding="ascii"), re.MULTILINE)
    return int(match[1]) * 1024 if match else 0
