"""The eight ways in which people compare frameworks: what this run has evidence for, and what not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bakeoff.report.contest import Contest
from bakeoff.report.criteria import Versus


@dataclass(frozen=True, slots=True)
class Category:
    """One category; `measured` where this run has figures for it."""

    name: str
    measured: bool
    says: str


def categories(contests: Sequence[Contest], found: Sequence[Sequence[Versus]]) -> list[Category]:
    """Return all eight in their usual order; `found` are each contest's comparisons of frameworks."""
    return [
        Category("Popularity", False, "A count of users and posts, of which a load test knows nothing."),
        dynamic_graphs(contests),
        Category(
            "Python-friendliness", False, "A matter of taste in code that is written, not of a deployed artifact."
        ),
        Category("Debugging", False, "Happens before a model is exported; what is deployed is a graph in both."),
        Category("Visualization", False, "A property of the tools around training."),
        deployment(contests, found),
        Category("Multi-GPU training", False, "Nothing is trained here, and the run used CPUs only."),
        pretrained(contests),
    ]


def deployment(contests: Sequence[Contest], found: Sequence[Sequence[Versus]]) -> Category:
    """Count what the criteria above say, by model where there are several."""
    rows = [row for pairs in found for versus in pairs for row in versus.criteria]
    measured = [row for row in rows if row.measured]
    says = []
    for contest, pairs in zip(contests, found, strict=True):
        whose = f" of {contest.model.name}" if len(contests) > 1 else ""
        for versus in pairs:
            for side, other in (versus.sides, versus.sides[::-1]):
                if names := [row.name.lower() for row in versus.criteria if row.winner == side]:
                    against = f" against {other}" if len(pairs) > 1 else ""
                    says.append(f"{side} wins {', '.join(names)}{whose}{against}")
    said = "; ".join(says) or "No criterion has a winner"
    open_ = sum(row.winner is None for row in measured)
    return Category(
        "Deployment", bool(measured), f"{said}; {open_} without a winner, {len(rows) - len(measured)} not measured."
    )


def dynamic_graphs(contests: Sequence[Contest]) -> Category:
    """Say what was tried of shapes that change; graphs that change while they run are not deployed here."""
    held = sum(len(contest.held) for contest in contests)
    tried = held + sum(len(contest.not_held) for contest in contests)
    if not tried:
        return Category("Dynamic graphs", False, "Nothing was exported.")
    what = "batch size and length" if any(contest.model.lengths for contest in contests) else "batch size"
    says = f"Only shapes: {held} of {tried} formats took every {what} tried. "
    return Category("Dynamic graphs", True, says + "Control flow that depends on data was not measured.")


def pretrained(contests: Sequence[Contest]) -> Category:
    """Say which models were deployed; how many others could have been is not counted."""
    if not contests:
        return Category("Pretrained models", False, "No model was deployed.")
    names = ", ".join(contest.model.name for contest in contests)
    return Category(
        "Pretrained models", False, f"Deployed: {names}. How many models each world offers was not counted."
    )
