"""For every test, in whichever environment: what is not installed there is left alone."""

from __future__ import annotations

import importlib.util
import json
import os
import signal
from collections import Counter
from pathlib import Path
from typing import Any

if importlib.util.find_spec("hypothesis"):
    from hypothesis import settings

    # The same examples everywhere, and no deadline: 200 ms for an example is a limit that a busy machine breaks.
    settings.load_profile("ci")


def pytest_configure() -> None:
    """Take Ctrl-C as a terminal's children do: what starts in the background has it ignored, and hands that on."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Leave a tally for scripts/test: how many tests ended how, and why some were skipped."""
    path = os.environ.get("BAKEOFF_TEST_TALLY")
    if path is None:
        return
    stats = terminalreporter.stats
    counts = {how: len(stats.get(how, ())) for how in ("passed", "failed", "error", "skipped")}
    skipped = Counter(str(report.longrepr[2]).removeprefix("Skipped: ") for report in stats.get("skipped", ()))
    Path(path).write_text(json.dumps({"counts": counts, "skipped": skipped}), encoding="utf-8")
