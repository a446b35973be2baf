"""Timing artifacts without servers: one at a time, none twice, and a failure of one leaves the others."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

from bakeoff.errors import TargetFailed
from bakeoff.experiment.in_process import time_artifacts
from bakeoff.host.progress import Quiet
from bakeoff.platforms.deploy import Deployment
from bakeoff.platforms.platform import BareTime
from bakeoff.schema import InProcess

CPUS = "3"


class Runtime:
    """Knows a time for `good`, none for `silent`, and fails for `broken`."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str, str]] = []

    def time_bare(self, target: Any, prepared: str, model_dir: Path, format: str, cpus: str) -> BareTime | None:
        self.asked.append((target.name, format, cpus))
        if target.name == "broken":
            raise TargetFailed("it broke")
        return BareTime(0.5, 9) if target.name == "good" else None


def deployment(*names: str) -> Deployment:
    servers = [SimpleNamespace(target=SimpleNamespace(name=name), format="f") for name in names]
    how = {(name, "f"): ("prepared", None) for name in names}
    model = SimpleNamespace(name="m")
    fields = {"model": model, "folder": Path("m"), "servers": servers, "how": how, "runtime": Runtime()}
    return cast(Deployment, SimpleNamespace(**fields))


def test_each_server_that_is_up_is_timed_on_the_servers_cpus() -> None:
    up = deployment("broken", "silent", "good")
    assert time_artifacts(up, CPUS, (), Quiet()) == [InProcess("m", "good", "f", 0.5, 9)]
    assert cast(Runtime, up.runtime).asked == [("broken", "f", CPUS), ("silent", "f", CPUS), ("good", "f", CPUS)]


def test_what_is_known_is_not_timed_again() -> None:
    up = deployment("good")
    assert time_artifacts(up, CPUS, [InProcess("m", "good", "f", 0.4, 8)], Quiet()) == []
    assert len(time_artifacts(up, CPUS, [InProcess("other", "good", "f", 0.4, 8)], Quiet())) == 1
