"""What keeps two runs from being compared."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from recorded_runs import recorded_run

from bakeoff.report.words import reason_text
from bakeoff.results.comparable import find_differences
from bakeoff.schema import Model, Reason, Surroundings, TargetState

C1 = {"name": "c1", "arrival": "closed", "concurrency": 1}
MODEL = Model("digits_cnn", "a" * 64, (), (), 1e-4, 0.0)
LEAN = TargetState("lean-tflite", "TensorFlow", "lean", "1", "available", workers=1, threads=1)
AROUND = Surroundings("loopback", True, "0", "1")
RUN = recorded_run(
    {"lean-tflite-rest": 1.0},
    machine={"cpu": "a CPU", "cpus": 2, "architecture": "x86_64", "memory_bytes": 8 << 30, "kernel": "6.1"},
    surroundings=AROUND,
    targets=(LEAN,),
    models=(MODEL,),
    config={"workloads": [C1]},
)


def test_a_run_can_be_compared_with_its_repetition() -> None:
    assert find_differences(RUN, RUN) == []


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"machine": {**RUN.machine, "cpu": "another"}}, "other machine: cpu (another, was a CPU)"),
        ({"machine": {**RUN.machine, "cpus": 4}}, "other machine: cpus (4, was 2)"),
        ({"machine": {**RUN.machine, "memory_bytes": 16 << 30}}, "other machine: memory_bytes (16 GiB, was 8 GiB)"),
        ({"surroundings": replace(AROUND, server_cpus="0,1")}, "other CPU set of the servers (0,1, was 0)"),
        ({"surroundings": replace(AROUND, load_cpus="0")}, "other CPU set of the load (0, was 1)"),
        ({"targets": (replace(LEAN, threads=4),)}, "other workers and threads: lean-tflite (1 x 4, was 1 x 1)"),
        (
            {"models": (replace(MODEL, sha256="b" * 64),)},
            f"other weights of the model digits_cnn ({'b' * 12}, was {'a' * 12})",
        ),
        (
            {"config": {"workloads": [C1 | {"duration_s": 9.0, "seed": 1}]}},
            "the workload c1 is another (duration_s=9.0, was duration_s=5.0)",
        ),
        ({"surroundings": replace(AROUND, network="bridge")}, "other network (bridge, was loopback)"),
        ({"models": (replace(MODEL, name="other"),)}, "they have no model in common"),
        ({"config": {"workloads": [C1 | {"name": "c8"}]}}, "they have no workload in common"),
    ],
)
def test_each_difference_is_a_reason(changed: dict[str, Any], reason: str) -> None:
    assert list(map(reason_text, find_differences(replace(RUN, **changed), RUN))) == [reason]


@pytest.mark.parametrize("which", ["new", "old"])
def test_servers_must_have_been_restarted_in_both(which: str) -> None:
    kept = replace(RUN, restarted=False)
    (reason,) = find_differences(kept, RUN) if which == "new" else find_differences(RUN, kept)
    assert reason == Reason("servers_not_restarted", {"run": which})
    assert "--restart-between-rounds" in reason_text(reason)


@pytest.mark.parametrize(
    "changed",
    [
        {"machine": {**RUN.machine, "kernel": "6.2", "memory_bytes": (8 << 30) - 40_000}},
        {"config": {"workloads": [C1 | {"seed": 7}, C1 | {"name": "c8", "concurrency": 8}]}},
        {"targets": (LEAN, replace(LEAN, name="tfserving", threads=2))},
    ],
)
def test_what_is_no_reason(changed: dict[str, Any]) -> None:
    assert find_differences(replace(RUN, **changed), RUN) == []


def test_only_the_machine_may_differ_when_ratios_within_the_runs_are_compared() -> None:
    other = replace(RUN, machine={"cpu": "another", "cpus": 64}, models=(replace(MODEL, sha256="b" * 64),))
    (reason,) = find_differences(other, RUN, relative=True)
    assert reason.code == "other_weights"
