"""One quick run for all tests that look at what a run leaves."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def bakeoff(*arguments: str, timeout_s: float = 600) -> subprocess.CompletedProcess[str]:
    """Run scripts/bakeoff to its end."""
    command = [str(ROOT / "scripts" / "bakeoff"), *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=timeout_s)


@pytest.fixture(scope="session")
def quick_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a `scripts/bench --quick` that ended well."""
    folder = Path(os.environ["BAKEOFF_QUICK_RUN"]) if "BAKEOFF_QUICK_RUN" in os.environ else None
    if folder is not None:
        return folder
    folder = tmp_path_factory.mktemp("quick") / "run"
    command = [str(ROOT / "scripts" / "bench"), "--quick", "--out", str(folder)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=1500)
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    return folder
