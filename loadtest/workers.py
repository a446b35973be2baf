"""The workers as their coordinator sees them: who is there, who has answered, who is gone."""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from assignment import Assignment
from gevent.event import Event
from locust.runners import STATE_MISSING, MasterRunner, Runner

from bakeoff.schema import Reason

ASSEMBLE_S = 60.0
LOOK_S = 0.2
LOCAL = "local"


class LocalWorkers:
    """Locust workers that are processes of this machine. One that dies is replaced by `mend`."""

    def __init__(self, port: int, count: int) -> None:
        self._port = port
        self._processes = [self._start() for _ in range(count)]

    def _start(self) -> subprocess.Popen[bytes]:
        locustfile = str(Path(__file__).with_name("locustfile.py"))
        argv = [sys.executable, "-m", "locust", "-f", locustfile, "--worker", "--loglevel", "WARNING"]
        argv += ["--master-host", "127.0.0.1", "--master-port", str(self._port)]
        if shutil.which("setpriv"):
            argv = ["setpriv", "--pdeathsig", "TERM", "--", *argv]
        # stdout is the coordinator's answers.
        return subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=sys.stderr)

    def all_alive(self) -> bool:
        """Tell whether none has died."""
        return all(process.poll() is None for process in self._processes)

    def mend(self) -> bool:
        """Start a new worker for each that died; return whether there was one."""
        dead = [at for at, process in enumerate(self._processes) if process.poll() is not None]
        for at in dead:
            self._processes[at] = self._start()
        return bool(dead)

    def end(self) -> None:
        """End all."""
        for process in self._processes:
            process.terminate()
        for process in self._processes:
            try:
                process.wait(5)
            except subprocess.TimeoutExpired:
                process.kill()


class Workers:
    """All workers, by Locust's names for them; this process alone if the runner is no master."""

    def __init__(self, runner: Runner, processes: LocalWorkers | None, count: int) -> None:
        self._runner, self._processes, self._count = runner, processes, count
        self._master = runner if isinstance(runner, MasterRunner) else None
        self._users = 0
        self._here: set[str] = set()
        self._said: dict[tuple[str, str, int], Any] = {}
        self._news = Event()
        runner.register_message("worker_ready", self._on_ready)
        for what in ("primed", "rows"):
            runner.register_message(what, self._on_said)

    def assemble(self) -> None:
        """Wait for all workers. Raises TimeoutError."""
        deadline = time.monotonic() + ASSEMBLE_S
        while len(self.ready()) < self._count:
            if time.monotonic() > deadline:
                raise TimeoutError(f"{len(self.ready())} of {self._count} workers connected in {ASSEMBLE_S:.0f} s")
            if self._processes is not None and not self._processes.all_alive():
                raise ConnectionError("a worker ended before it had connected; what it said stands above")
            self._news.clear()
            self._news.wait(LOOK_S)

    def provide(self, callers: int) -> None:
        """Have Locust spawn as many callers on each worker as its share can be."""
        workers = len(self.ready())
        needed = workers * -(-callers // workers)
        if needed > self._users:
            self._users = needed
            # Locust's rate is per second: all at once.
            self._runner.start(needed, spawn_rate=needed)

    def mend(self) -> None:
        """Replace local workers that died; those of other machines are done without, as long as one is left."""
        if self._processes is not None and self._processes.mend():
            self.assemble()
            self._users = 0
        elif not self.ready():
            raise ConnectionError("all workers are gone")

    def ready(self) -> list[str]:
        """Return the workers that are there, in an order that stays."""
        if self._master is None:
            return [LOCAL]
        nodes = [node for node in self._master.clients.all if node.id in self._here and node.state != STATE_MISSING]
        return sorted((node.id for node in nodes), key=self._master.get_worker_index)

    def tell(self, what: str, data: dict[str, Any], client: str) -> None:
        """Send a message to one worker."""
        self._runner.send_message(what, data, client_id=client)

    def gather(self, what: str, assignments: Mapping[str, Assignment], patience_s: float) -> list[Reason]:
        """Wait until all have said something of their trial; return a reason for each that never will."""
        deadline = time.monotonic() + patience_s
        while True:
            self._news.clear()
            missing = {client: its for client, its in assignments.items() if not self.said(what, {client: its})}
            gone = [its for client, its in missing.items() if self._is_gone(client)]
            if len(gone) == len(missing):
                return [Reason("load_worker_ended", _which(its)) for its in gone]
            if time.monotonic() > deadline:
                late = {"seconds": patience_s}
                return [Reason("load_worker_silent", _which(its) | late) for its in missing.values()]
            self._news.wait(LOOK_S)

    def said(self, what: str, assignments: Mapping[str, Assignment]) -> list[Any]:
        """Return what workers have said of their trial."""
        keys = [(what, assignment.trial.id, assignment.worker) for assignment in assignments.values()]
        return [self._said[key] for key in keys if key in self._said]

    def forget(self) -> None:
        """Let go of what was said of earlier trials."""
        self._said.clear()

    def _is_gone(self, client: str) -> bool:
        """Tell whether a worker can't answer any more. Which of the local processes a client is, Locust doesn't say."""
        if self._master is None:
            return False
        node = self._master.clients.get(client)
        return node is None or node.state == STATE_MISSING

    def _on_ready(self, msg: Any, **_: Any) -> None:
        self._here.add(msg.node_id)
        self._news.set()

    def _on_said(self, msg: Any, **_: Any) -> None:
        data = msg.data
        self._said[msg.type, data["trial"], data["worker"]] = data
        self._news.set()


def _which(its: Assignment) -> dict[str, float]:
    return {"worker": its.worker + 1, "workers": its.workers}
