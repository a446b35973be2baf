"""One worker's shard of one trial: where its callers meet, and what it saw of itself meanwhile."""

from __future__ import annotations

import gc
import os
import time
from dataclasses import dataclass, field

import pyarrow as pa
from assignment import Assignment, machine
from callers import Caller, ClosedCaller, OpenCaller
from gevent.event import AsyncResult, Event
from recorder import Recorder, joined

from bakeoff.schema import Watch


@dataclass(slots=True)
class Shard:
    """All callers prime, all start when `begin` is called, all hand in what they recorded.

    `problems` says, a line each, what keeps the shard from being whole.
    """

    assignment: Assignment
    callers: list[Caller] = field(default_factory=list)
    recorders: list[Recorder] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    all_primed: Event = field(default_factory=Event)
    all_done: Event = field(default_factory=Event)
    _begin_ns: AsyncResult = field(default_factory=AsyncResult)
    _primed: int = 0
    _done: int = 0
    _cpu_s: float = 0.0

    def run_caller(self) -> None:
        """Be one of the callers, in a greenlet of its own; a caller that fails doesn't keep the others waiting."""
        assignment = self.assignment
        closed = assignment.trial.workload.arrival == "closed"
        caller = ClosedCaller(assignment, assignment.first + len(self.callers)) if closed else OpenCaller(assignment)
        self.callers.append(caller)
        problem: str | None = "a caller was stopped before the trial's end"
        try:
            try:
                caller.prime()
            finally:
                self._primed += 1
                if self._primed == assignment.callers:
                    self.all_primed.set()
            self.recorders.append(caller.run(self._begin_ns.get()))
            problem = None
        except Exception as error:  # noqa: BLE001 - whatever it is, the master must hear of it
            problem = f"a caller failed: {error!r}"
        finally:
            caller.close()
            self.problems += [problem] if problem else []
            self._done += 1
            if self._done == assignment.callers:
                self.all_done.set()

    def settle(self) -> None:
        """Leave nothing to be done between the start message and the first arrival."""
        gc.collect()
        gc.disable()  # a collection in the middle of a trial would be measured as the server's latency

    def begin(self, begin_ns: int) -> None:
        """Start all callers together, at a time of this machine's monotonic clock."""
        self._cpu_s = time.process_time()
        self._begin_ns.set(begin_ns)

    def end(self) -> tuple[pa.Table, Watch]:
        """Return the rows of all callers, and what this worker saw of itself; settle() is over then."""
        cpu_s = time.process_time() - self._cpu_s
        wall_s = (time.perf_counter_ns() - self._begin_ns.get()) / 1e9
        gc.enable()
        spin_s = sum(caller.spun_ns for caller in self.callers) / 1e9
        cpus = sorted(os.sched_getaffinity(0))
        watch = Watch(
            worker=self.assignment.worker,
            place=f"{machine()} {','.join(map(str, cpus))}",
            cpus=len(cpus),
            cpu_percent=100 * max(0.0, cpu_s - spin_s) / wall_s,
            spin_percent=100 * spin_s / wall_s,
            held_back=sum(caller.held_back for caller in self.callers),
        )
        return joined(self.recorders), watch
