"""Running this checkout's command."""

from __future__ import annotations

import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def bakeoff(*arguments: str, timeout_s: float = 600) -> subprocess.CompletedProcess[str]:
    """Run scripts/bakeoff to its end."""
    command = [str(ROOT / "scripts" / "bakeoff"), *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=timeout_s)
