"""Locust's page: figures right to 1%, with many users, from whatever an endpoint answers. Runs where Locust is."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

locust = pytest.importorskip("locust", reason="it is in the load generator's environment")

import numpy as np  # noqa: E402
from locust.stats import RequestStats, StatsEntry  # noqa: E402

ROOT = Path(__file__).resolve().parents[3]
sys.path.insert(0, str(ROOT / "loadtest"))

from page_user import keep_three_digits  # noqa: E402
from pydantic import TypeAdapter  # noqa: E402

from bakeoff.schema import Endpoint, Model, Plan, TensorSpec  # noqa: E402


@pytest.fixture
def digits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have Locust's statistics as the page has them, for one test."""
    for name in ("bucket_response_time", "proper_round"):
        monkeypatch.setattr(locust.stats, name, getattr(locust.stats, name))
    keep_three_digits()


@pytest.mark.usefixtures("digits")
@pytest.mark.parametrize("scale", [0.05, 0.4, 7.0, 250.0, 4000.0])
def test_percentiles_are_right_to_one_percent(scale: float) -> None:
    times = scale * np.random.default_rng(1).lognormal(0, 0.5, 5000)
    entry = StatsEntry(RequestStats(), "endpoint", "grpc")
    for value in times:
        entry.log(float(value), 1)
    for quantile in (0.5, 0.9, 0.95, 0.99):
        right = float(np.percentile(times, 100 * quantile, method="inverted_cdf"))
        assert entry.get_response_time_percentile(quantile) == pytest.approx(right, rel=0.01)
    shown = entry.to_dict()
    assert shown["median_response_time"] == pytest.approx(np.median(times), rel=0.01)
    assert shown["min_response_time"] == pytest.approx(times.min(), abs=0.0006)
    assert shown["max_response_time"] == pytest.approx(times.max(), abs=0.0006)


def test_without_us_it_would_say_nothing() -> None:
    entry = StatsEntry(RequestStats(), "endpoint", "grpc")
    for _ in range(100):
        entry.log(0.4, 1)
    assert entry.get_response_time_percentile(0.5) == 0


@pytest.fixture
def page(tmp_path: Path) -> Iterator[str]:
    """Locust's page for a server that takes 0.3 ms for a request, one at a time; the page's address."""
    port, web_port = free_port(), free_port()
    known = str(ROOT / "tests" / "integration" / "load" / "known_server.py")
    server = subprocess.Popen([sys.executable, known, str(port), "--service-ms", "0.3"], stdout=subprocess.DEVNULL)
    spec = ("float32", (None, 2))
    model = Model("double", "0", (TensorSpec("x", *spec),), (TensorSpec("y", *spec),), 1e-4, 0.0)
    wire = "tfserving-rest"
    endpoint = Endpoint("known-rest", "double", "known", "torchscript", "rest", wire, "127.0.0.1", port)
    (tmp_path / "body.bin").write_bytes(b'{"instances": [[0.0, 1.0]]}')
    plan = Plan(model, "unused", (endpoint,), {wire: {1: (str(tmp_path / "body.bin"),)}})
    (tmp_path / "up.json").write_bytes(TypeAdapter(Plan).dump_json(plan))
    argv = [sys.executable, "-m", "locust", "-f", str(ROOT / "loadtest" / "locustfile.py")]
    argv += ["--web-host", "127.0.0.1", "--web-port", str(web_port), "--plan", str(tmp_path / "up.json")]
    web = subprocess.Popen([*argv, "--loglevel", "WARNING"])
    try:
        yield f"http://127.0.0.1:{web_port}"
    finally:
        web.terminate()
        server.terminate()
        web.wait(20)
        server.wait(10)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
    return port


def fetch(url: str, form: bytes | None = None) -> Any:
    deadline = time.monotonic() + 600
    while True:
        try:
            with urllib.request.urlopen(url, form, timeout=10) as answer:
                return json.load(answer)
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.2)


def test_the_page_shows_parts_of_a_millisecond_and_many_users_at_once(page: str) -> None:
    assert fetch(f"{page}/swarm", b"user_count=1&spawn_rate=1&host=&endpoint=known-rest&batch_size=1")["success"]
    one = shown_after(page, requests=500)
    assert 0.3 <= one["median_response_time"] < 3 and one["median_response_time"] != round(one["median_response_time"])
    assert one["num_failures"] == 0
    assert fetch(f"{page}/swarm", b"user_count=40&spawn_rate=100&host=&endpoint=known-rest&batch_size=1")["success"]
    deadline = time.monotonic() + 600
    while fetch(f"{page}/stats/requests")["user_count"] < 40 and time.monotonic() < deadline:
        time.sleep(0.2)
    many = shown_after(page, requests=one["num_requests"] + 2000)
    assert many["num_failures"] == 0
    # Forty callers of one queue wait for each other: 40 services of 0.3 ms.
    assert many["response_time_percentile_0.99"] > 10


def shown_after(page: str, requests: int) -> dict[str, Any]:
    """Return what the page shows of the endpoint once so many requests are done."""
    deadline = time.monotonic() + 600
    while time.monotonic() < deadline:
        rows = [row for row in fetch(f"{page}/stats/requests")["stats"] if row["name"] == "known-rest"]
        if rows and rows[0]["num_requests"] >= requests:
            shown: dict[str, Any] = rows[0]
            return shown
        time.sleep(0.2)
    raise AssertionError(f"the page never showed {requests} requests")
