"""A transformer encoder that classifies texts of any length up to 128 tokens: about 1.3 million parameters.

Embeddings of tokens and positions, four layers of self-attention and feed-forward (Vaswani et al. 2017,
arXiv:1706.03762, with the norms first), the mean over the text, one linear layer. Weights are drawn from a seed unless
a state dict file is named with --weights.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import nn

INPUTS = [{"name": "tokens", "dtype": "int64", "shape": [None, [2, 128]], "range": [0, 3999]}]
OUTPUTS = ["logits"]
LENGTHS = [8, 32, 128]
ATOL = 1e-4
RTOL = 0.0
UNTRAINED = True

_TOKENS = 4000
_POSITIONS = 128
_WIDTH = 128
_HEADS = 4
_LAYERS = 4
_CLASSES = 8
_TOPICS = 32
_SEED = 0


class TextEncoder(nn.Module):
    """The whole network."""

    def __init__(self) -> None:
        super().__init__()
        self.token = nn.Embedding(_TOKENS, _WIDTH)
        self.position = nn.Embedding(_POSITIONS, _WIDTH)
        layer = nn.TransformerEncoderLayer(
            _WIDTH, _HEADS, dim_feedforward=4 * _WIDTH, activation="gelu", batch_first=True, norm_first=True
        )
        self.encoder = nn.TransformerEncoder(layer, _LAYERS, enable_nested_tensor=False)
        self.norm = nn.LayerNorm(_WIDTH)
        self.classifier = nn.Linear(_WIDTH, _CLASSES)

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        """tokens: (N, T), T from 2 to 128; returns logits (N, 8)."""
        positions = torch.arange(tokens.shape[1], device=tokens.device)
        texts = self.encoder(self.token(tokens) + self.position(positions))
        return self.classifier(self.norm(texts).mean(1))


def build(weights: Path | None = None) -> nn.Module:
    """Give the network in evaluation mode, with seeded weights or those of a state dict file."""
    with torch.random.fork_rng():
        torch.manual_seed(_SEED)
        network = TextEncoder()
        if weights is None:
            for parameter in network.encoder.parameters():  # nn.TransformerEncoder makes all layers equal
                if parameter.dim() > 1:
                    nn.init.xavier_uniform_(parameter)
            nn.init.normal_(network.position.weight, std=0.3)
            nn.init.normal_(network.classifier.weight, std=0.3)  # logits of about one unit
        else:
            network.load_state_dict(torch.load(weights, weights_only=True))
    return network.eval()


def samples(n: int, seed: int, length: int) -> dict[str, np.ndarray]:
    """Draw n texts: each takes most of its tokens from the few that its topic has, so that texts differ as a whole."""
    generator = np.random.default_rng(seed)
    topic = generator.integers(0, _TOPICS, (n, 1))
    of_topic = generator.integers(0, 8, (n, length)) * _TOPICS + topic
    anything = generator.integers(0, _TOKENS, (n, length))
    return {"tokens": np.where(generator.random((n, length)) < 0.7, of_topic, anything)}
