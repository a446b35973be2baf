"""Prove the verdicts on runs and queues of which the truth is known: .venv/bin/python benchmarks/long/verdicts.py

Takes about four minutes of an idle CPU. Prints one line a proof, or with --json one object; ends with status 1 where a
bound is missed. tests/unit/analysis/test_compare.py and test_capacity.py hold the short versions.
"""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests" / "unit"), str(ROOT / "benchmarks")]
from clients_run import command_line  # noqa: E402
from simulated import DRIFT, NOISE, Floats, md1_capacity, simulate_md1, simulate_run  # noqa: E402

from bakeoff.analysis.capacity import Budget, Objective, search_capacity  # noqa: E402
from bakeoff.analysis.compare import compare_endpoints, compare_runs  # noqa: E402
from bakeoff.analysis.exceedance import ERROR, summarize_exceedance  # noqa: E402
from bakeoff.schema import Comparison  # noqa: E402

ENDPOINTS = 20
"""About as many as all targets and protocols make, so that the family has 38 members."""
QUEUES = ((5.0, 30.0), (10.0, 40.0), (20.0, 60.0))
"""The objective and a trial's length, both in ms and s, for a service time of 1 ms."""


@dataclass(frozen=True, slots=True)
class Proof:
    """How often something happened, and how often it may at most or must at least."""

    name: str
    cases: int
    count: int
    bound: float
    at_most: bool

    @property
    def holds(self) -> bool:
        """Whether the bound is kept."""
        return self.count <= self.bound if self.at_most else self.count >= self.bound


def rarely(name: str, happened: list[bool], share: float) -> Proof:
    """Prove that something happens in at most a share of all cases, plus two binomial standard errors."""
    cases = len(happened)
    return Proof(name, cases, sum(happened), cases * share + 2 * math.sqrt(cases * share * (1 - share)), True)


def mostly(name: str, happened: list[bool]) -> Proof:
    """Prove that something happens in at least 90% of all cases."""
    return Proof(name, len(happened), sum(happened), 0.9 * len(happened), False)


def differs(comparisons: list[Comparison], among: Callable[[str], bool] = lambda _: True) -> bool:
    """Return whether any of these endpoints is called faster or slower."""
    return any(c.verdict in {"faster", "slower"} for c in comparisons if among(c.a))


def prove_comparisons(random: np.random.Generator, runs: int) -> Iterator[Proof]:
    """Prove the verdicts within one run, and of two."""
    names = [f"e{number}" for number in range(1, ENDPOINTS)]
    equal = dict.fromkeys(["base", *names], 1.0)

    def within(slowdowns: dict[str, float], noise: float = NOISE, rounds: int = 7) -> list[Comparison]:
        return compare_endpoints(simulate_run(random, slowdowns, rounds, noise), "base")

    yield rarely("A/A: faster or slower within a run", [differs(within(equal)) for _ in range(runs)], 0.05)
    mixed = equal | {name: 1.5 for name in names[::2]}
    wrong = [differs(within(mixed), lambda name: name not in names[::2]) for _ in range(runs)]
    yield rarely("A/A beside ten real differences", wrong, 0.05)
    apart = equal | dict.fromkeys(names, 1.0501)
    same = [any(c.verdict == "same" for c in within(apart, 0.04, 30)) for _ in range(runs // 4)]
    yield rarely("just beyond the margin, 4% noise, 30 rounds: same", same, 0.05)
    calm = [[c for c in within(equal, 0.005) if c.verdict] for _ in range(runs // 10)]
    yield mostly("A/A at a noise of 0.5%: the same", [c.verdict == "same" for run in calm for c in run])
    planted = [[c for c in within(equal | {"e1": 1.1}) if c.a == "e1"] for _ in range(runs // 2)]
    found = [any(c.verdict == "slower" for c in run if (c.workload, c.metric) == ("c1", "p50")) for run in planted]
    yield mostly("A/B: 10% more latency is slower, after Holm", found)
    plain = [any(c.low and c.low > 1 for c in run if (c.workload, c.metric) == ("c8", "p50")) for run in planted]
    yield mostly("A/B: a 95% interval excludes 1", plain)
    two = [differs(compare_runs(simulate_run(random, equal), simulate_run(random, equal))) for _ in range(runs)]
    yield rarely("A/A: faster or slower across two runs", two, 0.05)


def prove_capacities(seed: int, searches: int) -> Iterator[Proof]:
    """Prove decisions and searches against M/D/1 queues."""
    for slo_ms, seconds in QUEUES:
        true = md1_capacity(1e-3, slo_ms / 1e3)

        def trial(rate: float, *seeds: int, seconds: float = seconds) -> Floats:
            return 1e3 * simulate_md1(np.random.default_rng(seeds), rate, 1e-3, seconds)

        decided = [is_decided(trial, true, slo_ms, (seed, case)) for case in range(searches)]
        yield rarely(f"M/D/1, p99 under {slo_ms:g} ms: a verdict at {true:.1f} rps itself", decided, ERROR)
        held = []
        for case in range(searches):
            measure = lambda rate, trial_seed, case=case: trial(rate, seed, case, trial_seed, 1)  # noqa: E731
            found = search_capacity(measure, 100.0, Objective(slo_ms), Budget(100), 0)
            low, high = found.low or 0.0, found.high or math.inf
            held.append(low <= true <= high <= low * 1.1)
        yield mostly(f"M/D/1, p99 under {slo_ms:g} ms: a bracket of 10% or less holds {true:.1f} rps", held)


def is_decided(trial: Callable[..., Floats], rate: float, slo_ms: float, seeds: tuple[int, int]) -> bool:
    """Return whether a rate gets a verdict within eight trials."""
    trials: list[Floats] = []
    while len(trials) < 8:
        trials.append(trial(rate, *seeds, len(trials)))
        if summarize_exceedance(trials, slo_ms, looks=8)[0] != "undecided":
            return True
    return False


def main() -> int:
    """Run the proofs; return the exit status."""
    parser = command_line(__doc__)
    parser.add_argument("--runs", type=int, default=2000, help="simulated runs a proof")
    parser.add_argument("--searches", type=int, default=100, help="capacity searches a queue")
    parser.add_argument("--seed", type=int, default=20260101)
    args = parser.parse_args()
    noise = f"{NOISE:.0%} between rounds, {DRIFT:.0%} linear drift, 7 rounds, {ENDPOINTS} endpoints"
    proofs = []
    if not args.json:
        sys.stdout.write(f"noise: {noise}\n")
    for proofs_of in (
        prove_comparisons(np.random.default_rng(args.seed), args.runs),
        prove_capacities(args.seed, args.searches),
    ):
        for proof in proofs_of:
            proofs.append(proof)
            if not args.json:
                bound = f"{'at most' if proof.at_most else 'at least'} {proof.bound:.1f}"
                sys.stdout.write(
                    f"{'ok    ' if proof.holds else 'MISSED'} {proof.name}: {proof.count} of {proof.cases} ({bound})\n"
                )
                sys.stdout.flush()
    if args.json:
        rows = [asdict(proof) | {"holds": proof.holds} for proof in proofs]
        sys.stdout.write(json.dumps({"noise": noise, "seed": args.seed, "proofs": rows}, indent=1) + "\n")
    return 0 if all(proof.holds for proof in proofs) else 1


if __name__ == "__main__":
    sys.exit(main())
