"""Measuring one trial: the load, what the server spent meanwhile, and what the answers and samples say."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

from bakeoff.analysis.summary import summarize_trial
from bakeoff.measure.counters import Exchange, break_down, read_settled
from bakeoff.measure.disturbance import judge_disturbance, read_counters, summarize_disturbance
from bakeoff.measure.generator import RenewedLoad
from bakeoff.measure.samples import mark_wrong, read_samples
from bakeoff.platforms.deploy import Deployment
from bakeoff.platforms.platform import Server
from bakeoff.platforms.verify import Expected, canary, wrong_rows
from bakeoff.schema import Endpoint, Measurement, Reason, Trial
from bakeoff.schema.samples import TrialSamples


def measure_trial(
    trial: Trial, endpoint: Endpoint, server: Server, deployment: Deployment, load: RenewedLoad
) -> Measurement | None:
    """Run one trial on a server that is paused before and after, and summarise it; None for one that only primes."""
    platform = deployment.platform
    platform.resume(server)
    cpus = os.sched_getaffinity(0)
    page = platform.read_metrics(server)  # outside of what is counted: a page costs the server time
    before, counters = platform.read_usage(server), read_counters(cpus)
    lost = load.lost
    sent = load.run_trial(trial, endpoint)
    after, disturbed = platform.read_usage(server), summarize_disturbance(counters, read_counters(cpus))
    pages = page, read_settled(lambda: platform.read_metrics(server), page, sent)
    platform.pause(server)
    if trial.samples is None:
        return None
    expected = deployment.expected(endpoint.target, endpoint.format)
    samples = checked_samples(Path(trial.samples), trial.workload.batch_size, endpoint, expected)
    measurement = summarize_trial(trial, endpoint, samples)
    reasons = (*measurement.reasons, *judge_disturbance(disturbed))
    measurement = replace(measurement, disturbed=disturbed, reasons=reasons, verdict="invalid" if reasons else "valid")
    if server.target.metrics is not None:
        client = Exchange(endpoint.protocol, sent, samples.mean_service_ms)
        measurement = replace(measurement, breakdown=break_down(*pages, client))
    if before is None or after is None or not sent or not platform.alive(server):
        return measurement
    if load.lost != lost:  # the server also answered a load generator whose requests nobody counted
        return measurement
    return replace(
        measurement,
        server_cpu_ms_per_request=(after.cpu_seconds - before.cpu_seconds) * 1000 / sent,
        peak_rss_bytes=after.peak_rss_bytes,
        memory_from=after.memory_from,
    )


def checked_samples(path: Path, batch_size: int, endpoint: Endpoint, expected: Expected) -> TrialSamples:
    """Read what a trial's load wrote, after the answers it kept were held to the artifact's own."""
    samples = read_samples(path)
    wrong = wrong_rows(samples, endpoint, batch_size, expected)
    if not wrong:
        return samples
    mark_wrong(path, wrong)
    return read_samples(path)


def find_failure(deployment: Deployment, server: Server, endpoint: Endpoint, nothing_came: bool) -> Reason | None:
    """Return why a server is out from here on: it ended, or it doesn't answer even a single request any more."""
    platform = deployment.platform
    if platform.alive(server) and nothing_came:
        platform.resume(server)
        problem = canary(endpoint, deployment.golden)
        platform.pause(server)
        if problem is not None:
            values = {"target": server.target.name, "endpoint": endpoint.id, "problem": problem}
            return Reason("server_silent", values)
    if platform.alive(server):
        return None
    return Reason("server_ended", {"target": server.target.name, "text": platform.last_words(server)})
