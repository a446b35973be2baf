"""The Locust users that measure: every caller of a trial is one, and waits between the trials."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any, ClassVar

import gevent
from assignment import ASSIGNMENT, Assignment, Start
from callers import PRIME_REQUESTS
from gevent.queue import Queue
from locust import User, task
from locust.env import Environment
from shard import Shard

from bakeoff.measure.samples import dump_table

CALLERS_S = 20.0
"""How long a worker waits for Locust to spawn the callers of its shard."""


class TrialUser(User):
    """One caller, who runs in the shards that it is given."""

    idle: ClassVar[list[TrialUser]] = []

    def on_start(self) -> None:
        self.shards: Queue[Shard] = Queue()
        self.idle.append(self)

    def on_stop(self) -> None:
        if self in self.idle:
            self.idle.remove(self)

    @task
    def take_shard(self) -> None:
        """Wait for a shard and run a caller of it."""
        shard = self.shards.get()
        shard.run_caller()
        self.idle.append(self)


class Worker:
    """The callers of this process, for a coordinator. `assignment` asks for a shard, `begin` starts it."""

    def __init__(self, environment: Environment) -> None:
        self._runner = environment.runner
        self._shard: Shard | None = None
        self._runner.register_message("assignment", self._on_assignment)
        self._runner.register_message("begin", self._on_begin)
        self._runner.send_message("worker_ready")

    def _on_assignment(self, msg: Any, **_: Any) -> None:
        gevent.spawn(self._prepare, ASSIGNMENT.validate_python(msg.data))

    def _on_begin(self, msg: Any, **_: Any) -> None:
        if self._shard is not None:
            self._shard.begin(Start(**msg.data).here_ns())

    def _prepare(self, assignment: Assignment) -> None:
        """Run a shard from its assignment to its rows."""
        shard = self._shard = Shard(assignment)
        try:
            with gevent.Timeout(CALLERS_S):
                while len(TrialUser.idle) < assignment.callers:
                    gevent.sleep(0.005)
        except gevent.Timeout:
            shard.problems.append(f"Locust spawned {len(TrialUser.idle)} of {assignment.callers} callers")
            self._say("primed", shard)
            return self._say("rows", shard, rows=None, watch=None, sent=0)
        for _ in range(assignment.callers):
            TrialUser.idle.pop().shards.put(shard)
        shard.all_primed.wait()
        shard.settle()
        self._say("primed", shard)
        shard.all_done.wait()
        table, watch = shard.end()
        sent = table.num_rows + assignment.callers * PRIME_REQUESTS
        return self._say("rows", shard, rows=dump_table(table), watch=asdict(watch), sent=sent)

    def _say(self, what: str, shard: Shard, **more: object) -> None:
        assignment = shard.assignment
        said = {"trial": assignment.trial.id, "worker": assignment.worker, "problems": shard.problems, **more}
        self._runner.send_message(what, said)
