"""Whether a run may replace another: what got slower, bigger, less accurate or is gone, and what keeps from telling."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from typing import Literal

from bakeoff.analysis.compare import (
    MARGIN,
    ROUNDS_FOR_VERDICT,
    collect_series,
    compare_runs,
    default_reference,
    find_regressions,
    is_judged,
    series_at,
)
from bakeoff.errors import UsageError, one_of
from bakeoff.results.comparable import find_differences, workloads_of
from bakeoff.schema import FLOORS, Comparison, Measurement, Reason, Report
from bakeoff.schema.metrics import shown_in

ACCURACY_MARGIN = 0.01
"""An accuracy may fall by so much: one in a hundred samples of the model's own evaluation."""

Word = Literal["bigger", "smaller", "less accurate", "more accurate", "same"]


@dataclass(frozen=True, slots=True)
class Change:
    """A figure without noise in both runs: bytes of an artifact, an environment or an image, or an accuracy."""

    what: str
    name: str
    new: float
    old: float
    word: Word


@dataclass(frozen=True, slots=True)
class Outcome:
    """What comparing two runs found.

    `reasons` keep them from being compared, and nothing else is filled then. Each of `regressions` is a reason to
    refuse the new run. `unjudged`: why ratios of the family have no verdict.
    """

    reference: str | None = None
    reasons: tuple[Reason, ...] = ()
    comparisons: tuple[Comparison, ...] = ()
    changes: tuple[Change, ...] = ()
    regressions: tuple[Reason, ...] = ()
    unjudged: tuple[Reason, ...] = ()

    @property
    def status(self) -> int:
        """The exit status: 0 no regression, 1 a regression, 2 can't be compared, or not a single verdict was possible.

        A gate that couldn't find anything must not look like one that found nothing.
        """
        if self.reasons:
            return 2
        if self.regressions:
            return 1
        return 0 if any(c.verdict for c in self.comparisons) else 2


def judge_runs(new: Report, old: Report, relative: bool = False, reference: str | None = None) -> Outcome:
    """Compare a new run with an old one.

    With `relative`, each endpoint's ratio to the reference within its run, which another machine doesn't change as it
    does the figures themselves. Raises UsageError for a reference that has no valid trials in both.
    """
    reasons = find_differences(new, old, relative)
    if reasons:
        return Outcome(reasons=tuple(reasons))
    base = choose_reference(new, old, reference) if relative else None
    comparisons = compare_runs(new.measurements, old.measurements, base)
    changes = find_changes(new, old)
    slower = find_regressions(comparisons)
    regressions = [Reason("slower", {**_place(c), "ratio": c.ratio, "low": c.low, "high": c.high}) for c in slower]
    regressions += [Reason("changed", asdict(change)) for change in changes if is_regression(change)]
    return Outcome(
        reference=base,
        comparisons=tuple(comparisons),
        changes=tuple(changes),
        regressions=(*regressions, *find_lost(new, old)),
        unjudged=tuple(find_unjudged(comparisons, new.measurements)),
    )


def choose_reference(new: Report, old: Report, asked: str | None) -> str:
    """Return the endpoint that ratios within a run are to: the one asked for, the old run's, or the usual one."""
    common = _valid_endpoints(new) & _valid_endpoints(old)
    if asked is not None and asked not in common:
        raise UsageError(f"--reference: {asked!r} has no valid trials in both runs; allowed: {one_of(common)}")
    usual = default_reference(replace(new, measurements=tuple(m for m in new.measurements if m.endpoint in common)))
    found = asked or (old.reference if old.reference in common else usual)
    if found is None:
        raise UsageError("--relative: no endpoint has valid trials in both runs")
    return found


def find_changes(new: Report, old: Report) -> list[Change]:
    """Return the sizes and accuracies that both runs have, and that are not equal."""
    changes = []
    artifacts = {(a.model, a.format): a for a in old.artifacts}
    for a in new.artifacts:
        before = artifacts.get((a.model, a.format))
        if before is not None:
            name = f"{a.model} {a.format}"
            changes.append(_bytes("artifact bytes", name, a.size_bytes, before.size_bytes))
            if a.accuracy is not None and before.accuracy is not None:
                changes.append(_accuracy(name, a.accuracy, before.accuracy))
    installed = {state.name: state.install_bytes for state in old.targets}
    images = {image.target: image.size_bytes for image in old.images}
    weights = [("install bytes", s.name, s.install_bytes, installed.get(s.name)) for s in new.targets]
    weights += [("image bytes", i.target, i.size_bytes, images.get(i.target)) for i in new.images]
    changes += [_bytes(what, name, now, was) for what, name, now, was in weights if now and was]
    return [change for change in changes if change.new != change.old]


def is_regression(change: Change) -> bool:
    """Tell whether a change alone refuses a run: an environment or image may grow, an artifact may not."""
    return change.word == "less accurate" or (change.word == "bigger" and change.what == "artifact bytes")


def find_lost(new: Report, old: Report) -> list[Reason]:
    """Return a reason for what the old run has and the new one lacks, of the models and workloads it was asked for.

    Endpoints with valid trials there and none here, judged figures, artifacts. A floor is no contender: where nginx
    isn't installed, nothing got worse.
    """
    models = {model.name for model in new.models} | set(new.configured("models"))
    workloads = {workload.name for workload in workloads_of(new, "the new run's")}
    ours = _valid_places(new)
    lost: dict[tuple[str, str], list[str]] = defaultdict(list)
    for place in _valid_places(old):
        model, endpoint, workload = place
        if model in models and workload in workloads and place not in ours:
            lost[model, endpoint].append(workload)
    found = [
        Reason("no_valid_trial", {"model": model, "endpoint": endpoint, "workloads": ", ".join(sorted(names))})
        for (model, endpoint), names in lost.items()
    ]
    series = collect_series(new.measurements)
    for at, endpoints in collect_series(old.measurements).items():
        left = series_at(series, at)
        gone = [e for e in endpoints if e not in left and (at.model, e, at.workload) in ours]
        found += [
            Reason("metric_gone", {"model": at.model, "endpoint": e, "workload": at.workload, "metric": at.metric})
            for e in gone
            if at.judged
        ]
    artifacts = {(a.model, a.format) for a in new.artifacts}
    missing = [a for a in old.artifacts if a.model in models and (a.model, a.format) not in artifacts]
    return found + [Reason("not_exported", {"model": a.model, "format": a.format}) for a in missing]


def find_unjudged(comparisons: Iterable[Comparison], measurements: Iterable[Measurement]) -> list[Reason]:
    """Return a reason for each ratio that is of the family that gets verdicts and has too few rounds for one.

    One says so where the runs have nothing of that family in common. `measurements` are the new run's.
    """
    names = [row.name for row in shown_in("ratios")]
    family = {(m.model, m.endpoint, m.workload, name) for m in measurements for name in names if is_judged(m, name)}
    judged = [c for c in comparisons if (c.model, c.a, c.workload, c.metric) in family]
    if not judged:
        return [Reason("nothing_judged")]
    return [
        Reason("too_few_rounds", {**_place(c), "rounds": c.rounds, "needed": ROUNDS_FOR_VERDICT})
        for c in judged
        if c.verdict is None
    ]


def _valid_places(report: Report) -> dict[tuple[str, str, str], None]:
    """Return model, endpoint and workload of every valid trial but the floors', in the run's order."""
    valid = [m for m in report.measurements if m.verdict == "valid" and m.target not in FLOORS]
    return dict.fromkeys((m.model, m.endpoint, m.workload) for m in valid)


def _valid_endpoints(report: Report) -> set[str]:
    return {endpoint for _, endpoint, _ in _valid_places(report)}


def _bytes(what: str, name: str, new: int, old: int) -> Change:
    word: Word = "bigger" if new > old * MARGIN else "smaller" if new < old / MARGIN else "same"
    return Change(what, name, new, old, word)


def _accuracy(name: str, new: float, old: float) -> Change:
    difference = round(new - old, 9)
    word: Word = "same"
    if abs(difference) > ACCURACY_MARGIN:
        word = "more accurate" if difference > 0 else "less accurate"
    return Change("accuracy", name, new, old, word)


def _place(c: Comparison) -> dict[str, str]:
    return {"model": c.model, "endpoint": c.a, "workload": c.workload, "metric": c.metric}
