"""Where the command begins: Ctrl-C and SIGTERM end it quietly also while its libraries are still being loaded."""

from __future__ import annotations

import signal
import sys
from types import FrameType


def main() -> None:
    """Load the command line and run it."""
    signal.signal(signal.SIGTERM, _end)
    try:
        from bakeoff.cli import main as run
    except KeyboardInterrupt:
        sys.exit(130)
    run()


def _end(number: int, frame: FrameType | None) -> None:
    sys.exit(128 + number)


if __name__ == "__main__":
    main()
