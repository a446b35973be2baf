"""report.md: the tables for a terminal or a pull request."""

from __future__ import annotations

from bakeoff.errors import printable
from bakeoff.report.cells import Table
from bakeoff.report.tables import all_tables, apart, invalid_trials
from bakeoff.types import Report


def render_markdown(report: Report) -> str:
    """Return the report as Markdown."""
    machine = report.machine
    lines = [
        f"# bakeoff: {escape(', '.join(model.name for model in report.models)) or 'nothing measured'}",
        "",
        f"{escape(report.created_at)}, {escape(str(machine.get('cpu')))} ({escape(str(machine.get('cpus')))} CPUs), "
        f"{escape(str(machine.get('os')))}. "
        f"Made by: {escape(report.command)}",
        "",
        escape(apart(report)),
    ]
    for table in all_tables(report):
        lines += ["", f"## {escape(table.title)}", "", *render_table(table), "", escape(table.says)]
    invalid = invalid_trials(report)
    if invalid:
        lines += ["", "## Invalid trials", "", *(f"- {escape(line)}" for line in invalid)]
    return "\n".join(lines) + "\n"


def render_table(table: Table) -> list[str]:
    """Return a table as Markdown lines."""
    rule = ["---:" if column in table.numbers else "---" for column in table.columns]
    return [
        "| " + " | ".join(row) + " |" for row in (table.columns, rule, *([escape(c) for c in r] for r in table.rows))
    ]


def escape(text: str) -> str:
    """Keep a cell's text from breaking the table or becoming markup, a link or an image."""
    for character in "\\|[]`":
        text = text.replace(character, f"\\{character}")
    return printable(text.replace("<", "&lt;").replace("\n", " "))
