"""Run the trials of a plan, one Locust runner for all of them.

    PYTHON loadtest/coordinator.py PLAN.json [--load-workers N] [--await-load-workers N --bind ADDRESS:PORT]

Each line on stdin is a Task as JSON; the answer is a JSON line on stdout when its samples are written. The end of stdin
ends the program. Who decides what comes next, and pauses the other servers meanwhile, is whoever writes the lines.
With --load-workers it is the master of so many processes of this machine, with --await-load-workers of so many that
connect by themselves: locust -f loadtest/locustfile.py --worker --master-host ADDRESS
"""

# Importing locust patches the standard library for gevent, so it comes first.
import locust  # noqa: F401, I001

import argparse
import json
import resource
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

import gevent
import native
from workers import Workers, LocalWorkers
from locust.env import Environment
from locust.runners import LocalRunner
from assignment import ASSIGNMENT, Assignment, Start, split
from pydantic import TypeAdapter
from trial_user import Worker, TrialUser

from bakeoff.measure.samples import join_tables, load_table, write_samples
from bakeoff.schema import Plan, Reason, Task, Watch
from bakeoff.wire.memory import keep_large_blocks

LEAD_S = 0.1
"""From the start message to the first arrival: every worker must have heard it by then."""
SLACK_S = 20.0
MOST_THREADS = 1100


class Coordinator:
    """Runs the trials of a plan with the workers that there are."""

    def __init__(self, plan: Plan, workers: Workers) -> None:
        self._plan, self._workers = plan, workers

    def run(self, task: Task) -> dict[str, object]:
        """Run one trial and write its samples; return what to tell the caller."""
        trial = task.trial
        self._workers.forget()
        self._workers.provide(trial.workload.concurrency or 1)
        assignments = self._assignments(task)
        timeout_s = trial.workload.timeout_s
        for client, assignment in assignments.items():
            self._workers.tell("assignment", ASSIGNMENT.dump_python(assignment), client)
        lost = self._workers.gather("primed", assignments, 3 * timeout_s + SLACK_S)
        start = asdict(Start.soon(LEAD_S))
        for client in assignments:
            self._workers.tell("begin", start, client)
        # The last request may take its whole timeout; with all of `max_outstanding` held back, some take two.
        length_s = trial.workload.warmup_s + trial.workload.duration_s
        lost += self._workers.gather("rows", assignments, length_s + 2 * timeout_s + SLACK_S)
        said = self._workers.said("rows", assignments)
        lost += [
            Reason("load_worker_failed", {"worker": row["worker"] + 1, "text": problem})
            for row in said
            for problem in row["problems"]
        ]
        lost = list(dict.fromkeys(lost))
        if trial.samples is not None:
            table = join_tables(load_table(row["rows"]) for row in said if row["rows"] is not None)
            watches = [Watch(**row["watch"]) for row in said if row["watch"] is not None]
            window = next(iter(assignments.values())).window
            write_samples(Path(trial.samples), table, window, watches, lost)
        return {
            "trial": trial.id,
            "requests_sent": sum(row["sent"] for row in said),
            "lost": [asdict(reason) for reason in lost],
        }

    def _assignments(self, task: Task) -> dict[str, Assignment]:
        """Return each worker's assignment; a closed loop with fewer callers than workers needs not all of them."""
        trial, endpoint = task.trial, task.endpoint
        paths = self._plan.requests[endpoint.wire][trial.workload.batch_size]
        bodies = tuple(Path(path).read_bytes() for path in paths)
        clients = self._workers.ready()
        callers = trial.workload.concurrency if trial.workload.arrival == "closed" else None
        shares = [1] * len(clients) if callers is None else split(callers, min(len(clients), callers))
        what = (trial, endpoint, self._plan.model, bodies)
        return {
            client: Assignment(*what, worker, len(shares), share, sum(shares[:worker]))
            for worker, (client, share) in enumerate(zip(clients, shares, strict=False))
        }


def say(message: dict[str, object]) -> None:
    """Answer with one JSON line."""
    sys.stdout.write(json.dumps(message) + "\n")
    sys.stdout.flush()


def parse(arguments: list[str]) -> Any:
    """Return the options of the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("plan", type=Path)
    parser.add_argument("--load-workers", type=int, default=1, help="processes of this machine that share the load")
    parser.add_argument("--await-load-workers", type=int, default=0, help="workers that connect by themselves")
    parser.add_argument("--bind", default="127.0.0.1:5557", help="where those connect to, ADDRESS:PORT")
    return parser.parse_args(arguments)


def main(arguments: list[str]) -> None:
    """Run the trials that are named on stdin until it ends."""
    options = parse(arguments)
    plan = TypeAdapter(Plan).validate_json(options.plan.read_bytes())
    tasks = TypeAdapter(Task)
    allow_many_connections()
    keep_large_blocks()
    environment = Environment(user_classes=[TrialUser], catch_exceptions=False)
    processes = None
    if options.await_load_workers:
        host, _, port = options.bind.rpartition(":")
        runner = environment.create_master_runner(host, int(port))
    elif options.load_workers > 1:
        runner = environment.create_master_runner("127.0.0.1", 0)
        processes = LocalWorkers(runner.server.port, options.load_workers)
    else:
        runner = environment.create_local_runner()
    workers = Workers(runner, processes, options.await_load_workers or options.load_workers)
    if isinstance(runner, LocalRunner):
        Worker(environment)
    coordinator = Coordinator(plan, workers)
    try:
        workers.assemble()
        say({"ready": True})
        while line := native.in_thread(sys.stdin.readline):
            say(coordinator.run(tasks.validate_json(line)))
            workers.mend()
    finally:
        runner.quit()
        if processes is not None:
            processes.end()


def allow_many_connections() -> None:
    """Lift the limit of open files as far as we may, and that of native threads."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    gevent.get_hub().threadpool.maxsize = MOST_THREADS


if __name__ == "__main__":
    main(sys.argv[1:])
