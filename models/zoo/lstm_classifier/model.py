"""A bidirectional LSTM that classifies sequences of sensor readings of any length up to 128: 142 thousand parameters.

Two layers in both directions (Hochreiter and Schmidhuber 1997), the last state of each, one linear layer. Weights are
drawn from a seed unless a state dict file is named with --weights.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import nn

INPUTS = [{"name": "readings", "dtype": "float32", "shape": [None, [2, 128], 16]}]
OUTPUTS = ["logits"]
LENGTHS = [8, 32, 128]
ATOL = 1e-4
RTOL = 0.0
UNTRAINED = True

_FEATURES = 16
_WIDTH = 64
_LAYERS = 2
_CLASSES = 6
_SEED = 0


class LstmClassifier(nn.Module):
    """The whole network."""

    def __init__(self) -> None:
        super().__init__()
        self.lstm = nn.LSTM(_FEATURES, _WIDTH, _LAYERS, batch_first=True, bidirectional=True)
        self.classifier = nn.Linear(2 * _WIDTH, _CLASSES)

    def forward(self, readings: torch.Tensor) -> torch.Tensor:
        """readings: (N, T, 16), T from 2 to 128; returns logits (N, 6)."""
        _, (last, _) = self.lstm(readings)
        return self.classifier(torch.cat([last[-2], last[-1]], dim=1))


def build(weights: Path | None = None) -> nn.Module:
    """Give the network in evaluation mode, with seeded weights or those of a state dict file."""
    with torch.random.fork_rng():
        torch.manual_seed(_SEED)
        network = LstmClassifier()
        if weights is None:
            for name, parameter in network.lstm.named_parameters():
                if name.startswith("weight"):
                    nn.init.normal_(parameter, std=0.15)
            nn.init.normal_(network.classifier.weight, std=0.3)  # logits of about one unit
        else:
            network.load_state_dict(torch.load(weights, weights_only=True))
    return network.eval()


def samples(n: int, seed: int, length: int) -> dict[str, np.ndarray]:
    """Draw n sequences: waves, each of 16 sensors with an offset, amplitude and phase of its own, and some noise."""
    generator = np.random.default_rng(seed)
    offset, amplitude, phase = generator.normal(size=(3, n, 1, _FEATURES))
    period = generator.uniform(4, 32, (n, 1, 1))
    waves = offset + amplitude * np.sin(2 * np.pi * np.arange(length)[:, None] / period + 3 * phase)
    return {"readings": (waves + generator.normal(0, 0.1, waves.shape)).astype(np.float32)}
