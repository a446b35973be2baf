"""ResNet-50 (He et al. 2015, arXiv:1512.03385; v1.5: the stride is in the 3x3 convolution), 3x224x224 to 1000 classes.

Parameters are named as torchvision names them, so that its published state dict files load with --weights. Without a
file the weights are drawn from a seed and batch norm is calibrated, since otherwise the outputs of a network this deep
would hardly depend on its input and every comparison would succeed.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import nn

INPUTS = [{"name": "image", "dtype": "float32", "shape": [None, 3, 224, 224]}]
OUTPUTS = ["logits"]
ATOL = 1e-4
RTOL = 0.0
UNTRAINED = True

_SIZE = 224
_CLASSES = 1000
_EXPANSION = 4
# channels within a block, blocks, stride of the first block
_STAGES = [(64, 3, 1), (128, 4, 2), (256, 6, 2), (512, 3, 2)]
_CALIBRATION_IMAGES = 8
_SEED = 0


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
    with torch.random.fork_rng():
        torch.manual_seed(_SEED)
        network = ResNet50()
        if weights is None:
            _draw_weights(network)
            _calibrate_batch_norm(network)
        else:
            network.load_state_dict(torch.load(weights, weights_only=True))
    return network.eval()


def _draw_weights(network: nn.Module) -> None:
    for layer in network.modules():
        if isinstance(layer, nn.Conv2d):
            nn.init.kaiming_normal_(layer.weight, mode="fan_out", nonlinearity="relu")
        elif isinstance(layer, nn.BatchNorm2d):
            nn.init.uniform_(layer.weight, 0.5, 1.5)
            nn.init.normal_(layer.bias, std=0.1)
        elif isinstance(layer, nn.Linear):
            nn.init.normal_(layer.weight, std=0.03)  # logits of about one unit


def _calibrate_batch_norm(network: nn.Module) -> None:
    norms = [layer for layer in network.modules() if isinstance(layer, nn.BatchNorm2d)]
    momenta = [norm.momentum for norm in norms]
    for norm in norms:
        norm.momentum = 1.0  # take this batch's statistics, forget the initial ones
    network.train()
    with torch.no_grad():
        network(torch.from_numpy(samples(_CALIBRATION_IMAGES, _SEED)["image"]))
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.momentum = momentum


def samples(n: int, seed: int) -> dict[str, np.ndarray]:
    """Draw n images of coloured patches in several sizes, with a little noise, in the range of normalised photos."""
    generator = np.random.default_rng(seed)
    images = generator.normal(0, 0.5, (n, 3, 1, 1)) + generator.normal(0, 0.1, (n, 3, _SIZE, _SIZE))
    for patches in (2, 7, 28):
        patch = np.ones((1, 1, _SIZE // patches, _SIZE // patches))
        images += np.kron(generator.normal(0, 0.5, (n, 3, patches, patches)), patch)
    return {"image": images.astype(np.float32)}
