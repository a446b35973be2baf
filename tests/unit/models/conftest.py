"""The tests of models/ run in the environment of models/requirements.txt; elsewhere they are left out, and say so."""

import importlib.util
import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

MODELS = Path(__file__).parents[3] / "models"
IS_EXPORT_ENVIRONMENT = all(importlib.util.find_spec(name) for name in ("torch", "tensorflow", "ai_edge_litert"))

sys.path.insert(0, str(MODELS))
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
collect_ignore_glob = [] if IS_EXPORT_ENVIRONMENT else ["test_*.py"]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if not IS_EXPORT_ENVIRONMENT:
        terminalreporter.write_line("tests/unit/models left out: models/requirements.txt is not installed here")


SMALL_MODEL = '''
import numpy as np
import torch
from pathlib import Path
from torch import nn

INPUTS = [{"name": "picture", "dtype": "float32", "shape": [None, 3, 8, 8]}]
OUTPUTS = ["scores", "features"]
ATOL, RTOL = 1e-4, 0.0


class Small(nn.Module):
    """A little of everything a CNN holds, so that every format has to cope with it."""

    def __init__(self):
        super().__init__()
        self.stem = nn.Sequential(
            nn.Conv2d(3, 8, 3, stride=2, padding=1), nn.BatchNorm2d(8), nn.Hardswish(), nn.MaxPool2d(3, 1, 1)
        )
        self.grouped = nn.Sequential(nn.Conv2d(8, 8, 3, padding=1, groups=2), nn.GELU(), nn.MaxPool2d(3, 2, 1))
        self.depthwise = nn.Sequential(nn.Conv2d(8, 8, 3, padding=1, groups=8), nn.SiLU(), nn.AvgPool2d(2))
        self.head = nn.Linear(8, 5)

    def forward(self, picture):
        features = self.depthwise(self.grouped(self.stem(picture))).flatten(1)
        return nn.functional.softmax(FORWARD(self.head(features)) * 20, -1), features


def build(weights=None):
    with torch.random.fork_rng():
        torch.manual_seed(3)
        network = Small()
    if weights:
        network.load_state_dict(torch.load(weights, weights_only=True))
    return network.eval()


def samples(n, seed):
    return {"picture": np.random.default_rng(seed).normal(size=(n, 3, 8, 8)).astype(np.float32)}
'''


@pytest.fixture(scope="session")
def make_model_folder(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """Give a function that writes a model folder; forward is a function the logits go through."""

    def make(forward: str = "", extra: str = "", name: str = "small") -> Path:
        folder = tmp_path_factory.mktemp("zoo") / name
        folder.mkdir()
        (folder / "model.py").write_text(SMALL_MODEL.replace("FORWARD", forward) + extra)
        return folder

    return make


SEQUENCES = """
import numpy as np
import torch
from torch import nn

INPUTS = [
    {"name": "tokens", "dtype": "int64", "shape": [[1, 64], [2, 16]], "range": [0, 9]},
    {"name": "weight", "dtype": "float32", "shape": [[1, 64], 3]},
]
OUTPUTS = ["logits", "each"]
LENGTHS = [4, 9]
ATOL, RTOL = 1e-4, 0.0


class Sequences(nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(10, 6)
        self.head = nn.Linear(6, 3)

    def forward(self, tokens, weight):
        each = self.head(self.embedding(tokens))
        return {"each": each, "logits": each.sum(1) * weight, "unused": weight}


def build(weights=None):
    with torch.random.fork_rng():
        torch.manual_seed(5)
        return Sequences().eval()


def samples(n, seed, length):
    generator = np.random.default_rng(seed)
    weight = generator.normal(size=(n, 3)).astype(np.float32)
    return {"tokens": generator.integers(0, 10, (n, length)), "weight": weight}


"""


@pytest.fixture(scope="session")
def make_sequences(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """Give a function that writes a model folder with two inputs, a free length and a dict of outputs."""

    def make(extra: str = "") -> Path:
        folder = tmp_path_factory.mktemp("own") / "sequences"
        folder.mkdir()
        (folder / "model.py").write_text(SEQUENCES + extra)
        return folder

    return make
