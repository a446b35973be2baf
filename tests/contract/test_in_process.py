"""Every engine of a target is timed in process, in the target's own environment, without a server."""

from __future__ import annotations

import pytest

from bakeoff.host.catalog import load_targets
from bakeoff.platforms.deploy import Deployment
from bakeoff.platforms.platform import Prepared
from bakeoff.report.words import optional_text

TARGETS = load_targets()


@pytest.mark.parametrize("name", [name for name, target in TARGETS.items() if target.engine])
def test_it_says_how_long_a_prediction_takes(name: str, deployment: Deployment) -> None:
    target, state = TARGETS[name], deployment.states[name]
    if state.status == "unavailable":
        pytest.skip(f"{name} is unavailable: {optional_text(state.reason)}")
    server = next(server for server in deployment.servers if server.target == target)
    time = deployment.platform.time_in_process(server.prepared, deployment.folder, target.formats[0], None)
    assert time is not None and time.predictions >= 7 and 0 < time.p50_ms < 100


def test_a_target_that_cannot_be_timed_has_no_time(deployment: Deployment) -> None:
    assert deployment.platform.time_in_process(Prepared(TARGETS["echo"]), deployment.folder, "none", None) is None
