"""Every target with an engine has its artifact timed in its own environment, and no server is needed for it."""

from __future__ import annotations

import pytest

from bakeoff.host.catalog import load_targets
from bakeoff.platforms.deploy import Deployment

TARGETS = load_targets()


@pytest.mark.parametrize("name", [name for name, target in TARGETS.items() if target.engine])
def test_it_says_how_long_a_prediction_takes(name: str, deployment: Deployment) -> None:
    target, state = TARGETS[name], deployment.states[name]
    if state.status == "unavailable":
        pytest.skip(f"{name} is unavailable: {state.reason}")
    prepared, _ = deployment.how[name, target.formats[0]]
    time = deployment.runtime.time_bare(target, prepared, deployment.folder, target.formats[0], None)
    assert time is not None and time.predictions >= 7 and 0 < time.p50_ms < 100


def test_a_target_that_cannot_be_timed_has_no_time(deployment: Deployment) -> None:
    assert deployment.runtime.time_bare(TARGETS["echo"], None, deployment.folder, "none", None) is None
