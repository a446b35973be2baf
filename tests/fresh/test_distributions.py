"""The README's first command on machines that have Python and nothing else: a report, or the remedy."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
from machine import DISTRIBUTIONS, Distribution, NoMachine, make_machine

LONGEST_S = 3600.0
EVERYWHERE = {"lean-litert", "flask-torch", "torchserve"}
"""Targets that every Python of these distributions can run."""


@pytest.mark.timeout(2 * LONGEST_S)
@pytest.mark.parametrize("distribution", DISTRIBUTIONS, ids=lambda distribution: distribution.suite)
def test_the_first_command_reports(distribution: Distribution, tmp_path: Path) -> None:
    try:
        machine = make_machine(distribution, tmp_path)
    except NoMachine as reason:
        pytest.skip(f"{distribution.name}: {reason}")
    log = tmp_path / "log"
    status, seconds = machine.run("scripts/bench --quick --out results/fresh", log, LONGEST_S)
    said = log.read_text(encoding="utf-8", errors="replace")
    sys.stderr.write(
        f"{distribution.name}, Python {distribution.python}: status {status}, {seconds:.0f} s\n{said[-3000:]}\n"
    )
    assert status == 0, said[-3000:]
    results = machine.checkout / "results" / "fresh"
    assert (results / "report.html").stat().st_size > 100_000
    states = {state["name"]: state for state in json.loads((results / "results.json").read_text())["targets"]}
    assert {name for name, state in states.items() if state["status"] == "available"} >= EVERYWHERE, states
    for name, state in states.items():
        assert state["status"] != "failed", (name, state)
        assert state["status"] == "available" or state["remedy"], (name, state)
