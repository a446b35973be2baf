"""Conduct the trials of a plan, one Locust process for all of them.

    PYTHON loadtest/conductor.py PLAN.json

Each line on stdin is a trial's id; the answer is a JSON line on stdout when its samples are written. The end of stdin
ends the program. Who decides what comes next, and pauses the other servers meanwhile, is whoever writes the lines.
"""

# Importing locust patches the standard library for gevent, so it comes first.
import locust  # noqa: F401, I001

import gc
import json
import sys
import time
from pathlib import Path

import gevent
from bakeoff.samples import Window, write_samples
from bakeoff.types import Endpoint, Plan, Trial
from curl_user import PRIME_REQUESTS, Stage, TrialUser, in_thread, load_bodies
from locust.env import Environment
from locust.runners import LocalRunner
from pydantic import TypeAdapter

MOST_THREADS = 1100


def conduct(plan: Plan, trial: Trial, runner: LocalRunner) -> dict[str, object]:
    """Run one trial and write its samples; return what to tell the caller."""
    workload, users = trial.workload, trial.workload.concurrency or 1
    endpoint: Endpoint = next(e for e in plan.endpoints if e.id == trial.endpoint)
    bodies = load_bodies(plan, endpoint.wire, workload.batch_size)
    stage = TrialUser.stage = Stage(plan, endpoint, bodies, users, workload.timeout_s)
    gc.collect()
    gc.disable()  # a collection in the middle of a trial would be measured as the server's latency
    runner.start(users, spawn_rate=users)
    stage.all_primed.wait()
    cpu, begin = time.process_time(), time.perf_counter_ns()
    start = begin + round(workload.warmup_s * 1e9)
    window = Window(start, start + round(workload.duration_s * 1e9))
    stage.until_ns.set(window.end_ns)
    stage.all_done.wait()
    cpu_percent = 100 * (time.process_time() - cpu) / ((time.perf_counter_ns() - begin) / 1e9)
    runner.stop()
    gc.enable()
    rows = sorted((sample for samples in stage.samples for sample in samples), key=lambda sample: sample.start_ns)
    if trial.samples is not None:
        write_samples(Path(trial.samples), rows, window, cpu_percent)
    return {"trial": trial.id, "requests_sent": len(rows) + users * PRIME_REQUESTS}


def say(message: dict[str, object]) -> None:
    """Answer with one JSON line."""
    sys.stdout.write(json.dumps(message) + "\n")
    sys.stdout.flush()


def main(path: str) -> None:
    """Conduct the trials that are named on stdin until it ends."""
    plan = TypeAdapter(Plan).validate_json(Path(path).read_bytes())
    trials = {trial.id: trial for trial in plan.trials}
    gevent.get_hub().threadpool.maxsize = MOST_THREADS
    environment = Environment(user_classes=[TrialUser], catch_exceptions=False)
    runner = environment.create_local_runner()
    say({"ready": True})
    while line := in_thread(sys.stdin.readline):
        say(conduct(plan, trials[line.strip()], runner))
    runner.quit()


if __name__ == "__main__":
    main(sys.argv[1])
