"""What a trial's measurement says of the server, which is awake only meanwhile."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from bakeoff.experiment.slices import measure_trial
from bakeoff.host.progress import Show
from bakeoff.measure.generator import LoadLost, RenewedLoad
from bakeoff.measure.samples import table_of, write_samples
from bakeoff.schema import Endpoint, Measurement, Sample, Trial, Workload
from bakeoff.schema.samples import Window

COUNT = 100
ENDPOINT = Endpoint("lean-tflite-grpc", "m", "lean-tflite", "tflite-fp32", "grpc", "tfserving-grpc")
SERVER: Any = SimpleNamespace(target=SimpleNamespace(metrics=None))


class Platform:
    """Keeps a server's state; each answer takes it 1 ms of CPU time."""

    def __init__(self) -> None:
        self.did: list[str] = []
        self.answered = 0

    def resume(self, server: object) -> None:
        self.did.append("resume")

    def pause(self, server: object) -> None:
        self.did.append("pause")

    def alive(self, server: object) -> bool:
        return True

    def read_metrics(self, server: object) -> None:
        return None

    def read_usage(self, server: object) -> Any:
        return SimpleNamespace(cpu_seconds=self.answered / 1000, peak_rss_bytes=7, memory_from="processes")


class Generator:
    """Has COUNT requests answered; one that is to be lost doesn't live to tell."""

    def __init__(self, platform: Platform, is_lost: bool) -> None:
        self.platform, self.is_lost = platform, is_lost

    def run_trial(self, trial: Trial, endpoint: Endpoint) -> int:
        self.platform.did.append("load")
        self.platform.answered += COUNT
        if self.is_lost:
            raise LoadLost("the load generator ended early")
        if trial.samples:
            rows = [Sample(i, i, i + 500_000, "ok", 1, 1, 0, None, 0) for i in range(COUNT)]
            write_samples(Path(trial.samples), table_of(rows, []), Window(0, COUNT), [])
        return COUNT

    def close(self) -> None:
        """Nothing is open."""


Measure = Callable[..., Measurement | None]


@pytest.fixture
def platform() -> Platform:
    return Platform()


@pytest.fixture
def measure(platform: Platform, tmp_path: Path) -> Measure:
    def measured(*lost: bool, primes: bool = False) -> Measurement | None:
        generators: list[Any] = [Generator(platform, is_lost) for is_lost in lost]
        samples = None if primes else str(tmp_path / "t.parquet")
        trial = Trial("t", ENDPOINT.id, Workload("c1", "closed", 1), 0, 0, samples)
        deployment: Any = SimpleNamespace(platform=platform, expected=lambda *_: None)
        return measure_trial(trial, ENDPOINT, SERVER, deployment, RenewedLoad(lambda: generators.pop(0), Show()))

    return measured


def test_a_server_is_awake_under_load_alone(platform: Platform, measure: Measure) -> None:
    found = measure(False)
    assert platform.did == ["resume", "load", "pause"]
    assert found is not None and (found.request_count, found.peak_rss_bytes) == (COUNT, 7)
    assert found.server_cpu_ms_per_request == pytest.approx(1.0)


def test_priming_leaves_no_measurement(platform: Platform, measure: Measure) -> None:
    assert measure(False, primes=True) is None
    assert platform.did == ["resume", "load", "pause"]


def test_cpu_time_that_a_lost_load_generator_took_is_not_charged_to_the_other(
    platform: Platform, measure: Measure
) -> None:
    found = measure(True, False)
    assert platform.did == ["resume", "load", "load", "pause"]
    assert found is not None and found.request_count == COUNT and found.server_cpu_ms_per_request is None
