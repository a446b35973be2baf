"""MobileNetV2, width 1.0 (Sandler et al. 2018, arXiv:1801.04381), for 3x224x224 images and 1000 classes.

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
_LAST_CHANNELS = 1280
# expansion, output channels, blocks, stride of the first block: table 2 of the paper
_STAGES = [(1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1)]
_CALIBRATION_IMAGES = 16
_SEED = 0


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
    with torch.random.fork_rng():
        torch.manual_seed(_SEED)
        network = MobileNetV2()
        if weights is None:
            _draw_weights(network)
            _calibrate_batch_norm(network)
        else:
            network.load_state_dict(torch.load(weights, weights_only=True))
    return network.eval()


def _draw_weights(network: nn.Module) -> None:
    for layer in network.modules():
        if isinstance(layer, nn.Conv2d):
            nn.init.kaiming_normal_(layer.weight, mode="fan_out")
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
