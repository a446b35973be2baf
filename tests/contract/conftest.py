"""Every available target, up with digits_cnn: started once for all tests.

BAKEOFF_PLATFORM=docker has the targets in containers.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import closing

import pytest

from bakeoff.artifacts.export import ExportOptions
from bakeoff.cli.terminal import LineShow
from bakeoff.host.catalog import load_targets
from bakeoff.platforms.deploy import Deployment, Selection, bring_up, open_deployment
from bakeoff.platforms.platform import StartOptions
from bakeoff.platforms.table import PLATFORMS
from bakeoff.report.words import optional_text
from bakeoff.schema import PROTOCOLS, Endpoint


@pytest.fixture(scope="session")
def deployment() -> Iterator[Deployment]:
    """All targets up and verified; one that can't run here is in the states, with its reason."""
    platform, lines = PLATFORMS[os.environ.get("BAKEOFF_PLATFORM", "local")](), LineShow()
    with closing(platform):
        platform.open()
        folder, failed = platform.export("digits_cnn", ExportOptions(), lines)
        assert not failed
        deployment = open_deployment(folder, platform)
        try:
            bring_up(deployment, Selection(tuple(load_targets().values()), PROTOCOLS), StartOptions(), lines)
            yield deployment
        finally:
            for server in deployment.servers:
                platform.stop(server)


@pytest.fixture
def endpoint(request: pytest.FixtureRequest, deployment: Deployment) -> Endpoint:
    """The endpoint of the (target, wire) that a test is parametrised with; skipped where the target is unavailable."""
    target, wire = request.param
    state = deployment.states[target]
    if state.status == "unavailable":
        pytest.skip(f"{target} is unavailable: {optional_text(state.reason)}")
    assert state.status == "available", state.reason
    return next(e for e in deployment.endpoints if e.target == target and e.wire == wire)
