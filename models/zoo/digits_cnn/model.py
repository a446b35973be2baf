"""A small convolutional network for scikit-learn's bundled 8x8 digits, with its trained weights.

Data: sklearn.datasets.load_digits (UCI optical recognition of handwritten digits), 1797 grey images of 0..16.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
import torch
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch import nn

INPUTS = [{"name": "image", "dtype": "float32", "shape": [None, 1, 8, 8]}]
OUTPUTS = ["logits"]
ATOL = 1e-4
RTOL = 0.0

_WEIGHTS = Path(__file__).with_name("weights.pt")
_HELD_OUT = 360
_EVALUATION_BATCH = 72

Arrays = dict[str, np.ndarray]


class DigitsCNN(nn.Module):
    """Three convolutions with batch norm, mean over the image, one linear layer: about 57 thousand parameters."""

    def __init__(self) -> None:
        super().__init__()
        self.features = nn.Sequential(
            *_convolution(1, 32),
            *_convolution(32, 64),
            nn.MaxPool2d(2),
            nn.Dropout(0.2),
            *_convolution(64, 64),
        )
        self.classifier = nn.Linear(64, 10)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        """image: (N, 1, 8, 8), 0..1; returns logits (N, 10)."""
        return self.classifier(self.features(image).mean((2, 3)))


def _convolution(inputs: int, outputs: int) -> list[nn.Module]:
    return [nn.Conv2d(inputs, outputs, 3, padding=1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU()]


@cache
def split() -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Give train images (1437, 1, 8, 8), train labels, held-out images (360, 1, 8, 8), held-out labels."""
    digits = load_digits()
    images = (digits.images / 16.0).astype(np.float32)[:, None]
    train_images, held_out_images, train_labels, held_out_labels = train_test_split(
        images, digits.target, test_size=_HELD_OUT, random_state=0, stratify=digits.target
    )
    return train_images, train_labels, held_out_images, held_out_labels


def build(weights: Path | None = None) -> nn.Module:
    """Give the network in evaluation mode, with the committed weights or those of a state dict file."""
    network = DigitsCNN()
    network.load_state_dict(torch.load(weights or _WEIGHTS, weights_only=True))
    return network.eval()


def samples(n: int, seed: int) -> Arrays:
    """Draw n training images; held-out ones are kept for evaluate()."""
    images = split()[0]
    chosen = np.random.default_rng(seed).choice(len(images), n, replace=n > len(images))
    return {"image": images[chosen]}


def evaluate(predict: Callable[[Arrays], Arrays]) -> dict[str, float | int]:
    """Measure the accuracy on the held-out images."""
    _, _, images, labels = split()
    batches = [images[i : i + _EVALUATION_BATCH] for i in range(0, len(images), _EVALUATION_BATCH)]
    guesses = np.concatenate([predict({"image": batch})["logits"].argmax(axis=1) for batch in batches])
    return {"accuracy": float((guesses == labels).mean()), "samples": len(labels)}
