"""Timing artifacts without servers: one at a time, none twice, and a failure of one leaves the others."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

from bakeoff.errors import TargetFailed
from bakeoff.experiment.in_process import time_artifacts
from bakeoff.host.progress import Show
from bakeoff.platforms.deploy import Deployment
from bakeoff.platforms.platform import Prepared
from bakeoff.platforms.programs import InProcessTime
from bakeoff.schema import InProcess

CPUS = "3"


class Platform:
    """Knows a time for `good`, none for `silent`, and fails for `broken`."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str, str]] = []

    def time_in_process(self, prepared: Any, model_dir: Path, format: str, cpus: str) -> InProcessTime | None:
        name = prepared.target.name
        self.asked.append((name, format, cpus))
        if name == "broken":
            raise TargetFailed("it broke")
        return InProcessTime(0.5, 9) if name == "good" else None


def deployment(*names: str) -> Deployment:
    targets: list[Any] = [SimpleNamespace(name=name) for name in names]
    servers = [SimpleNamespace(target=target, format="f", prepared=Prepared(target)) for target in targets]
    model = SimpleNamespace(name="m")
    fields = {"model": model, "folder": Path("m"), "servers": servers, "platform": Platform()}
    return cast(Deployment, SimpleNamespace(**fields))


def test_each_server_that_is_up_is_timed_on_the_servers_cpus() -> None:
    up = deployment("broken", "silent", "good")
    assert time_artifacts(up, CPUS, (), Show()) == [InProcess("m", "good", "f", 0.5, 9)]
    assert cast(Platform, up.platform).asked == [("broken", "f", CPUS), ("silent", "f", CPUS), ("good", "f", CPUS)]


def test_what_is_known_is_not_timed_again() -> None:
    up = deployment("good")
    assert time_artifacts(up, CPUS, [InProcess("m", "good", "f", 0.4, 8)], Show()) == []
    assert len(time_artifacts(up, CPUS, [InProcess("other", "good", "f", 0.4, 8)], Show())) == 1
