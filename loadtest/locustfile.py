"""Load one endpoint by hand, with Locust's page or headless, or work for a master on this or another machine.

    scripts/bakeoff up --model digits_cnn
    locust -f loadtest/locustfile.py --endpoint lean-tflite-grpc        (then open http://localhost:8089)
    locust -f loadtest/locustfile.py --worker --master-host HOST   (a share of the load of HOST's page or measurement)

`scripts/bakeoff up` prints the endpoints and the path of the locust command that has what this needs. The page's
figures are right to 1%; the report's come from `scripts/bench`, which keeps every request unrounded.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any, NoReturn

import gevent
from locust import events
from locust.runners import MasterRunner, WorkerRunner
from pydantic import TypeAdapter

ROOT = Path(__file__).resolve().parents[1]
PLAN = ROOT / ".bakeoff" / "up.json"
sys.path.insert(0, str(ROOT / "src"))

from page_user import EndpointUser, keep_three_digits  # noqa: E402
from trial_user import TrialUser, Worker  # noqa: E402, F401 - Locust takes its user classes from this namespace

from bakeoff.schema import Endpoint, Model, Plan  # noqa: E402
from bakeoff.wire.memory import keep_large_blocks  # noqa: E402

MOST_THREADS = 1100
CALLS = TypeAdapter(tuple[Endpoint, Model, tuple[bytes, ...]])
"""Turns whom the users call, and with what, into what Locust's messages can hold, and back."""


@events.init_command_line_parser.add_listener
def add_arguments(parser: Any) -> None:
    """Add our options to Locust's; the page has them as fields."""
    text = "endpoint to call, e.g. lean-tflite-grpc: one that is up"
    parser.add_argument("--endpoint", metavar="ID", help=text, choices=sorted(known_endpoints()) or None)
    parser.add_argument("--batch-size", type=int, default=1, help="rows a request: one that is encoded (default: 1)")
    parser.add_argument(
        "--plan", default=str(PLAN), help="what is up, as `bakeoff up` wrote it", include_in_web_ui=False
    )


@events.init.add_listener
def take_place(environment: Any, **_: Any) -> None:
    """Make ready to work, as a worker for whatever its master asks, else for what the options say."""
    gevent.get_hub().threadpool.maxsize = MOST_THREADS
    keep_three_digits()
    keep_large_blocks()
    if isinstance(environment.runner, WorkerRunner):
        environment.runner.register_message("calls", take_calls)
        Worker(environment)
        return
    environment.user_classes = [EndpointUser]  # TrialUser is for those who work for a measurement
    options = environment.parsed_options
    plan = read_plan(options.plan)
    if options.endpoint is None and not options.headless:
        options.endpoint = plan.endpoints[0].id  # until another is chosen on the page
    choose_calls(environment)
    if isinstance(environment.runner, MasterRunner):
        environment.runner.register_message("worker_ready", lambda **_: None)


@events.test_start.add_listener
def choose_calls(environment: Any, **_: Any) -> None:
    """Give the users, all workers' too, the endpoint that the options name, or that was chosen on the page."""
    options = environment.parsed_options
    if options.worker:
        return
    plan = read_plan(options.plan)
    endpoints = {endpoint.id: endpoint for endpoint in plan.endpoints}
    if options.endpoint not in endpoints:
        refuse(f"--endpoint: {options.endpoint!r} is not up; allowed: {', '.join(sorted(endpoints))}")
    endpoint = endpoints[options.endpoint]
    sizes = plan.requests[endpoint.wire]
    if int(options.batch_size) not in sizes:
        refuse(f"--batch-size: {options.batch_size} is not encoded; allowed: {', '.join(map(str, sorted(sizes)))}")
    bodies = tuple(Path(path).read_bytes() for path in sizes[int(options.batch_size)])
    EndpointUser.endpoint, EndpointUser.model, EndpointUser.bodies = endpoint, plan.model, bodies
    if isinstance(environment.runner, MasterRunner):
        environment.runner.send_message("calls", CALLS.dump_python((endpoint, plan.model, bodies)))


def take_calls(msg: Any, **_: Any) -> None:
    """Call what the master says."""
    EndpointUser.endpoint, EndpointUser.model, EndpointUser.bodies = CALLS.validate_python(msg.data)


def read_plan(path: str) -> Plan:
    """Read what is up; end with status 2 where nothing is."""
    try:
        return TypeAdapter(Plan).validate_json(Path(path).read_bytes())
    except FileNotFoundError:
        refuse(f"{path} is not there: nothing is up. Start with: scripts/bakeoff up")


def known_endpoints() -> list[str]:
    """Return the ids of what is up, for the page's list; nothing where nothing is."""
    try:
        return [endpoint.id for endpoint in TypeAdapter(Plan).validate_json(PLAN.read_bytes()).endpoints]
    except (OSError, ValueError):
        return []


def refuse(message: str) -> NoReturn:
    """End Locust with a usage error."""
    sys.stderr.write(message + "\n")
    raise SystemExit(2)
