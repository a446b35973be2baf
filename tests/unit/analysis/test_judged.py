"""Which ratios get verdicts: those of the metric that a workload is judged by."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from simulated import simulate_run

from bakeoff.analysis.compare import compare_endpoints


def test_the_family_is_p50_at_one_caller_and_throughput_at_eight() -> None:
    random = np.random.default_rng(1)
    found = compare_endpoints(simulate_run(random, {"base": 1.0, "a": 2.0, "b": 1.0}), "base")
    judged = {(c.a, c.workload, c.metric): c.verdict for c in found if c.verdict}
    assert judged.keys() == {(e, *place) for e in "ab" for place in (("c1", "p50"), ("c8", "throughput"))}
    assert judged["a", "c1", "p50"] == judged["a", "c8", "throughput"] == "slower"
    assert all(c.confidence == 0.95 for c in found if c.verdict is None)
    assert {c.confidence for c in found if c.verdict} == {1 - 0.05 / 4, 1 - 0.05 / 3}


def test_a_workload_is_judged_by_what_its_experiment_says() -> None:
    random = np.random.default_rng(1)
    run = [
        replace(
            m,
            workload="two" if m.workload == "c1" else "open",
            arrival="closed" if m.workload == "c1" else "poisson",
            concurrency=2 if m.workload == "c1" else None,
            judged_by="p50" if m.workload == "c1" else "p99",
            latency_ms=replace(m.latency_ms, p99=3 * (m.latency_ms.p50 or 0)),
        )
        for m in simulate_run(random, {"base": 1.0, "a": 2.0})
    ]
    judged = {(c.workload, c.metric): c.verdict for c in compare_endpoints(run, "base") if c.verdict}
    assert judged == {("two", "p50"): "slower", ("open", "p99"): "slower"}
    silent = [replace(m, judged_by="") for m in run]
    assert not [c for c in compare_endpoints(silent, "base") if c.verdict]


def test_what_an_older_run_does_not_say_is_judged_as_it_was_then() -> None:
    new = simulate_run(np.random.default_rng(1), {"base": 1.0, "a": 2.0})
    said = [replace(m, judged_by="p50" if m.workload == "c1" else "throughput") for m in new]
    assert compare_endpoints(said, "base") == compare_endpoints(new, "base")


def test_more_rows_a_request_are_another_question() -> None:
    run = [replace(m, batch_size=8) for m in simulate_run(np.random.default_rng(1), {"base": 1.0, "a": 2.0})]
    assert all(c.verdict is None for c in compare_endpoints(run, "base"))
