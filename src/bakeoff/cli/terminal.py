"""What the terminal shows: progress, notes, tables."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.markup import escape
from rich.table import Table as RichTable

from bakeoff.cli.live import drawn
from bakeoff.errors import printable
from bakeoff.host.progress import Show, describe
from bakeoff.report.cells import Table
from bakeoff.report.words import first_line, joined, reason_text
from bakeoff.results.store import told
from bakeoff.schema import Measurement, Reason, Trial

console = Console(stderr=True)


class LineShow(Show):
    """Progress as one line for each thing that starts, for CI and logs."""

    def __init__(self) -> None:
        self._done = self._total = 0

    def expect(self, steps: int) -> None:
        """Add steps to what is left."""
        self._total += steps

    def say(self, text: str) -> None:
        """Say what runs now."""
        sys.stderr.write(f"[{self._done}/{self._total}] {printable(text)}\n")

    def step(self, count: int = 1) -> None:
        """Count steps as done."""
        self._done += count

    def note(self, what: str | Reason) -> None:
        """Leave a line."""
        sys.stderr.write(f"{printable(what if isinstance(what, str) else first_line(what))}\n")

    def begin(self, model: str, trial: Trial, rounds: int) -> None:
        """Say which trial runs now."""
        self.say(f"{model}: {describe(trial, rounds)}")

    def found(self, measurement: Measurement) -> None:
        """Say why a trial doesn't count."""
        if measurement.verdict == "invalid":
            self.note(f"{measurement.trial_id} is invalid: {joined(measurement.reasons)}")


def tell(text: str) -> None:
    """Print lines to stderr as they are, but for what isn't printable."""
    console.print(printable(text), markup=False, highlight=False, soft_wrap=True)


@contextmanager
def progress(quiet: bool = False) -> Iterator[Show]:
    """Show progress while the block runs: a picture on a terminal, which is gone at the end, else lines."""
    if quiet:
        yield Show()
    elif not console.is_terminal or console.is_dumb_terminal:
        yield LineShow()
    else:
        with drawn(console) as show:
            yield show


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
        sys.stdout.write(printable(told(rows, reason_text)))
    else:
        print_table(table)
