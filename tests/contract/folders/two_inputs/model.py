"""What a user may bring: two inputs, one of integers and of a free length, and two outputs, one of which follows it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import nn

WORDS = 50
INPUTS = [
    {"name": "tokens", "dtype": "int64", "shape": [None, [2, 64]], "range": [0, WORDS - 1]},
    {"name": "features", "dtype": "float32", "shape": [None, 4]},
]
OUTPUTS = ["scores", "states"]
LENGTHS = [3, 7, 16]
ATOL, RTOL = 1e-4, 1e-4


class TwoInputs(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(WORDS, 8)
        self.hidden = nn.Linear(8, 5)
        self.head = nn.Linear(5, 3)
        self.side = nn.Linear(4, 3)

    def forward(self, tokens: torch.Tensor, features: torch.Tensor) -> dict[str, torch.Tensor]:
        states = torch.relu(self.hidden(self.embedding(tokens)))
        return {"states": states, "scores": self.head(states.mean(1)) + self.side(features)}


def build(weights: Path | None = None) -> nn.Module:
    torch.manual_seed(0)
    model = TwoInputs().eval()
    if weights is not None:
        model.load_state_dict(torch.load(weights, weights_only=True))
    return model


def samples(n: int, seed: int, length: int) -> dict[str, np.ndarray]:
    rng = np.random.default_rng([seed, length])
    return {
        "tokens": rng.integers(0, WORDS, (n, length)),
        "features": rng.normal(size=(n, 4)).astype(np.float32),
    }
