"""What a run shows while it goes on, on a terminal that is looked at, and elsewhere."""

from __future__ import annotations

import fcntl
import io
import os
import pty
import signal
import struct
import subprocess
import sys
import termios
from dataclasses import replace
from pathlib import Path

import pyte
import pytest
from example_report import example_report
from fake_run import REASON, show_run
from rich.console import Console

from bakeoff.cli.live import View, clock_time
from bakeoff.schema import Trial, Workload, quoted

PROGRAM = str(Path(__file__).parents[1].joinpath("fake_run.py"))
COLUMNS, LINES = 110, 30
SET = ("NO_COLOR", "FORCE_COLOR", "COLUMNS", "LINES", "TTY_COMPATIBLE", "TTY_INTERACTIVE")
PLAIN = {name: value for name, value in os.environ.items() if name not in SET}
COLOURS = (b"\x1b[31m", b"\x1b[32m")
SHOW, HIDE = b"\x1b[?25h", b"\x1b[?25l"


class Terminal:
    """A program on a pseudo-terminal, and what is on its screen."""

    def __init__(self, *arguments: str, **environment: str) -> None:
        ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", LINES, COLUMNS, 0, 0))
        command = [sys.executable, PROGRAM, *arguments]
        env = {**PLAIN, "TERM": "xterm-256color", **environment}
        self.process = subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs, env=env)
        os.close(theirs)
        self.said = b""
        self._from = ours
        self._screen = pyte.Screen(COLUMNS, LINES)
        self._stream = pyte.ByteStream(self._screen)

    def read(self) -> bool:
        """Read on; tell whether there was more."""
        try:
            more = os.read(self._from, 65536)
        except OSError:  # Linux's way to say that nobody holds the other end
            return False
        self.said += more
        self._stream.feed(more)
        return bool(more)

    def read_until(self, *texts: str) -> None:
        """Read until the screen shows all these texts; the test's own timeout bounds it."""
        while not all(text in self.screen for text in texts):
            assert self.read(), f"it ended without {texts}:\n{self.screen}"

    def end(self) -> int:
        """Read to the end; return the exit status."""
        while self.read():
            pass
        os.close(self._from)
        return self.process.wait(60)

    @property
    def screen(self) -> str:
        """What can be seen."""
        return "\n".join(line.rstrip() for line in self._screen.display)


@pytest.fixture(autouse=True)
def plain(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have none of the variables by which a user or a CI forces a terminal or colours."""
    for name in SET:
        monkeypatch.delenv(name, raising=False)


def test_a_terminal_shows_the_run_until_ctrl_c_and_has_its_cursor_back() -> None:
    terminal = Terminal("wait")
    terminal.read_until(
        "2/3 done",
        "left of digits_cnn",
        "digits_cnn: lean-tflite-grpc c1, round 2 of 3",
        "of 5 s; 1 valid so far: p50 0.4 ms, p99 2.5 ms, 1,234 req/s",
        "invalid: the lag was 9 ms",
        "trials: 1 valid, 1 invalid",
    )
    row = next(line for line in terminal.screen.splitlines() if line.startswith("ok"))
    assert row.split() == ["ok", "lean-tflite-grpc", "c1", "1", "0.4", "2.5", "1,234"]
    assert next(line for line in terminal.screen.splitlines() if line.startswith("!!")).split()[1] == "echo-rest"
    assert HIDE in terminal.said and SHOW not in terminal.said
    terminal.process.send_signal(signal.SIGINT)
    assert terminal.end() == 130
    assert terminal.said.rindex(SHOW) > terminal.said.rindex(HIDE)
    assert all(colour in terminal.said for colour in COLOURS)
    assert "round 2 of 3" not in terminal.screen, "the picture is gone, and notes stay"
    assert "tfserving is unavailable: [red]not on PATH[/red]" in terminal.screen


def test_no_color_has_none_and_an_end_brings_the_cursor_back() -> None:
    terminal = Terminal(NO_COLOR="1")
    assert terminal.end() == 0
    assert not any(colour in terminal.said for colour in (*COLOURS, b"\x1b[38;5"))
    assert terminal.said.rindex(SHOW) > terminal.said.rindex(HIDE)


def test_a_terminal_that_can_do_nothing_gets_lines() -> None:
    terminal = Terminal(TERM="dumb")
    assert terminal.end() == 0
    assert b"\x1b" not in terminal.said and b"[2/3] digits_cnn: lean-tflite-grpc c1, round 2 of 3" in terminal.said


def test_elsewhere_there_are_lines_of_what_starts_and_what_went_wrong(capsys: pytest.CaptureFixture[str]) -> None:
    show_run()
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.splitlines() == [
        "tfserving is unavailable: [red]not on PATH[/red]",
        "[0/3] digits_cnn: lean-tflite-grpc c1, round 1 of 3",
        "[1/3] digits_cnn: echo-rest c1, round 1 of 3",
        f"m.echo is invalid: {REASON}",
        "[2/3] digits_cnn: lean-tflite-grpc c1, round 2 of 3",
    ]


def test_quiet_is_quiet(capsys: pytest.CaptureFixture[str]) -> None:
    show_run(quiet=True)
    assert tuple(capsys.readouterr()) == ("", "")


def test_the_time_left_follows_the_pace() -> None:
    now = 0.0
    view = View(Console(file=io.StringIO()), lambda: now)
    view.expect_load("m", 100.0)
    assert view.seconds_left() is None
    workload = Workload("c1", "closed", 1, warmup_s=5.0, duration_s=20.0)
    view.begin("m", Trial("t", "e", workload, 0, 0, None), 1)
    now = 50.0
    view.found(example_report().measurements[0])
    assert view.seconds_left() == 150.0, "25 s of load took 50 s, and 75 s are left"


def test_times_are_read_easily() -> None:
    assert [clock_time(s) for s in (0, 59.2, 61, 3661)] == ["0:00", "1:00", "1:01", "1:01:01"]


def test_a_terminal_is_shown_nothing_that_it_would_obey() -> None:
    hostile = "\x1b]0;title\x07 \x9b2J"
    out = io.StringIO()
    console = Console(file=out, width=200)
    view = View(console)
    trial = example_report().measurements[0]
    view.found(replace(trial, endpoint=hostile, workload=hostile, verdict="invalid", reasons=(quoted(hostile),)))
    view.note(hostile)
    for begin in (
        lambda: view.say(hostile),
        lambda: view.begin(hostile, Trial("t", hostile, Workload("c1", "closed", 1), 0, 0, None), 1),
    ):
        begin()
        console.print(view)
    said = out.getvalue()
    assert said.count("\\u001b]0;title") >= 9 and not set(said) & set("\x1b\x07\x9b")
