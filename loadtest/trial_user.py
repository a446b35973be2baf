"""The Locust users that measure: every caller of a trial is one, and waits between the trials."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any, ClassVar

import gevent
from gevent.queue import Queue
from locust import User, task
from locust.env import Environment
from order import ORDER, Order, Start
from part import Part

from bakeoff.measure.samples import dump_table

CALLERS_S = 20.0
"""How long a worker waits for Locust to spawn the callers of its part."""


class TrialUser(User):
    """One caller, who plays the parts that it is given."""

    idle: ClassVar[list[TrialUser]] = []

    def on_start(self) -> None:
        self.parts: Queue[Part] = Queue()
        self.idle.append(self)

    def on_stop(self) -> None:
        if self in self.idle:
            self.idle.remove(self)

    @task
    def take_part(self) -> None:
        """Wait for a part and play it."""
        part = self.parts.get()
        part.play()
        self.idle.append(self)


class Crew:
    """The callers of this process, under a master's orders. `order` asks for a part, `begin` starts it."""

    def __init__(self, environment: Environment) -> None:
        self._runner = environment.runner
        self._part: Part | None = None
        self._runner.register_message("order", self._on_order)
        self._runner.register_message("begin", self._on_begin)
        self._runner.send_message("crew")

    def _on_order(self, msg: Any, **_: Any) -> None:
        gevent.spawn(self._prepare, ORDER.validate_python(msg.data))

    def _on_begin(self, msg: Any, **_: Any) -> None:
        if self._part is not None:
            self._part.begin(Start(**msg.data).here_ns())

    def _prepare(self, order: Order) -> None:
        """Play a part from its order to its rows."""
        part = self._part = Part(order)
        try:
            with gevent.Timeout(CALLERS_S):
                while len(TrialUser.idle) < order.callers:
                    gevent.sleep(0.005)
        except gevent.Timeout:
            part.problems.append(f"Locust spawned {len(TrialUser.idle)} of {order.callers} callers")
            self._say("primed", part)
            return self._say("rows", part, rows=None, watch=None, sent=0)
        for _ in range(order.callers):
            TrialUser.idle.pop().parts.put(part)
        part.all_primed.wait()
        part.settle()
        self._say("primed", part)
        part.all_done.wait()
        table, watch = part.end()
        sent = table.num_rows + part.requests_primed
        return self._say("rows", part, rows=dump_table(table), watch=asdict(watch), sent=sent)

    def _say(self, what: str, part: Part, **more: object) -> None:
        order = part.order
        said = {"trial": order.trial.id, "worker": order.worker, "problems": part.problems, **more}
        self._runner.send_message(what, said)
