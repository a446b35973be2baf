"""Every available target, up with digits_cnn: started once for all tests."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import pytest

from bakeoff.catalog import load_targets
from bakeoff.deploy import Deployment, Selection, bring_up, open_deployment
from bakeoff.export import ExportOptions, export_model
from bakeoff.runtimes import local
from bakeoff.types import PROTOCOLS, Endpoint


class Lines:
    """Shows progress as lines on stderr."""

    def expect(self, steps: int) -> None:
        """Nothing is counted."""

    def step(self, count: int = 1) -> None:
        """Nothing is counted."""

    def say(self, text: str) -> None:
        """Print it."""
        sys.stderr.write(f"{text}\n")

    note = say


@pytest.fixture(scope="session")
def deployment() -> Iterator[Deployment]:
    """All targets up and verified; one that can't run here is in the states, with its reason."""
    folder, failed = export_model("digits_cnn", ExportOptions(), Lines())
    assert not failed
    deployment = open_deployment(folder)
    try:
        bring_up(deployment, Selection(tuple(load_targets().values()), PROTOCOLS), local.StartOptions(), Lines())
        yield deployment
    finally:
        for server in deployment.servers:
            local.stop(server)


@pytest.fixture
def endpoint(request: pytest.FixtureRequest, deployment: Deployment) -> Endpoint:
    """The endpoint of the (target, wire) that a test is parametrised with; skipped where the target is unavailable."""
    target, wire = request.param
    state = deployment.states[target]
    if state.status == "unavailable":
        pytest.skip(f"{target} is unavailable: {state.reason}")
    assert state.status == "available", state.reason
    return next(e for e in deployment.endpoints if e.target == target and e.wire == wire)
