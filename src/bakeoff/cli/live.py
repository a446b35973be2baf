"""The terminal's live view of a run: what runs, what the last trials found, how long it takes yet."""

from __future__ import annotations

import math
import os
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from bakeoff.errors import printable
from bakeoff.host.progress import Show, describe
from bakeoff.report.cells import number
from bakeoff.report.judged import median_figure
from bakeoff.report.words import first_line, joined
from bakeoff.schema import Measurement, Reason, Trial
from bakeoff.schema.metrics import row_of

RECENT: Final = 8
BAR: Final = 24
TICK_S: Final = 1.0
LEAST: Final = 19
"""The lowest priority there is."""


class View(Show):
    """What is known of a run so far; rich asks it for the picture, from a thread that may draw while the run goes on.

    So each value is taken once, and collections are copied, which nothing can interrupt.
    """

    def __init__(self, console: Console, clock: Callable[[], float] = time.monotonic) -> None:
        self.live = Live(self, console=console, transient=True, auto_refresh=False)
        self._clock, self._began = clock, clock()
        self._done = self._total = 0
        self._text = "starting"
        self._running: tuple[Trial, float] | None = None
        self._recent: deque[Measurement] = deque(maxlen=RECENT)
        self._valid: dict[tuple[str, str, str], list[Measurement]] = {}
        self._invalid = self._failures = 0
        self._model, self._load_s, self._loaded_s, self._load_began = "", 0.0, 0.0, 0.0

    def expect(self, steps: int) -> None:
        """Add steps to what is left."""
        self._total += steps

    def step(self, count: int = 1) -> None:
        """Count steps as done."""
        self._done += count

    def note(self, what: str | Reason) -> None:
        """Leave a line that stays, above the picture."""
        text = what if isinstance(what, str) else first_line(what)
        self.live.console.print(printable(text), markup=False, highlight=False, soft_wrap=True)

    def expect_load(self, model: str, seconds: float) -> None:
        """Begin a model's trials, so many seconds of load."""
        self._model, self._load_s, self._loaded_s, self._load_began = model, seconds, 0.0, self._clock()

    def begin(self, model: str, trial: Trial, rounds: int) -> None:
        """Begin a trial."""
        self._text = printable(f"{model}: {describe(trial, rounds)}")
        self._running = trial, self._clock()
        self.live.refresh()

    def say(self, text: str) -> None:
        """Begin something that is no trial."""
        self._text, self._running = printable(text), None
        self.live.refresh()

    def found(self, measurement: Measurement) -> None:
        """Keep what a trial found."""
        self._recent.append(measurement)
        self._failures += measurement.error_count
        if measurement.verdict == "valid":
            place = measurement.model, measurement.endpoint, measurement.workload
            self._valid.setdefault(place, []).append(measurement)
        else:
            self._invalid += 1
        if self._running and not self._running[0].attempt:
            self._loaded_s += length_s(self._running[0])

    def seconds_left(self) -> float | None:
        """Return how long this model's trials take yet at the speed so far; None before the first is done."""
        loaded_s = self._loaded_s
        if not loaded_s:
            return None
        return max(0.0, self._load_s - loaded_s) * (self._clock() - self._load_began) / loaded_s

    def __rich__(self) -> RenderableType:
        """Return the picture."""
        lines: list[RenderableType] = [self._head(), Text(self._text, style="bold", no_wrap=True, overflow="ellipsis")]
        running, recent = self._running, list(self._recent)
        if running:
            lines.append(self._trial(*running))
        if recent:
            lines += [recent_table(recent), self._sums()]
        return Group(*lines)

    def _head(self) -> RenderableType:
        left = self.seconds_left()
        says = f"{self._done}/{self._total} done, {clock_time(self._clock() - self._began)} so far"
        if left is not None:
            says += f", about {clock_time(left)} left of {self._model}"
        row = Table.grid(padding=(0, 1))
        bar = ProgressBar(total=max(1, self._total), completed=self._done, width=BAR)
        row.add_row(bar, Text(says, no_wrap=True, overflow="ellipsis"))
        return row

    def _trial(self, trial: Trial, began: float) -> Text:
        elapsed = min(self._clock() - began, length_s(trial))
        says = f"  {elapsed:.0f} of {length_s(trial):.0f} s"
        earlier = list(self._valid.get((self._model, trial.endpoint, trial.workload.name), ()))
        if earlier:
            says += f"; {len(earlier)} valid so far: {figures_in_words(earlier)}"
        return Text(says, no_wrap=True, overflow="ellipsis")

    def _sums(self) -> Text:
        valid = sum(len(trials) for trials in list(self._valid.values()))
        says = f"trials: {valid} valid, {self._invalid} invalid; failed requests: {self._failures}"
        return Text(says, style="red" if self._invalid or self._failures else "")


def length_s(trial: Trial) -> float:
    """Return a trial's warm-up and duration."""
    return trial.workload.warmup_s + trial.workload.duration_s


def figures_in_words(trials: list[Measurement]) -> str:
    """Return the medians over trials."""
    p50, p99, rate = (number(median_figure(row_of(name), trials)) for name in ("p50", "p99", "throughput"))
    return f"p50 {p50} ms, p99 {p99} ms, {rate} req/s"


def recent_table(trials: list[Measurement]) -> Table:
    """Return the last trials with their figures, or with why they don't count."""
    table = Table(box=None, pad_edge=False, header_style="dim", expand=True)
    for column in ("", "endpoint", "workload", "round"):
        table.add_column(column, no_wrap=True)
    for column in ("p50 ms", "p99 ms", "req/s"):
        table.add_column(column, justify="right", no_wrap=True)
    # What is left of the width, so that a long reason takes nothing from the figures.
    table.add_column("", no_wrap=True, overflow="ellipsis", ratio=1)
    for m in trials:
        valid = m.verdict == "valid"
        mark = Text("ok" if valid else "!!", style="green" if valid else "red")
        figures = (number(m.latency_ms.p50), number(m.latency_ms.p99), number(m.throughput_rps))
        place = (Text(printable(m.endpoint)), Text(printable(m.workload)), str(m.round + 1))
        table.add_row(mark, *place, *figures, Text("" if valid else printable(f"invalid: {joined(m.reasons)}")))
    return table


def clock_time(seconds: float) -> str:
    """Return a time as hours, minutes and seconds."""
    minutes, rest = divmod(math.ceil(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


@contextmanager
def drawn(console: Console) -> Iterator[View]:
    """Draw the picture while the block runs; then it is gone and the cursor is back."""
    view, over = View(console), threading.Event()
    with view.live as live:
        ticker = threading.Thread(target=_tick, args=(live, over), daemon=True)
        ticker.start()
        try:
            yield view
        finally:
            over.set()
            ticker.join()


def _tick(live: Live, over: threading.Event) -> None:
    """Draw once a second, at the lowest priority: a picture takes 6 ms of CPU time, and servers share our CPUs."""
    os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), LEAST)
    while not over.wait(TICK_S):
        live.refresh()
