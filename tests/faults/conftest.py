"""A real run, and that nothing is left of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from faulty_run import EXPERIMENT, FaultyRun, left_behind


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., FaultyRun]]:
    """Give a function that starts a run; afterwards nothing of ours may be left, however the run ended."""
    runs = []

    experiment = tmp_path / "experiment.toml"
    experiment.write_text(EXPERIMENT, encoding="utf-8")

    def begin(*arguments: str, folder: Path = tmp_path / "run", resume: bool = False, **environment: str) -> FaultyRun:
        new = ("--config", str(experiment), "--out", str(folder), *arguments)
        runs.append(FaultyRun(folder, ("--resume", str(folder)) if resume else new, environment))
        return runs[-1]

    yield begin
    for run in runs:
        if run.process.poll() is None:
            run.process.terminate()
            run.end()
    assert left_behind() == []
