"""One quick run for all tests that look at what a run leaves."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from checkout import ROOT


@pytest.fixture(scope="session")
def quick_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a `scripts/bench --quick` that ended well."""
    folder = tmp_path_factory.mktemp("quick") / "run"
    command = [str(ROOT / "scripts" / "bench"), "--quick", "--out", str(folder)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=2400)
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    return folder
