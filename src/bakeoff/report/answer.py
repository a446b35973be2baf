"""The answer in words: what is fastest, what serves most, what is smallest, and how sure that is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from bakeoff.report.cells import number
from bakeoff.report.contest import Contest, invert
from bakeoff.report.words import certainty, endpoint_words, listed, size, times
from bakeoff.schema import Artifact, Comparison, Model, Verdict

Sureness = Literal["sure", "open", "exact", "none"]
"""A verdict supports it; nothing decides it; it was counted, not sampled; it was not measured."""


@dataclass(frozen=True, slots=True)
class Claim:
    """One answer: what was asked, who, its figure, the sentences, and how sure they are."""

    asked: str
    who: str
    figure: str
    says: str
    sure: Sureness
    why: str


UNTOLD = "not told apart from "


def claims(contest: Contest) -> list[Claim]:
    """Return a model's answers."""
    return [fastest(contest, "p50"), fastest(contest, "throughput"), smallest(contest)]


TITLES = {
    "p50": ("Answers fastest", "Lowest median latency", "ms p50"),
    "throughput": ("Serves most", "Highest throughput", "req/s"),
}


def fastest(contest: Contest, metric: str) -> Claim:
    """Say which endpoint is best at a metric; "faster" and "more" only where verdicts support it."""
    sure_title, open_title, unit = TITLES[metric]
    ranking = contest.ranking(metric)
    workload = contest.calm if metric == "p50" else contest.busy
    if not ranking or workload is None:
        callers = "one caller" if metric == "p50" else "eight callers"
        return Claim(open_title, "not measured", "", f"No valid trial at {callers}.", "none", "")
    best, *others = ranking
    who, figure = endpoint_words(contest.endpoints[best]), f"{number(contest.figure(best, metric))} {unit}"
    if not others:
        return Claim(open_title, who, figure, "Nothing else was measured to compare it with.", "none", "")
    found = {other: advantage(contest, metric, best, other) for other in others}
    beaten, behind = (of_verdict(found, verdict) for verdict in ("faster", "slower"))
    untold = [other for other in others if other not in (*beaten, *behind)]
    reference = contest.report.reference
    rival = reference if reference in found else others[0]
    says = versus(found[rival], metric, rival)
    if beaten == others:
        all_ = f"all {len(others)} others" if len(others) > 1 else "the only other"
        return Claim(sure_title, who, figure, f"{says}; ahead of {all_}.", "sure", certainty(found[rival]))
    if beaten:
        says += f"; ahead of {len(beaten)} of {len(others)} others"
        says += f", behind {listed(behind)} in the rounds that both have" if behind else ""
        says += f", {UNTOLD}{listed(untold)}" if untold else ""
    doubt = [*untold, *behind][0] if beaten else rival
    return Claim(open_title, who, figure, f"{says}.", "open", certainty(found[doubt]))


def of_verdict(found: dict[str, Comparison | None], verdict: Verdict) -> list[str]:
    """Return the endpoints against which there is this verdict."""
    return [other for other, c in found.items() if c is not None and c.verdict == verdict]


def versus(found: Comparison | None, metric: str, rival: str) -> str:
    """Say how far ahead of a rival an endpoint is; "faster" only with a verdict, and never ahead when it was behind."""
    if found is None:
        return f"No round has both it and {rival}"
    if found.ratio < 1:
        back = times(1 / found.ratio, found.high and 1 / found.high, found.low and 1 / found.low)
        return f"In the rounds that both have, {rival} was ahead by {back}"
    ratio = times(found.ratio, found.low, found.high)
    if metric == "throughput":
        return f"{ratio} the throughput of {rival}"
    return (
        f"{ratio} faster than {rival}"
        if found.verdict == "faster"
        else f"{rival} took {ratio.replace('x', ' times', 1)} as long"
    )


def advantage(contest: Contest, metric: str, a: str, b: str) -> Comparison | None:
    """Return by which multiple a is better than b, above 1 where it is: of latencies the quotient the other way."""
    found = contest.compare(metric, a, b)
    if found is None or metric == "throughput":
        return found
    return invert(found)


def smallest(contest: Contest) -> Claim:
    """Say which artifact weighs least, and what that costs in accuracy."""
    if not contest.usable:
        return Claim("Smallest artifact", "not measured", "", "Nothing was exported that can be used.", "none", "")
    best = min(contest.usable, key=lambda a: a.size_bytes)
    base = next((a for a in contest.artifacts if a.format == "torchscript"), None)
    says = f"{times(base.size_bytes / best.size_bytes)} smaller than torchscript; " if base and base is not best else ""
    says += accuracy_words(best, base, contest.model)
    return Claim("Smallest artifact", best.format, size(best.size_bytes), says + ".", "exact", "Counted, not sampled.")


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
    speed, _, small = found
    if speed.sure == "none":
        return f"{contest.model.name}: {speed.says}"
    figure = speed.figure.replace(" ms p50", "\N{NO-BREAK SPACE}ms")
    verb = "answers fastest" if speed.sure == "sure" else "had the lowest median latency"
    said = f"{speed.who} {verb}, p50 {figure}"
    if speed.sure == "sure":
        said += f", {speed.says.split('; ')[0]}"
    elif UNTOLD in speed.says:
        said += f", {UNTOLD}{speed.says.split(UNTOLD)[1].rstrip('.')}"
    else:
        said += ", though no verdict says it is the fastest"
    if small.sure == "exact":
        said += f"; smallest: {small.who}, {small.figure}, {small.says.split('; ')[-1].rstrip('.')}"
    return said + "."
