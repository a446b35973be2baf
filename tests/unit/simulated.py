"""Runs and queues of which the truth is known.

The noise model of a run: log figure = log true figure + drift x time + luck. Time goes from 0 to 1 over the run's
trials in their drawn order, and the drift is linear: DRIFT in all. Luck is drawn anew for every trial, normal, with a
standard deviation of NOISE: what differs between rounds, such as the process after a restart.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from example_report import example_report
from scipy.optimize import brentq

from bakeoff.schema import Latency, Measurement

Floats = np.ndarray[Any, np.dtype[np.float64]]
NOISE = 0.02
DRIFT = 0.05
WORKLOADS = {"c1": 1, "c8": 8}
VALID = example_report().measurements[0]


def simulate_run(
    random: np.random.Generator, slowdowns: Mapping[str, float], rounds: int = 7, noise: float = NOISE
) -> list[Measurement]:
    """Return a run's measurements; a slowdown of 1.1 is a true p50 of 1.1 ms, and a throughput of 1000/1.1."""
    pairs = [(endpoint, workload) for endpoint in slowdowns for workload in WORKLOADS]
    found: list[Measurement] = []
    for number in range(rounds):
        luck = random.normal(0, noise, len(pairs))
        for place, choice in enumerate(random.permutation(len(pairs))):
            endpoint, workload = pairs[choice]
            time = (number * len(pairs) + place) / (rounds * len(pairs))
            slow = slowdowns[endpoint] * math.exp(DRIFT * time + luck[place])
            found.append(measurement(endpoint, workload, number, p50=slow, throughput=1000 / slow))
    return found


def measurement(
    endpoint: str, workload: str, round_: int, *, p50: float | None = 1.0, throughput: float = 1000.0, **more: Any
) -> Measurement:
    """Return a valid measurement of a made-up model."""
    latency = Latency(p50, p50, None, None, None, None, None)
    fields: dict[str, Any] = {
        "endpoint": endpoint,
        "model": "m",
        "target": endpoint,
        "workload": workload,
        "concurrency": WORKLOADS.get(workload, 2),
        "round": round_,
        "throughput_rps": throughput,
        "latency_ms": latency,
    }
    return replace(VALID, **(fields | more))


def queue_latencies(arrivals: Floats, service: float) -> Floats:
    """Return the time from arrival to answer at one server with a constant service time, first come first served.

    Lindley's recursion solved: the n-th answer leaves at max over k <= n of (arrival k + (n-k+1) x service).
    """
    work = service * np.arange(len(arrivals))
    return np.maximum.accumulate(arrivals - work) + work + service - arrivals


def simulate_md1(random: np.random.Generator, rate: float, service: float, seconds: float) -> Floats:
    """Return the latencies, in seconds, of Poisson arrivals during `seconds`, after a warm-up of a fifth of it."""
    warmup = seconds / 5
    arrivals = np.sort(random.uniform(-warmup, seconds, random.poisson(rate * (seconds + warmup))))
    return queue_latencies(arrivals, service)[arrivals >= 0]


def md1_exceedance(rate: float, service: float, limit: float) -> float:
    """Return the probability of a latency above `limit` in an M/D/1 queue, 1 from saturation on.

    Source: Erlang, "The theory of probabilities and telephone conversations" (1909), for the wait t = limit - service:
    P[wait <= t] = (1 - rho) sum over k <= t/service of (-u)^k/k! exp(u), with u = rate (t - k service).
    """
    load, wait = rate * service, limit - service
    if load >= 1 or wait < 0:
        return 1.0
    below = 0.0
    for k in range(int(wait / service) + 1):
        u = rate * (wait - k * service)
        below += (-u) ** k / math.factorial(k) * math.exp(u)
    return 1 - (1 - load) * below


def md1_capacity(service: float, limit: float, share: float = 0.01) -> float:
    """Return the rate at which just `share` of the latencies are above `limit`."""
    return float(brentq(lambda rate: md1_exceedance(rate, service, limit) - share, 1e-9, (1 - 1e-9) / service))
