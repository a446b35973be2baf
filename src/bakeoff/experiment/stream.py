"""Which trials a run has, in which order, and which are made again."""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from bakeoff.analysis.completeness import is_right
from bakeoff.experiment.config import Config
from bakeoff.schema import NO_FORMAT, Endpoint, Measurement, Plan, Trial, Workload

ATTEMPTS = 3
"""A trial that is invalid is repeated at its round's end, twice at most; all tries are kept."""


def draw_round(config: Config, plan: Plan, number: int, out: Path) -> list[Trial]:
    """Return a round's trials: every endpoint with every workload that is for it, in an order drawn from the seed."""
    model = plan.model.name
    pairs = [
        (endpoint, seeded(workload, config.seed, number))
        for endpoint in plan.endpoints
        for workload in config.workloads
        if is_for(workload, endpoint, plan, number)
    ]
    random.Random(f"{config.seed} {model} {number}").shuffle(pairs)
    trials: list[Trial] = []
    for endpoint, workload in pairs:
        id = f"{model}.{endpoint.id}.{workload.name}.r{number}"
        trials.append(Trial(id, endpoint.id, workload, number, len(trials), samples_path(out, id)))
    return trials


def draw_primers(
    model: str, endpoints: Sequence[Endpoint], workloads: Sequence[Workload], prime_s: float
) -> list[Trial]:
    """Return trials that load a server's endpoints in turn as hard as any workload will, and of which nothing is kept.

    A server's first requests are not its speed: TorchServe's Java is compiled while it runs, and is several times
    slower for its first seconds.
    """
    most = max((workload.concurrency or 1 for workload in workloads), default=1)
    share_s = prime_s / max(1, len(endpoints))
    size, timeout_s = workloads[0].batch_size, workloads[0].timeout_s
    workload = Workload("prime", "closed", most, None, 0.0, share_s, batch_size=size, timeout_s=timeout_s)
    return [Trial(f"{model}.{endpoint.id}.prime", endpoint.id, workload, 0, 0, None) for endpoint in endpoints]


def is_for(workload: Workload, endpoint: Endpoint, plan: Plan, round: int) -> bool:
    """Tell whether a workload is meant for an endpoint in a round."""
    if (workload.models and endpoint.model not in workload.models) or round >= (workload.rounds or round + 1):
        return False
    sizes = [Path(path).stat().st_size for path in plan.requests[endpoint.wire][workload.batch_size]]
    return workload.max_request_bytes is None or max(sizes) <= workload.max_request_bytes


def seeded(workload: Workload, seed: int, round: int) -> Workload:
    """Return a workload with the seed of its arrivals in a round, the same for every endpoint."""
    drawn = random.Random(f"{seed} {workload.seed} {workload.name} {round}").getrandbits(53)
    return replace(workload, seed=drawn)


def left_of(trials: Iterable[Trial], measured: Mapping[str, Measurement], out: Path) -> list[Trial]:
    """Return what is still to be run of a round: trials that weren't yet, then those whose last try was disturbed."""
    left = []
    for trial in trials:
        last = measured.get(trial.id)
        while last is not None and is_worth_repeating(last) and trial.attempt + 1 < ATTEMPTS:
            trial = _again(trial, out)
            last = measured.get(trial.id)
        if last is None:
            left.append(trial)
    return left


def is_worth_repeating(measurement: Measurement) -> bool:
    """Tell whether a trial was disturbed: not where all failed or an answer was wrong, which it would be again.

    Where no request fell into the window, it is: the one before took longer than that. Floors aren't repeated: where
    they outrun the load generator, they will do so the next time.
    """
    if measurement.verdict == "valid" or measurement.format == NO_FORMAT:
        return False
    return is_right(measurement) or (measurement.request_count == 0 and not measurement.wrong_answers)


def _again(trial: Trial, out: Path) -> Trial:
    """Return a trial's next attempt, with the same arrivals."""
    attempt = trial.attempt + 1
    id = f"{trial.id.removesuffix(f'.t{trial.attempt}')}.t{attempt}"
    return replace(trial, id=id, attempt=attempt, samples=samples_path(out, id))


def samples_path(out: Path, id: str) -> str:
    """Return where a trial's samples are kept."""
    return str((out / "samples" / f"{id}.parquet").resolve())
