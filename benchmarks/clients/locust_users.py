"""Measure a call inside a Locust user, under Locust's own runner.

The closed loop stands in one task, so that it has the client's cost and not that of Locust's choosing of tasks; the
paced calls are tasks under constant_throughput, as a locustfile has them.
"""

# Importing locust patches the standard library for gevent, so it comes first.
import locust  # noqa: F401, I001

import time
from collections.abc import Callable
from typing import Any

from gevent.event import AsyncResult
from locust import User, constant_throughput, task
from locust.env import Environment
from locust.exception import StopUser
from measure import HOST, Job, closed_loop, say, summarize_lag

Call = Callable[[Any], object]


def measure_user(base: type[User], call: Call, job: Job) -> None:
    """Measure call(user) for a kind of user and print the result."""
    result = run_user(closed_user(base, call, job), job)
    if job.rate_rps is not None:
        starts = run_user(paced_user(base, call, job), job)
        # Locust keeps no schedule: it is taken to begin with the first call.
        result |= summarize_lag([start - starts[0] - n * 1e9 / job.rate_rps for n, start in enumerate(starts)])
    say(result)


def run_user(kind: Any, job: Job) -> Any:
    """Run one user until it has a result; raises what its task raised."""
    environment = Environment(user_classes=[kind], host=f"http://{HOST}:{job.port}", catch_exceptions=False)
    environment.events.request.add_listener(fail_with(kind.result))
    runner = environment.create_local_runner()
    runner.start(1, spawn_rate=1)
    try:
        return kind.result.get(timeout=120)
    finally:
        runner.quit()


def fail_with(result: AsyncResult) -> Callable[..., None]:
    """Return a listener that ends the measurement when a request fails."""

    def listen(exception: Exception | None, **_: Any) -> None:
        if exception is not None:
            result.set_exception(exception)

    return listen


def closed_user(base: type[User], call: Call, job: Job) -> type[User]:
    """Make a user that calls without a pause."""

    class ClosedUser(base):
        result = AsyncResult()

        @task
        def call_on(self) -> None:
            self.result.set(closed_loop(lambda: call(self), job.seconds))
            raise StopUser

    return ClosedUser


def paced_user(base: type[User], call: Call, job: Job) -> type[User]:
    """Make a user that calls at the job's rate."""

    class PacedUser(base):
        result = AsyncResult()
        starts: list[int] = []
        wait_time = constant_throughput(job.rate_rps)

        @task
        def call_once(self) -> None:
            self.starts.append(time.perf_counter_ns())
            call(self)
            if len(self.starts) == job.paced_requests:
                self.result.set(self.starts)
                raise StopUser

    return PacedUser
