"""One `docker compose up` for all tests of this folder. It takes the engine's containers of ours for itself."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from dockered import STACK, docker, left


@pytest.fixture(scope="session")
def stack() -> Iterator[None]:
    """`docker compose up --build --wait`, down at the end."""
    try:
        done = docker("compose", "up", "--detach", "--build", "--wait", timeout_s=1200)
        assert done.returncode == 0, done.stderr
        yield
    finally:
        docker("compose", "down")
    assert left(STACK) == ""
