"""What `bakeoff capacity` found, where its folders lie in the run's."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bakeoff.analysis.capacity import Step, SweepPoint
from bakeoff.host.files import read_json, validated


@dataclass(frozen=True, slots=True)
class Found:
    """A search's outcome (`slo_ms`, rates, steps) or a sweep's (`points`, `knee`), as capacity.json holds it."""

    endpoint: str
    slo_ms: float | None = None
    rate_rps: float | None = None
    low: float | None = None
    high: float | None = None
    steps: tuple[Step, ...] = ()
    price: float | None = None
    points: tuple[SweepPoint, ...] = ()
    knee: SweepPoint | None = None


@dataclass(frozen=True, slots=True)
class Probed:
    """What of a trial the page needs."""

    model: str
    target: str


@dataclass(frozen=True, slots=True)
class Search:
    """One capacity.json."""

    found: Found
    measurements: tuple[Probed, ...]


def load_searches(folder: Path, model: str) -> list[Search]:
    """Read DIR/capacity*/capacity.json and DIR/capacity.json, of one model; UsageError where one is broken."""
    paths = sorted([*folder.glob("capacity.json"), *folder.glob("capacity*/capacity.json")])
    searches = [validated(Search, read_json(path), path) for path in paths]
    return [s for s in searches if s.measurements and s.measurements[0].model == model]


def of_kind(searches: Sequence[Search], sweep: bool) -> list[Search]:
    """Return the sweeps, or the searches under an objective."""
    return [s for s in searches if (s.found.slo_ms is None) == sweep]
