"""How small a difference a run can see, foretold from how unsteady the same work is now."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

# scipy.stats.t's own function, as in intervals.py.
from scipy.special import stdtrit

from bakeoff.analysis.exceedance import BLOCK_RELAXATIONS, relaxation_time
from bakeoff.analysis.intervals import FEWEST
from bakeoff.analysis.summary import Floats

CONFIDENCE = 0.95


@dataclass(frozen=True, slots=True)
class Foresight:
    """Half the width of the 95% interval that a run's ratio of two equals will have, as a share: 0.02 is 2%.

    `turns`: the two take turns at every slice, so that what outlasts a slice cancels. `apart`: nothing cancels, which
    is the limit of long turns wherever noise lasts. None: the noise lasts for too long to tell from so few slices.
    """

    turns: float | None
    apart: float | None


def foresee(seconds: Floats, run_slices: float) -> Foresight:
    """Foretell what a run of so many slices sees between two equals, from the times of slices of the same work.

    It assumes that the noise stays as it was, and that each of the two gets half of the run.
    """
    logs = np.log(seconds)
    paired = logs[: len(logs) // 2 * 2].reshape(-1, 2)
    turns = find_reach(paired[:, 1] - paired[:, 0], run_slices / 2)
    each = find_reach(logs, run_slices / 2)
    apart = None if each is None else each * math.sqrt(2)  # two means, each of half of the slices
    return Foresight(*(None if reach is None else math.expm1(reach) for reach in (turns, apart)))


def find_reach(values: Floats, count: float) -> float | None:
    """Return half the width of the 95% interval of the mean of `count` values with these values' noise.

    The values hang together, so their variance is taken from the means of blocks of ten relaxation times or more, which
    are nearly independent (batch means: Law & Kelton, "Simulation Modeling and Analysis"). None for fewer than three.
    """
    if len(values) < FEWEST:
        return None
    size = math.ceil(BLOCK_RELAXATIONS * relaxation_time(values))
    blocks = len(values) // size
    if blocks < FEWEST:
        return None
    size = len(values) // blocks
    means = values[: blocks * size].reshape(blocks, size).mean(axis=1)
    long_run_variance = size * float(np.var(means, ddof=1))
    return float(stdtrit(blocks - 1, (1 + CONFIDENCE) / 2)) * math.sqrt(long_run_variance / count)
