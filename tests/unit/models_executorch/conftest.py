"""The tests of ExecuTorch run in the environment of models/executorch; elsewhere they are left out, and say so."""

import importlib.util
import sys
from pathlib import Path

import pytest

# The package and not only its name: models/executorch is a folder that Python could take for one.
IS_EXECUTORCH_ENVIRONMENT = importlib.util.find_spec("torchao") is not None

sys.path.insert(0, str(Path(__file__).parents[3] / "models"))
collect_ignore_glob = [] if IS_EXECUTORCH_ENVIRONMENT else ["test_*.py"]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if not IS_EXECUTORCH_ENVIRONMENT:
        terminalreporter.write_line(
            "tests/unit/models_executorch left out: models/executorch/requirements.txt isn't installed"
        )
