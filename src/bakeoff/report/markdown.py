"""report.md: what a pull request or a terminal shows first, and the rest folded away."""

from __future__ import annotations

import re
from dataclasses import replace

from bakeoff.errors import printable
from bakeoff.report.answer import claims
from bakeoff.report.cells import Table
from bakeoff.report.contest import Contest
from bakeoff.report.judged import family_words
from bakeoff.report.ratios import comparison_table, references
from bakeoff.report.tables import all_tables, apart, result_table
from bakeoff.report.words import first_line, joined, reason_text
from bakeoff.schema import Report

LINE_BREAKS = re.compile(r"[\n\r\v\f\x1c-\x1e\x85\u2028\u2029]+")
SPECIAL = re.compile(r"[\\|\[\]`*~]")


def render_markdown(report: Report) -> str:
    """Return the report as Markdown: figures and comparisons in sight, the other tables behind a click."""
    first = [short_table(report), *(result_table(report, model.name) for model in report.models)]
    shown = [table for table in (*first, judged_table(report)) if table.rows]
    folded = [table for table in all_tables(report) if table.title not in {table.title for table in shown}]
    names = ", ".join(model.name for model in report.models)
    lines = [f"# bakeoff: {escape(names) or 'nothing measured'}", "", *_unavailable(report)]
    for table in shown:
        lines += [f"## {escape(table.title)}", "", *render_table(table), "", escape(table.says), ""]
    lines += _invalid(report)
    for table in folded:
        lines += _details(table.title, [*render_table(table), "", escape(table.says)])
    return "\n".join([*lines, *_made_by(report)]) + "\n"


def short_table(report: Report) -> Table:
    """Return the page's answers, by model."""
    rows = []
    for model in report.models:
        for claim in claims(Contest(report, model)):
            figure = f", {claim.figure}" if claim.figure else ""
            rows.append((model.name, claim.asked, f"{claim.who}{figure}: {claim.says}", claim.why))
    says = (
        f"Medians over the valid trials: {family_words(report)}. What is called fastest, or to serve most, has a "
        "verdict against all others. These verdicts are of all pairs, so their intervals are wider than those of the "
        "ratios to the reference alone."
    )
    return Table("In short", says, ("model", "question", "answer", "how sure"), tuple(rows), frozenset())


def judged_table(report: Report) -> Table:
    """Return the ratios that have a verdict; those without are folded away, with all of them."""
    every = comparison_table(report)
    rows = tuple(row for row in every.rows if row[every.columns.index("verdict")])
    return replace(every, title=f"Verdicts against {references(report)}", rows=rows)


def _unavailable(report: Report) -> list[str]:
    lines = []
    for state in report.targets:
        if state.status != "available":
            why = first_line(state.reason)
            remedy = f" ({escape(reason_text(state.remedy))})" if state.remedy else ""
            lines.append(f"- **{escape(state.name)}** is {state.status}: {escape(why)}{remedy}")
    return [*lines, ""] if lines else []


def _invalid(report: Report) -> list[str]:
    """Return the trials that don't count, folded, with their number in sight."""
    found = [m for m in report.measurements if m.verdict == "invalid"]
    if not found:
        return []
    title = f"{len(found)} of {len(report.measurements)} trials are invalid and count nowhere"
    return _details(title, [f"- {escape(f'{m.trial_id}: {joined(m.reasons)}')}" for m in found])


def _details(title: str, lines: list[str]) -> list[str]:
    # Without the empty line GitHub takes what follows for HTML.
    return ["<details>", f"<summary>{escape(title)}</summary>", "", *lines, "", "</details>", ""]


def _made_by(report: Report) -> list[str]:
    machine = report.machine
    where = f"{machine.get('cpu')} ({machine.get('cpus')} CPUs), {machine.get('os')}"
    return [f"{escape(f'{report.created_at}, {where}. {apart(report)}')} Made by:", "", *_code(report.command)]


def _code(text: str) -> list[str]:
    """Return text as a code block that nothing in it can end."""
    ticks = max((len(run) for run in re.findall(r"`+", text)), default=0)
    fence = "`" * max(3, ticks + 1)
    return [f"{fence}sh", LINE_BREAKS.sub(" ", text), fence]


def render_table(table: Table) -> list[str]:
    """Return a table as Markdown lines."""
    rule = ["---:" if column in table.numbers else "---" for column in table.columns]
    rows = ([escape(cell) for cell in row] for row in (table.columns, *table.rows))
    head, *body = ("| " + " | ".join(row) + " |" for row in rows)
    return [head, "| " + " | ".join(rule) + " |", *body]


def escape(text: str) -> str:
    """Keep text from breaking a table or a line, and from becoming markup, a link or an image."""
    plain = printable(LINE_BREAKS.sub(" ", text)).replace("&", "&amp;").replace("<", "&lt;")
    return SPECIAL.sub(r"\\\g<0>", plain)
