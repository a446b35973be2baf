"""The answer in words: what is fastest, what serves most, what is smallest, and how sure that is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from bakeoff.report.cells import number
from bakeoff.report.contest import Contest, invert
from bakeoff.report.words import certainty, endpoint_words, listed, size, times
from bakeoff.schema import Artifact, Comparison, Model
from bakeoff.schema.metrics import Metric

Sureness = Literal["sure", "open", "exact", "none"]
"""A verdict supports it; nothing decides it; it was counted, not sampled; it was not measured."""


@dataclass(frozen=True, slots=True)
class Claim:
    """One answer: what was asked, who, its figure, the sentences, how sure they are, and what the headline says."""

    asked: str
    who: str
    figure: str
    says: str
    sure: Sureness
    why: str
    short: str = ""


@dataclass(frozen=True, slots=True)
class Title:
    """What being best at a metric is called: sure, open, and as the headline's verbs."""

    sure: str
    open: str
    sure_verb: str
    open_verb: str


TITLES = {
    "p50": Title("Answers fastest", "Lowest median latency", "answers fastest", "had the lowest median latency"),
    "throughput": Title("Serves most", "Highest throughput", "serves most", "had the highest throughput"),
}


def title_of(metric: Metric) -> Title:
    """Return what being best at a metric is called."""
    known = TITLES.get(metric.name)
    if known is not None:
        return known
    end = f"{'lowest' if metric.better == 'less' else 'highest'} {metric.title}"
    return Title(f"Best {metric.title}", end.capitalize(), f"has the {end}", f"had the {end}")


def claims(contest: Contest) -> list[Claim]:
    """Return a model's answers."""
    return [*(best_at(contest, metric) for metric in contest.metrics), smallest(contest)]


def best_at(contest: Contest, metric: Metric) -> Claim:
    """Say which endpoint is best at a metric; "faster" and "more" only where verdicts support it."""
    title, ranking = title_of(metric), contest.ranking(metric.name)
    if not ranking:
        return Claim(title.open, "not measured", "", f"No valid trial at {contest.load(metric.name)}.", "none", "")
    best, *others = ranking
    value = number(contest.figure(best, metric.name))
    who, figure = endpoint_words(contest.endpoints[best]), f"{value} {metric.quantity}"
    if not others:
        return Claim(title.open, who, figure, "Nothing else was measured to compare it with.", "none", "")
    found = {other: contest.advantage(metric.name, best, other) for other in others}
    verdicts = {other: c.verdict for other, c in found.items() if c is not None}
    beaten, behind = ([e for e in verdicts if verdicts[e] == verdict] for verdict in ("faster", "slower"))
    untold = [other for other in others if other not in (*beaten, *behind)]
    reference = contest.report.reference
    rival = reference if reference in found else others[0]
    says = versus(found[rival], metric, rival)
    short = f"{metric.label} {value}\N{NO-BREAK SPACE}{metric.unit}, ".lstrip()
    if beaten == others:
        all_ = f"all {len(others)} others" if len(others) > 1 else "the only other"
        short = f"{who} {title.sure_verb}, {short}{says}"
        return Claim(title.sure, who, figure, f"{says}; ahead of {all_}.", "sure", certainty(found[rival]), short)
    if beaten:
        says += f"; ahead of {len(beaten)} of {len(others)} others"
        says += f", behind {listed(behind)} in the rounds that both have" if behind else ""
        says += f", not told apart from {listed(untold)}" if untold else ""
    doubt = [*untold, *behind][0] if beaten else rival
    short = f"{who} {title.open_verb}, {short}"
    doubts = f"though no verdict says it is {'the fastest' if metric.better == 'less' else 'ahead'}"
    short += f"not told apart from {listed(untold)}" if beaten and untold else doubts
    return Claim(title.open, who, figure, f"{says}.", "open", certainty(found[doubt]), short)


def versus(found: Comparison | None, metric: Metric, rival: str) -> str:
    """Say how far ahead of a rival an endpoint is; "faster" only with a verdict, and never ahead when it was behind."""
    if found is None:
        return f"No round has both it and {rival}"
    if found.ratio < 1:
        back = invert(found)
        return f"In the rounds that both have, {rival} was ahead by {times(back.ratio, back.low, back.high)}"
    ratio = times(found.ratio, found.low, found.high)
    if metric.better == "more":
        return f"{ratio} the {metric.name} of {rival}"
    if found.verdict == "faster":
        return f"{ratio} faster than {rival}"
    return f"{rival} took {times(found.ratio, found.low, found.high, ' times')} as long"


def smallest(contest: Contest) -> Claim:
    """Say which artifact weighs least, and what that costs in accuracy."""
    if not contest.usable:
        return Claim("Smallest artifact", "not measured", "", "Nothing was exported that can be used.", "none", "")
    best = min(contest.usable, key=lambda a: a.size_bytes)
    base = next((a for a in contest.artifacts if a.format == "torchscript"), None)
    says = f"{times(base.size_bytes / best.size_bytes)} smaller than torchscript; " if base and base is not best else ""
    weight, accuracy = size(best.size_bytes), accuracy_words(best, base, contest.model)
    short = f"smallest: {best.format}, {weight}, {accuracy}"
    return Claim(
        "Smallest artifact", best.format, weight, f"{says}{accuracy}.", "exact", "Counted, not sampled.", short
    )


def accuracy_words(artifact: Artifact, base: Artifact | None, model: Model) -> str:
    """Return what a format costs in accuracy against PyTorch's own, or torchscript's where that isn't known."""
    if artifact.accuracy is None:
        why = "its weights were drawn at random" if model.untrained else "the model has no evaluation"
        return f"its accuracy was not measured: {why}"
    reference = model.accuracy if model.accuracy is not None else base.accuracy if base else None
    if reference is None:
        return f"accuracy {artifact.accuracy:.4f}"
    lost = reference - artifact.accuracy
    if lost > 0:
        return f"accuracy {artifact.accuracy:.4f}, {lost:.4f} less"
    return f"no accuracy lost ({artifact.accuracy:.4f})"


def headline(contest: Contest, found: Sequence[Claim]) -> str:
    """Return the sentence that stands on top: who is fastest, said as surely as it is known, and what is smallest."""
    first, *_, small = found
    if first.sure == "none":
        return f"{contest.model.name}: {first.says}"
    return "; ".join(part for part in (first.short, small.short) if part) + "."
