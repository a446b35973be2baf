"""Every measured request is sent by a Locust user of the run."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from load_bench import MakeBench, StartServer

from bakeoff.host.processes import child_environment
from bakeoff.schema import Workload

WATCHED = Path(__file__).with_name("watched")
CLOSED = Workload("closed", "closed", concurrency=4, warmup_s=0.2, duration_s=1.0)
OPEN = Workload("open", "poisson", rate_rps=200.0, warmup_s=0.2, duration_s=1.0, seed=1)
PRIMED_BY_A_CALLER = 3


@pytest.mark.parametrize(("workload", "callers"), [(CLOSED, 4), (OPEN, 2)], ids=["closed", "open"])
def test_users_of_two_workers_send_all_that_is_measured(
    workload: Workload,
    callers: int,
    known_server: StartServer,
    make_bench: MakeBench,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    told = tmp_path / "users"

    def watched_environment(**extra: str) -> dict[str, Any]:
        plain = child_environment(**extra)
        return {**plain, "PYTHONPATH": f"{WATCHED}:{plain['PYTHONPATH']}", "USERS_FILE": str(told)}

    monkeypatch.setattr("bakeoff.measure.generator.child_environment", watched_environment)
    server = known_server()
    _, samples = make_bench(server.endpoint, workload, workers=2).run(workload.name)
    seen = server.end()["seen"]
    users = [json.loads(line) for line in told.read_text(encoding="utf-8").splitlines()]
    assert len(users) == callers and all(user["is_user"] for user in users), users
    assert len({user["process"] for user in users}) == 2, "both workers' users"
    assert sum(user["requests"] for user in users) == len(samples.status) > 0
    assert seen == len(samples.status) + PRIMED_BY_A_CALLER * callers, "and nobody else asked the server"
