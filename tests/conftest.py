"""For every test, in whichever environment: standard library and pytest alone."""

from __future__ import annotations

import signal


def pytest_configure() -> None:
    """Take Ctrl-C as a terminal's children do: what starts in the background has it ignored, and hands that on."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
