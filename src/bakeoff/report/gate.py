"""What comparing two runs found, for a terminal and for a pull request."""

from __future__ import annotations

from bakeoff.analysis.compare import MARGIN
from bakeoff.report.cells import Table
from bakeoff.report.judged import verdict_words
from bakeoff.report.markdown import escape, render_table
from bakeoff.report.ratios import ratio_table
from bakeoff.report.words import exact, reason_text
from bakeoff.results.gate import ACCURACY_MARGIN, Outcome

FAMILY = "the metric that each workload of the new run is judged by"
HEADLINES = {0: "no regression", 1: "REGRESSION", 2: "can't be compared"}


def headline(outcome: Outcome) -> str:
    """Return the outcome in words."""
    words = HEADLINES[outcome.status]
    if outcome.status == 2 and not outcome.reasons:
        words = "no verdict was possible"
    unsure = sum(c.verdict == "inconclusive" for c in outcome.comparisons)
    counts = [str(len(outcome.regressions))] if outcome.regressions else []
    counts += [f"{unsure} inconclusive"] if unsure else []
    return words + (f" ({', '.join(counts)})" if counts else "")


def outcome_tables(outcome: Outcome) -> list[Table]:
    """Return the ratios, what got slower first, and what weighs or answers otherwise than before."""
    of = f" of each endpoint's ratio to {outcome.reference} within its run" if outcome.reference else ""
    says = (
        f"New over old{of}: geometric means over the rounds, with a 95% interval (Welch's t on logarithms). A p50 of "
        f"1.2 is 20% slower, a throughput of 1.2 is 20% more. {verdict_words(FAMILY)} A regression is a "
        f"slower whose whole interval is beyond {MARGIN} (throughput: below {1 / MARGIN:.3f}); inconclusive ratios "
        "don't exclude one."
    )
    rows = tuple((c.name, c.what, c.word, *(exact(v, c.what) for v in (c.new, c.old))) for c in outcome.changes)
    changes = Table(
        "Sizes and accuracy that changed",
        f"Bigger and smaller: by more than {MARGIN - 1:.0%}; more and less accurate: by more than {ACCURACY_MARGIN:g}. "
        "An artifact that is bigger or less accurate is a regression; an environment or image is not.",
        ("what", "figure", "verdict", "new", "old"),
        rows,
        frozenset({"new", "old"}),
    )
    tables = [ratio_table("Speed, new over old", says, outcome.comparisons), changes]
    return [table for table in tables if table.rows]


def outcome_lines(outcome: Outcome) -> list[str]:
    """Return a line for each reason, regression and ratio without a verdict."""
    lines = [f"can't be compared: {reason_text(reason)}" for reason in outcome.reasons]
    lines += [f"regression: {reason_text(reason)}" for reason in outcome.regressions]
    return lines + [f"not judged: {reason_text(reason)}" for reason in outcome.unjudged]


def render_github(outcome: Outcome) -> str:
    """Return the outcome as Markdown for a comment on a pull request."""
    lines = [f"### bakeoff compare: {headline(outcome)}", ""]
    lines += [f"- {escape(line)}" for line in outcome_lines(outcome)]
    for table in outcome_tables(outcome):
        lines += ["", f"**{escape(table.title)}**", "", *render_table(table), "", escape(table.says)]
    return "\n".join(lines).rstrip() + "\n"
