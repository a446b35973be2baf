"""What the terminal shows: progress, notes, tables."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Table as RichTable

from bakeoff.errors import printable
from bakeoff.files import as_json
from bakeoff.report.cells import Table

console = Console(stderr=True)


class TerminalShow:
    """Progress on a terminal as a bar; elsewhere (CI, a log) as one line for each thing that starts."""

    def __init__(self, bar: Progress, task: TaskID) -> None:
        self._bar, self._task = bar, task
        self._live = console.is_terminal

    def expect(self, steps: int) -> None:
        """Add steps to what is left."""
        self._bar.update(self._task, total=(self._bar.tasks[self._task].total or 0) + steps)

    def say(self, text: str) -> None:
        """Say what runs now."""
        text = printable(text)
        self._bar.update(self._task, description=text)
        if not self._live:
            done = self._bar.tasks[self._task]
            sys.stderr.write(f"[{done.completed:.0f}/{done.total or 0:.0f}] {text}\n")

    def step(self, count: int = 1) -> None:
        """Count steps as done."""
        self._bar.advance(self._task, count)

    def note(self, text: str) -> None:
        """Leave a line that stays."""
        tell(text)


def tell(text: str) -> None:
    """Print lines to stderr as they are, but for what isn't printable."""
    console.print(printable(text), markup=False, highlight=False, soft_wrap=True)


@contextmanager
def progress() -> Iterator[TerminalShow]:
    """Show progress while the block runs."""
    columns = (SpinnerColumn(), MofNCompleteColumn(), BarColumn(bar_width=24), TimeElapsedColumn())
    text = TextColumn("{task.description}", markup=False)
    with Progress(*columns, text, console=console, transient=True, disable=not console.is_terminal) as bar:
        yield TerminalShow(bar, bar.add_task("starting", total=0))


def print_table(table: Table) -> None:
    """Print a table to stdout."""
    shown = RichTable(title=_cell(table.title), title_justify="left", caption=_cell(table.says), caption_justify="left")
    for column in table.columns:
        shown.add_column(_cell(column), justify="right" if column in table.numbers else "left", overflow="fold")
    for row in table.rows:
        shown.add_row(*(_cell(cell) for cell in row))
    out = Console()
    # In a pipe there is no width to fit: a wide table beats a folded one.
    out.width = out.width if out.is_terminal else max(out.width, 200)
    out.print(shown)


def _cell(text: str) -> str:
    return escape(printable(text))


def print_rows(rows: object, table: Table, as_json_text: bool) -> None:
    """Print rows as JSON for programs, or as a table for people."""
    if as_json_text:
        sys.stdout.write(printable(as_json(rows)))
    else:
        print_table(table)
