"""A server that dies, hangs or can't come back costs itself: the others are measured, and the report says so."""

from __future__ import annotations

import signal
from collections.abc import Callable

import psutil
import pytest
from checkout import ROOT
from faulty_run import ALL, FaultyRun, server
from held import held

Start = Callable[..., FaultyRun]


def test_a_killed_server_is_failed_and_the_other_is_measured(start: Start) -> None:
    run = start().under_way()
    server("lean-litert").kill()
    assert run.end() == 1
    assert "lean-litert" in run.said and "Traceback" not in run.said
    assert run.state("lean-litert")["status"] == "failed"
    assert run.rounds("lean-tflite") == ALL


def test_a_server_that_hangs_is_given_up_and_the_other_is_measured(start: Start) -> None:
    run = start().under_way()
    with held(server("lean-litert").pid):
        assert run.end() == 1
    assert run.state("lean-litert")["reason"]["code"] == "server_silent"
    assert run.rounds("lean-tflite") == ALL


@pytest.mark.parametrize("left", [100, None], ids=["truncated", "deleted"])
def test_an_artifact_that_is_damaged_between_rounds_fails_its_server_only(start: Start, left: int | None) -> None:
    artifact = ROOT / "artifacts" / "digits_cnn" / "tflite-fp16" / "1" / "model.tflite"
    run = start("--restart-between-rounds", "--format", "tflite-fp16", "--target", "lean-litert").under_way()
    whole = artifact.read_bytes()
    try:
        if left is None:
            artifact.unlink()
        else:
            artifact.write_bytes(whole[:left])
        assert run.end() == 1
    finally:
        artifact.write_bytes(whole)
    assert (
        run.state("lean-litert")["status"] == "failed"
        and run.state("lean-litert")["reason"]["code"] == "server_not_restarted"
    )
    assert {m["format"] for m in run.results["measurements"] if m["round"] == 1} >= {"tflite-fp32"}


def test_a_load_generator_that_is_killed_is_replaced_and_no_trial_is_lost(start: Start) -> None:
    run = start().under_way()
    line = f"{ROOT}/loadtest/coordinator.py"
    generator = next(p for p in psutil.process_iter(["cmdline"]) if line in (p.info["cmdline"] or []))
    generator.send_signal(signal.SIGKILL)
    run.end()
    assert not run.problems and "Traceback" not in run.said
    assert "run again with another load generator" in run.said
    assert run.rounds("lean-tflite") == run.rounds("lean-litert") == ALL


def test_a_torchserve_worker_that_is_killed_while_java_lives_hides_nothing(start: Start) -> None:
    run = start("--target", "torchserve", "--target", "lean-tflite").under_way()
    java = server("torchserve")
    workers = [p for p in java.children(recursive=True) if "model_service_worker" in " ".join(p.cmdline())]
    assert workers
    for worker in workers:
        worker.kill()
    run.end()
    assert "Traceback" not in run.said
    assert run.rounds("lean-tflite") == ALL
    # Java starts another one; meanwhile requests wait or fail, and each that failed is counted.
    if run.rounds("torchserve") != ALL:
        failed = [m for m in run.results["measurements"] if m["target"] == "torchserve" and m["error_count"]]
        assert failed or run.state("torchserve")["status"] == "failed"
