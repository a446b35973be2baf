"""The seam between a run and where its servers are: a class for each platform, all on one base."""

from __future__ import annotations

import tempfile
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Generic, TypeVar

from bakeoff.artifacts.export import ExportOptions
from bakeoff.errors import BakeoffError, FormatUnsupported, TargetFailed, TargetUnavailable
from bakeoff.host.cpus import Cpus
from bakeoff.host.progress import Show
from bakeoff.measure.generator import LoadGenerator, LoadWorkers
from bakeoff.platforms.programs import (
    EX_DATAERR,
    EX_UNAVAILABLE,
    Done,
    FormatCheck,
    InProcessTime,
    limited,
    read_check,
    read_timing,
    servers_folder,
)
from bakeoff.schema import (
    Endpoint,
    Image,
    MemorySource,
    Plan,
    PlatformName,
    Reason,
    Startup,
    Surroundings,
    Target,
)

LOOK_S, ASK_AGAIN_S = 0.02, 0.05

Canary = Callable[[Endpoint], str | None]
"""Asks an endpoint for one prediction; returns None, or what went wrong."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """A target with what it runs in: the Python of its environment, or its image's id.

    `install_bytes`: what that takes on disk, None where the target has none of its own.
    """

    target: Target
    place: Any = None
    version: str | None = None
    install_bytes: int | None = None


@dataclass(frozen=True, slots=True)
class StartOptions:
    """How a server is started: REST and gRPC port (None: any free), CPU set, and whether it outlives bakeoff."""

    ports: tuple[int, int] | None = None
    cpus: str | None = None
    detached: bool = False


@dataclass(slots=True, kw_only=True)
class Server:
    """A target that was started for one model and format; its endpoints have addresses that this process can reach.

    `started` is on its platform's clock. Where its start was not seen, `ready_seconds` and `startup` stay None.
    """

    prepared: Prepared
    format: str
    endpoints: tuple[Endpoint, ...]
    options: StartOptions
    started: float
    rest_port: int = 0
    listening_s: float | None = None
    ready_seconds: float | None = None
    startup: Startup | None = None

    @property
    def target(self) -> Target:
        """The target."""
        return self.prepared.target


@dataclass(frozen=True, slots=True)
class Usage:
    """CPU time that a server used so far, its peak memory, and where that is from; `rss_bytes`: its memory now."""

    cpu_seconds: float
    peak_rss_bytes: int
    memory_from: MemorySource = "processes"
    rss_bytes: int | None = None


def split_startup(listening_s: float | None, answering_s: float) -> Startup:
    """Split the seconds from a server's start to its first right answers at the moment when its ports were open.

    A server that was first seen open when it answered was ready with that.
    """
    opened = answering_s if listening_s is None else min(listening_s, answering_s)
    return Startup(opened, answering_s - opened)


ServerT = TypeVar("ServerT", bound=Server)


class Platform(ABC, Generic[ServerT]):
    """Brings servers up and down. Servers are the platform's own: it gets back what it gave."""

    NAME: ClassVar[PlatformName]
    PAUSES: ClassVar[bool] = True
    CHECKS: ClassVar[bool] = True
    """Whether programs of a target can be run, that check artifacts and time them."""
    STARTS: ClassVar[bool] = True
    """Whether servers are started here, so that it can be told how long that takes."""

    def open(self) -> None:  # noqa: B027 - not every platform has to
        """Make ready to start; raise BakeoffError where this platform can't be used on this machine."""

    def close(self) -> None:  # noqa: B027 - not every platform has to
        """Leave nothing behind that `stop` has not ended."""

    def now(self) -> float:
        """Return the time in seconds, on the clock of `Server.started`."""
        return time.perf_counter()

    @abstractmethod
    def resolve_cpus(self, cpus: Cpus) -> Cpus:
        """Replace "auto"."""

    def install(self, targets: Iterable[Target], exports: Mapping[str, ExportOptions], show: Show) -> None:  # noqa: B027
        """Install all at once what these targets, exporting these models and the load will need."""

    @abstractmethod
    def export(self, model: str, options: ExportOptions, show: Show) -> tuple[Path, list[str]]:
        """Export a model; return its artifacts' folder on this machine and a line for each format that failed."""

    @abstractmethod
    def prepare(self, target: Target, show: Show) -> Prepared:
        """Make what a target runs in. Raises TargetUnavailable, TargetFailed."""

    def check_format(self, prepared: Prepared, model_dir: Path, format: str) -> FormatCheck:
        """Run a target's own check of an artifact. Raises TargetFailed where it can't tell."""
        target = prepared.target
        with tempfile.TemporaryDirectory(dir=servers_folder()) as folder, limited("check_slow", target, format):
            outputs = Path(folder) / "outputs.npz"
            return read_check(target, format, self.run_check(prepared, model_dir, format, outputs), outputs)

    @abstractmethod
    def run_check(self, prepared: Prepared, model_dir: Path, format: str, outputs: Path) -> Done:
        """Run a target's program so that it checks an artifact and writes its answers into a file."""

    def time_in_process(
        self, prepared: Prepared, model_dir: Path, format: str, cpus: str | None
    ) -> InProcessTime | None:
        """Time an artifact without a server, in a target's environment and on a CPU set; None where it can't be done.

        Raises TargetFailed.
        """
        target = prepared.target
        if target.engine is None or not self.CHECKS:
            return None
        with limited("timing_slow", target, format):
            return read_timing(target, format, self.run_timing(prepared, model_dir, format, cpus))

    @abstractmethod
    def run_timing(self, prepared: Prepared, model_dir: Path, format: str, cpus: str | None) -> Done:
        """Run engines.in_process for an artifact."""

    @abstractmethod
    def start(
        self, prepared: Prepared, format: str, endpoints: list[Endpoint], model_dir: Path, options: StartOptions
    ) -> ServerT:
        """Start a server."""

    def wait_ready(self, server: ServerT, canary: Canary) -> None:
        """Wait until a canary prediction succeeds on every endpoint; end the server where that fails.

        Raises TargetUnavailable, FormatUnsupported or TargetFailed, with the end of the server's log.
        """
        try:
            self._await_answers(server, canary)
        except BaseException:
            self.stop(server)
            raise
        if self.STARTS:
            server.ready_seconds = self.now() - server.started
            server.startup = split_startup(server.listening_s, server.ready_seconds)

    def _await_answers(self, server: ServerT, canary: Canary) -> None:
        target, waiting = server.target, list(server.endpoints)
        problem: str | None = "no canary prediction was made"
        while waiting:
            if not self.alive(server):
                raise self._explain_end(server)
            if self.now() - server.started > target.start_timeout_s:
                where = {"target": target.name, "endpoint": waiting[0].id, "log": self.read_log(server)}
                late = {"seconds": target.start_timeout_s, "problem": problem}
                raise TargetFailed(Reason("not_ready", {**where, **late}))
            if server.listening_s is None:
                listening = self.listens(server)
                if listening is False:
                    # No canary before: one that waits for a model to be loaded would hide when the ports opened.
                    problem = "its ports are not open"
                    time.sleep(LOOK_S)
                    continue
                server.listening_s = self.now() - server.started if listening else None
            problem = canary(waiting[0])
            if problem is None:
                waiting.pop(0)
            else:
                time.sleep(ASK_AGAIN_S)

    def _explain_end(self, server: ServerT) -> BakeoffError:
        """Return why a server ended before it was ready."""
        status, end = self.exit_status(server) or 0, self.read_log(server)
        last = end.splitlines()[-1]
        if status == EX_UNAVAILABLE:
            return TargetUnavailable(last, server.target.unavailable_remedy)
        if status == EX_DATAERR:
            return FormatUnsupported(last)
        how = ("server_killed", "signal", -status) if status < 0 else ("server_exited", "status", status)
        return TargetFailed(Reason(how[0], {"target": server.target.name, how[1]: how[2], "log": end}))

    def listens(self, server: ServerT) -> bool | None:
        """Tell whether a server's ports are open; None where only an answer would tell."""
        return None

    @abstractmethod
    def exit_status(self, server: ServerT) -> int | None:
        """Return the status with which a server ended, negative for a signal; None while it runs."""

    def alive(self, server: ServerT) -> bool:
        """Tell whether a server still runs."""
        return self.exit_status(server) is None

    @abstractmethod
    def read_log(self, server: ServerT) -> str:
        """Return the end of a server's log: never empty."""

    def last_words(self, server: ServerT) -> str:
        """Say how a server ended, with its log's end."""
        return f"ended with status {self.exit_status(server)}; its log's end:\n{self.read_log(server)}"

    @abstractmethod
    def pause(self, server: ServerT) -> None:
        """Stop a server from running until `resume`."""

    @abstractmethod
    def resume(self, server: ServerT) -> None:
        """Let a paused server run on."""

    @abstractmethod
    def stop(self, server: ServerT) -> None:
        """End a server and remove what it had."""

    @abstractmethod
    def read_usage(self, server: ServerT) -> Usage | None:
        """Read what a server used so far, None where that can't be seen."""

    @abstractmethod
    def read_metrics(self, server: ServerT) -> str | None:
        """Fetch the metrics page of a server that is not paused; None where it has none or it can't be had."""

    @abstractmethod
    def open_load(self, plan: Plan, folder: Path, cpus: str, workers: LoadWorkers, show: Show) -> LoadGenerator:
        """Start the load generator for a plan."""

    @abstractmethod
    def surroundings(self, cpus: Cpus) -> Surroundings:
        """Describe what is around servers and load."""

    def images(self) -> tuple[Image, ...]:
        """Return the container images that were used so far, as far as they can be seen."""
        return ()
