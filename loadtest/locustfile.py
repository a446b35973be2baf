"""Load one endpoint by hand, with Locust's page or headless.

    scripts/bakeoff up --model digits_cnn
    locust -f loadtest/locustfile.py --endpoint tflite-grpc        (then open http://localhost:8089)

`scripts/bakeoff up` prints the endpoints and the path of the locust command that has what this needs. Locust rounds the
times that its page shows; the report's figures come from `scripts/bench`, which keeps every request unrounded.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import gevent
from locust import events
from pydantic import TypeAdapter

ROOT = Path(__file__).resolve().parents[1]
PLAN = ROOT / ".bakeoff" / "up.json"
sys.path.insert(0, str(ROOT / "src"))

from curl_user import PageUser, load_bodies  # noqa: E402

from bakeoff.types import Plan  # noqa: E402


class EndpointUser(PageUser):
    """A caller of the endpoint that --endpoint names."""


@events.init_command_line_parser.add_listener
def add_arguments(parser: Any) -> None:
    """Add our options to Locust's; the page has them as fields."""
    text = "endpoint to call, e.g. tflite-grpc: one that is up"
    parser.add_argument("--endpoint", metavar="ID", help=text, choices=sorted(known_endpoints()) or None)
    parser.add_argument("--batch-size", type=int, default=1, help="rows a request: one that is encoded (default: 1)")
    parser.add_argument(
        "--plan", default=str(PLAN), help="what is up, as `bakeoff up` wrote it", include_in_web_ui=False
    )


@events.init.add_listener
def read_plan(environment: Any, **_: Any) -> None:
    """Read what is up; without a page, end with status 2 where the endpoint isn't there."""
    options = environment.parsed_options
    gevent.get_hub().threadpool.maxsize = 1100
    try:
        EndpointUser.plan = TypeAdapter(Plan).validate_json(Path(options.plan).read_bytes())
    except FileNotFoundError:
        refuse(f"{options.plan} is not there: nothing is up. Start with: scripts/bakeoff up")
    if options.endpoint is None and not options.headless:
        options.endpoint = EndpointUser.plan.endpoints[0].id  # until another is chosen on the page
    choose_endpoint(environment)


@events.test_start.add_listener
def choose_endpoint(environment: Any, **_: Any) -> None:
    """Give the users the endpoint that the options name, or that was chosen on the page."""
    options = environment.parsed_options
    endpoints = {endpoint.id: endpoint for endpoint in EndpointUser.plan.endpoints}
    if options.endpoint not in endpoints:
        refuse(f"--endpoint: {options.endpoint!r} is not up; allowed: {', '.join(sorted(endpoints))}")
    EndpointUser.endpoint = endpoints[options.endpoint]
    sizes = EndpointUser.plan.requests[EndpointUser.endpoint.wire]
    if int(options.batch_size) not in sizes:
        refuse(f"--batch-size: {options.batch_size} is not encoded; allowed: {', '.join(map(str, sorted(sizes)))}")
    EndpointUser.bodies = load_bodies(EndpointUser.plan, EndpointUser.endpoint.wire, int(options.batch_size))


def known_endpoints() -> list[str]:
    """Return the ids of what is up, for the page's list; nothing where nothing is."""
    try:
        return [endpoint.id for endpoint in TypeAdapter(Plan).validate_json(PLAN.read_bytes()).endpoints]
    except (OSError, ValueError):
        return []


def refuse(message: str) -> None:
    """End Locust with a usage error."""
    sys.stderr.write(message + "\n")
    raise SystemExit(2)
