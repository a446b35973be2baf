"""ResNet-50 (He et al. 2015, arXiv:1512.03385; v1.5: the stride is in the 3x3 convolution), 3x224x224 to 1000 classes.

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
_EXPANSION = 4
# channels within a block, blocks, stride of the first block
_STAGES = [(64, 3, 1), (128, 4, 2), (256, 6, 2), (512, 3, 2)]
_CALIBRATION_IMAGES = 8


class Bottleneck(nn.Module):
    """Narrow, convolve, widen, and add the input; a downsample fits it where shapes differ."""

    def __init__(self, inputs: int, width: int, stride: int) -> None:
        super().__init__()
        outputs = width * _EXPANSION
        self.conv1 = nn.Conv2d(inputs, width, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, stride, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.conv3 = nn.Conv2d(width, outputs, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(outputs)
        self.relu = nn.ReLU(inplace=True)
        self.downsample = None
        if stride != 1 or inputs != outputs:
            self.downsample = nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.relu(self.bn1(self.conv1(x)))
        y = self.relu(self.bn2(self.conv2(y)))
        y = self.bn3(self.conv3(y))
        return self.relu(y + (x if self.downsample is None else self.downsample(x)))


class ResNet50(nn.Module):
    """The whole network."""

    def __init__(self) -> None:
        super().__init__()
        channels = 64
        self.conv1 = nn.Conv2d(3, channels, 7, stride=2, padding=3, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        self.relu = nn.ReLU(inplace=True)
        self.maxpool = nn.MaxPool2d(3, stride=2, padding=1)
        for number, (width, blocks, stride) in enumerate(_STAGES, start=1):
            first = Bottleneck(channels, width, stride)
            channels = width * _EXPANSION
            rest = [Bottleneck(channels, width, 1) for _ in range(blocks - 1)]
            self.add_module(f"layer{number}", nn.Sequential(first, *rest))
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(channels, _CLASSES)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        """image: (N, 3, 224, 224), normalised; returns logits (N, 1000)."""
        x = self.maxpool(self.relu(self.bn1(self.conv1(image))))
        for stage in (self.layer1, self.layer2, self.layer3, self.layer4):
            x = stage(x)
        return self.fc(torch.flatten(self.avgpool(x), 1))


def build(weights: Path | None = None) -> nn.Module:
    """Give the network in evaluation mode, with seeded weights or those of a state dict file."""
    return photos.build(ResNet50, weights, _CALIBRATION_IMAGES)
