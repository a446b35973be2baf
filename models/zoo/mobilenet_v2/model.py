"""MobileNetV2, width 1.0 (Sandler et al. 2018, arXiv:1801.04381), for 3x224x224 images and 1000 classes.

Parameters are named as torchvision names them, so that its published state dict files load with --weights. Without a
file the weights are drawn from a seed and batch norm is calibrated, since otherwise the outputs of a network this deep
would hardly depend on its input and every comparison would succeed.
"""

from __future__ import annotations

from pathlib import Path

import torch
from torch import nn
from zoo import photos

INPUTS = [{"name": "image", "dtype": "float32", "shape": [None, 3, 224, 224]}]
OUTPUTS = ["logits"]
ATOL = 1e-4
RTOL = 0.0
UNTRAINED = True
samples = photos.samples

_CLASSES = 1000
_LAST_CHANNELS = 1280
# expansion, output channels, blocks, stride of the first block: table 2 of the paper
_STAGES = [(1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1)]
_CALIBRATION_IMAGES = 16


def _convolution(inputs: int, outputs: int, kernel: int = 3, stride: int = 1, groups: int = 1) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, groups=groups, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU6(inplace=True),
    )


class InvertedResidual(nn.Module):
    """Widen, convolve each channel by itself, narrow; add the input where the shapes allow it."""

    def __init__(self, inputs: int, outputs: int, stride: int, expansion: int) -> None:
        super().__init__()
        hidden = inputs * expansion
        self.is_residual = stride == 1 and inputs == outputs
        self.conv = nn.Sequential(
            *([_convolution(inputs, hidden, kernel=1)] if expansion != 1 else []),
            _convolution(hidden, hidden, stride=stride, groups=hidden),
            nn.Conv2d(hidden, outputs, 1, bias=False),
            nn.BatchNorm2d(outputs),
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + self.conv(x) if self.is_residual else self.conv(x)


class MobileNetV2(nn.Module):
    """The whole network."""

    def __init__(self) -> None:
        super().__init__()
        channels = 32
        layers: list[nn.Module] = [_convolution(3, channels, stride=2)]
        for expansion, outputs, blocks, first_stride in _STAGES:
            for block in range(blocks):
                layers.append(InvertedResidual(channels, outputs, first_stride if block == 0 else 1, expansion))
                channels = outputs
        layers.append(_convolution(channels, _LAST_CHANNELS, kernel=1))
        self.features = nn.Sequential(*layers)
        self.classifier = nn.Sequential(nn.Dropout(0.2), nn.Linear(_LAST_CHANNELS, _CLASSES))

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        """image: (N, 3, 224, 224), normalised; returns logits (N, 1000)."""
        features = nn.functional.adaptive_avg_pool2d(self.features(image), 1)
        return self.classifier(torch.flatten(features, 1))


def build(weights: Path | None = None) -> nn.Module:
    """Give the network in evaluation mode, with seeded weights or those of a state dict file."""
    return photos.build(MobileNetV2, weights, _CALIBRATION_IMAGES)
