"""The highest Poisson rate whose p99 stays under an objective (MLPerf's Server scenario), and the knee of a sweep."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from bakeoff.analysis.exceedance import QUANTILE, Decision, Exceedance, summarize_exceedance
from bakeoff.analysis.summary import Floats, samples_needed

Measure = Callable[[float, int], Floats | None]
"""Latencies in ms, from the intended start and in order of arrival, of Poisson arrivals at a rate (a second) that are
drawn from a seed; +infinity for a failed request; at least one, without the warm-up. None: the trial was invalid, as
where the load generator can't offer so much."""

PATIENCE = 3
"""So many invalid trials in a row end a rate, so many such rates below all others a search: each is half of the one
before, so that fewer requests won't help."""


@dataclass(frozen=True, slots=True)
class Objective:
    """What is searched and how exactly: the p99's limit, and the largest quotient of a bracket's ends that will do."""

    slo_ms: float
    precision: float = 1.05


@dataclass(frozen=True, slots=True)
class Budget:
    """How many trials a search may make, in all and at one rate; with trials equally long, it is a budget of time."""

    trials: int
    trials_per_rate: int = 8


@dataclass(frozen=True, slots=True)
class Step:
    """One rate of a search, and what was found there; `confirms`: with fresh seeds, after the search chose it."""

    rate_rps: float
    seeds: tuple[int, ...]
    requests: int
    decision: Decision
    exceedance: Exceedance | None
    confirms: bool = False


@dataclass(frozen=True, slots=True)
class Capacity:
    """The outcome of a search.

    `low` is the highest rate found under the objective, `high` the lowest found over it; None: none was found, for
    `high` perhaps because the load generator can offer no more. `rate_rps` is `low` where the bracket is as narrow as
    asked and fresh seeds confirmed `low`; otherwise None, and the bracket is all that is known.
    """

    rate_rps: float | None
    low: float | None
    high: float | None
    steps: tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class SweepPoint:
    """One concurrency of a closed-loop sweep; the latency can be any of a trial's figures, the same for all points.

    It is None where no trial was valid.
    """

    concurrency: int
    throughput_rps: float
    latency_ms: float | None


def search_capacity(measure: Measure, start_rps: float, objective: Objective, budget: Budget, seed: int) -> Capacity:
    """Search the capacity from a rate up or down: by doubling, by bisection, then confirmed with fresh seeds.

    A rate that stays undecided is near the capacity: the search goes on beside it, where less data decides, and narrows
    the bracket around it. A rate that isn't confirmed counts as what the fresh seeds say, and the search goes on. Each
    trial, also an invalid one, takes the next seed and a part of the budget.
    """
    steps = [measure_rate(measure, start_rps, objective, budget, seed)]
    while (spent := sum(len(step.seeds) for step in steps)) < budget.trials:
        rate, confirms = choose_rate(steps, objective.precision), False
        if rate is None:
            rate, confirms = bracket_of(steps)[0], True
        if rate is None or is_confirmed(steps, rate):
            break
        left = replace(budget, trials=budget.trials - spent)
        step = measure_rate(measure, rate, objective, left, seed + spent)
        steps.append(replace(step, confirms=confirms))
    low, high = bracket_of(steps)
    narrow = low is not None and high is not None and high / low <= objective.precision
    found = low if narrow and low is not None and is_confirmed(steps, low) else None
    return Capacity(found, low, high, tuple(steps))


def measure_rate(measure: Measure, rate: float, objective: Objective, budget: Budget, seed: int) -> Step:
    """Measure a rate with seed after seed until it is decided, can't be measured, or its budget is used up."""
    trials: list[Floats] = []
    decision: Decision = "undecided"
    found = None
    tried = invalid = 0
    enough = budget.trials_per_rate
    while decision == "undecided" and invalid < PATIENCE and tried < budget.trials and len(trials) < enough:
        latencies = measure(rate, seed + tried)
        tried += 1
        if latencies is None:
            invalid += 1
            continue
        invalid = 0
        trials.append(latencies)
        decision, found = summarize_exceedance(trials, objective.slo_ms, budget.trials_per_rate)
    if not trials:
        decision = "invalid"
    return Step(rate, tuple(range(seed, seed + tried)), sum(map(len, trials)), decision, found)


def choose_rate(steps: Sequence[Step], precision: float) -> float | None:
    """Return the rate to try next, None where the bracket is narrow enough or nothing more can narrow it.

    Between the ends it is the middle, in proportion, of the wider of two gaps: from the low end up to the first
    undecided rate, and from the last undecided one up to the high end. A rate that can't be measured ends the search
    upwards as one over the objective does. Downwards it ends where too few requests come to bound a p99, and where so
    many rates in a row can't be measured that fewer requests won't help.
    """
    low, high = bracket_of(steps, frozenset({"over", "invalid"}))
    if high is None:
        return 2 * max(step.rate_rps for step in steps)
    if low is None:
        lowest = min(steps, key=lambda step: step.rate_rps)
        too_few = lowest.decision != "invalid" and lowest.requests < samples_needed(QUANTILE)
        return None if too_few or is_hopeless(steps) else lowest.rate_rps / 2
    between = [step.rate_rps for step in steps if low < step.rate_rps < high]
    gaps = [(low, min(between)), (max(between), high)] if between else [(low, high)]
    begin, end = max(gaps, key=lambda gap: gap[1] / gap[0])
    if high / low <= precision or end / begin <= precision ** (1 / 4):
        return None
    return math.sqrt(begin * end)


def bracket_of(
    steps: Sequence[Step], beyond: frozenset[Decision] = frozenset({"over"})
) -> tuple[float | None, float | None]:
    """Return the highest rate under the objective and the lowest beyond it.

    What was found of a rate last counts: a confirmation that fails takes the rate's word back, one that couldn't be
    measured doesn't. A rate under the objective that lies above one that is beyond it doesn't count: more load makes no
    queue shorter.
    """
    last: dict[float, Decision] = {}
    for step in steps:
        if step.decision != "invalid" or step.rate_rps not in last:
            last[step.rate_rps] = step.decision
    high = min((rate for rate, decision in last.items() if decision in beyond), default=None)
    under = (rate for rate, decision in last.items() if decision == "under" and (high is None or rate < high))
    return max(under, default=None), high


def is_hopeless(steps: Sequence[Step]) -> bool:
    """Return whether the lowest rates couldn't be measured, so many of them that lower ones won't be either."""
    lowest = sorted(steps, key=lambda step: step.rate_rps)[:PATIENCE]
    return len(lowest) == PATIENCE and all(step.decision == "invalid" for step in lowest)


def is_confirmed(steps: Sequence[Step], rate: float) -> bool:
    """Return whether a rate was found under the objective once more, with fresh seeds."""
    return any(step.confirms and step.rate_rps == rate and step.decision == "under" for step in steps)


def find_knee(points: Sequence[SweepPoint]) -> SweepPoint | None:
    """Return the point of a closed-loop sweep with the most power, throughput divided by latency.

    Up to the knee more callers bring more throughput than latency, beyond it the reverse. The smaller concurrency wins
    a tie; None where the last point has the most power, since the knee then lies beyond the sweep, and where no point
    has a latency.

    Source: Kleinrock, "Power and deterministic rules of thumb for probabilistic problems in computer communications",
    ICC (1979); Jain, "The Art of Computer Systems Performance Analysis", section 3.3.
    """
    known = sorted((p for p in points if p.latency_ms is not None), key=lambda point: point.concurrency)
    power = [p.throughput_rps / p.latency_ms for p in known if p.latency_ms is not None]
    if not power or power.index(max(power)) == len(power) - 1:
        return None
    return known[power.index(max(power))]


def cost_per_million(rate_rps: float, price_per_hour: float) -> float:
    """Return what a million predictions cost on a machine that makes so many a second and costs so much an hour."""
    return price_per_hour / 3600 * 1e6 / rate_rps
