"""Tiny model folders for the tests of the edge formats, in whichever environment they run."""

from __future__ import annotations

from pathlib import Path

HEAD = """
import numpy as np
import torch
from torch import nn

OUTPUTS = ["scores"]
ATOL, RTOL = 1e-4, 0.0


def build(weights=None):
    with torch.random.fork_rng():
        torch.manual_seed(3)
        return Network().eval()
"""

PICTURES = """
INPUTS = [{"name": "picture", "dtype": "float32", "shape": [BATCH, 3, 8, 8]}]


class Network(nn.Module):
    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(nn.Conv2d(3, 8, 3, stride=2, padding=1), nn.BatchNorm2d(8), nn.ReLU6())
        self.head = nn.Linear(8, 5)

    def forward(self, picture):
        return FORWARD(self.head(self.features(picture).mean((2, 3))) * 20)


def samples(n, seed):
    return {"picture": np.random.default_rng(seed).normal(size=(n, 3, 8, 8)).astype(np.float32)}
"""

WORDS = """
INPUTS = [{"name": "words", "dtype": "int64", "shape": [None, [2, 12]]}]
LENGTHS = [3, 6, 12]


class Network(nn.Module):
    def __init__(self):
        super().__init__()
        self.table = nn.Embedding(50, 8)
        self.attention = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True)
        self.lstm = nn.LSTM(8, 8, batch_first=True)
        self.head = nn.Linear(8, 5)

    def forward(self, words):
        x = self.table(words)
        return self.head(FORWARD).relu() * 20


def samples(n, seed, length):
    return {"words": np.random.default_rng(seed).integers(0, 50, (n, length))}
"""

ATTENTION = "self.attention(x).mean(1)"
LSTM = "self.lstm(x)[0][:, -1]"
LOOP = "sum(x[:, i] * (i + 1) for i in range(x.shape[1]))"


def write_pictures(folder: Path, forward: str = "", batch: str = "None") -> Path:
    """Write a small CNN; forward: a function that its scores go through; batch: the first dimension of INPUTS."""
    return _write(folder, PICTURES.replace("FORWARD", forward).replace("BATCH", batch))


def write_words(folder: Path, forward: str) -> Path:
    """Write a network over texts of any length; forward: from x, its embedded words, to one vector a text."""
    return _write(folder, WORDS.replace("FORWARD", forward))


def _write(folder: Path, body: str) -> Path:
    (folder / "model.py").write_text(HEAD + body, encoding="utf-8")
    return folder
