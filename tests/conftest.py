"""For every test, in whichever environment: what is not installed there is left alone."""

from __future__ import annotations

import importlib.util
import signal

if importlib.util.find_spec("hypothesis"):
    from hypothesis import settings

    # The same examples everywhere, and no deadline: 200 ms for an example is a limit that a busy machine breaks.
    settings.load_profile("ci")


def pytest_configure() -> None:
    """Take Ctrl-C as a terminal's children do: what starts in the background has it ignored, and hands that on."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
