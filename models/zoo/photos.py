"""What the untrained networks for photos share: weights from a seed that make outputs depend on inputs, and images."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch import nn

SIZE = 224
_SEED = 0


def build(make_network: Callable[[], nn.Module], weights: Path | None, calibration_images: int) -> nn.Module:
    """Give a network in evaluation mode, with seeded weights or those of a state dict file.

    With seeded weights batch norm is calibrated, since otherwise the outputs of a network this deep would hardly depend
    on its input and every comparison would succeed.
    """
    with torch.random.fork_rng():
        torch.manual_seed(_SEED)
        network = make_network()
        if weights is None:
            _draw_weights(network)
            _calibrate_batch_norm(network, calibration_images)
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


def _calibrate_batch_norm(network: nn.Module, images: int) -> None:
    norms = [layer for layer in network.modules() if isinstance(layer, nn.BatchNorm2d)]
    momenta = [norm.momentum for norm in norms]
    for norm in norms:
        norm.momentum = 1.0  # take this batch's statistics, forget the initial ones
    network.train()
    with torch.no_grad():
        network(torch.from_numpy(samples(images, _SEED)["image"]))
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.momentum = momentum


def samples(n: int, seed: int) -> dict[str, np.ndarray]:
    """Draw n images of coloured patches in several sizes, with a little noise, in the range of normalised photos."""
    generator = np.random.default_rng(seed)
    images = generator.normal(0, 0.5, (n, 3, 1, 1)) + generator.normal(0, 0.1, (n, 3, SIZE, SIZE))
    for patches in (2, 7, 28):
        patch = np.ones((1, 1, SIZE // patches, SIZE // patches))
        images += np.kron(generator.normal(0, 0.5, (n, 3, patches, patches)), patch)
    return {"image": images.astype(np.float32)}
