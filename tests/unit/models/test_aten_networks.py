"""Small copies of the classic networks' blocks: the same numbers as PyTorch, in TensorFlow and TensorFlow Lite."""

from collections.abc import Callable

import numpy as np
import pytest
import tensorflow as tf
import torch
from ai_edge_litert.interpreter import Interpreter
from aten_to_tf.convert import Input, convert
from torch import nn
from torch.nn import functional as F

IMAGE = Input("x", "float32", (None, 3, 16, 16))


def images(batch: int) -> list[torch.Tensor]:
    return [torch.randn(batch, 3, 16, 16, generator=torch.Generator().manual_seed(batch))]


def check(network: nn.Module, inputs: list[Input], draw: Callable[[int], list[torch.Tensor]]) -> None:
    """Compare a network with its conversion at two batches, neither of them the example's."""
    network.eval()
    for norm in network.modules():
        if isinstance(norm, nn.BatchNorm2d):  # not the identity that it is at first
            norm.running_mean.uniform_(-0.5, 0.5)
            norm.running_var.uniform_(0.5, 2)
    model = convert(network, draw(2), inputs, ["y"])
    converter = tf.lite.TFLiteConverter.from_concrete_functions([model.predict], model)
    run = Interpreter(model_content=converter.convert(), num_threads=1).get_signature_runner("serving_default")
    for batch in (1, 3):
        x = draw(batch)
        with torch.no_grad():
            expected = network(*x).numpy()
        named = {spec.name: tensor.numpy() for spec, tensor in zip(inputs, x, strict=True)}
        in_tensorflow = model.predict(**{name: tf.constant(array) for name, array in named.items()})
        for actual in (in_tensorflow["y"].numpy(), run(**named)["y"]):
            assert actual.dtype == expected.dtype
            np.testing.assert_allclose(actual, expected, atol=2e-5)


class Residual(nn.Module):
    """x plus what the branch makes of it."""

    def __init__(self, *branch: nn.Module) -> None:
        super().__init__()
        self.branch = nn.Sequential(*branch)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + self.branch(x)


class Squeeze(nn.Module):
    """MobileNetV3's and EfficientNet's squeeze-and-excite: channels weighed by what their means say."""

    def __init__(self, channels: int, gate: nn.Module) -> None:
        super().__init__()
        self.narrow, self.wide, self.gate = nn.Conv2d(channels, 4, 1), nn.Conv2d(4, channels, 1), gate

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        scale = F.relu(self.narrow(F.adaptive_avg_pool2d(x, 1)))
        return x * self.gate(self.wide(scale))


class ConvNeXt(nn.Module):
    """Depthwise 7x7, then LayerNorm and a perceptron with the channels last, and the layer's scale."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.depthwise, self.norm = nn.Conv2d(width, width, 7, padding=3, groups=width), nn.LayerNorm(width)
        self.wide, self.narrow = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)
        self.scale = nn.Parameter(torch.full((width, 1, 1), 0.5))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.norm(self.depthwise(x).permute(0, 2, 3, 1))
        return x + self.scale * self.narrow(F.gelu(self.wide(y))).permute(0, 3, 1, 2)


class ViT(nn.Module):
    """Patches, a class token, positions, one encoder layer with attention by parts."""

    def __init__(self) -> None:
        super().__init__()
        self.patches = nn.Conv2d(3, 12, 4, 4)
        self.token = nn.Parameter(torch.randn(1, 1, 12))
        self.positions = nn.Parameter(torch.randn(1, 17, 12))
        self.norm, self.qkv, self.out = nn.LayerNorm(12), nn.Linear(12, 36), nn.Linear(12, 12)
        self.head = nn.Linear(12, 5)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.patches(x).flatten(2).transpose(1, 2)
        x = torch.cat([self.token.expand(x.shape[0], -1, -1), x], 1) + self.positions
        batch, length, width = x.shape
        q, k, v = self.qkv(self.norm(x)).reshape(batch, length, 3, 2, width // 2).permute(2, 0, 3, 1, 4).unbind(0)
        y = F.scaled_dot_product_attention(q, k, v).transpose(1, 2).reshape(batch, length, width)
        return self.head((x + self.out(y))[:, 0])


class Mixer(nn.Module):
    """A perceptron over the places of patches, then one over their channels."""

    def __init__(self) -> None:
        super().__init__()
        self.patches = nn.Conv2d(3, 12, 4, 4)
        self.places = nn.Sequential(nn.Linear(16, 24), nn.GELU(), nn.Linear(24, 16))
        self.channels = nn.Sequential(nn.LayerNorm(12), nn.Linear(12, 24), nn.GELU(), nn.Linear(24, 12))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.patches(x).flatten(2).transpose(1, 2)
        x = x + self.places(x.transpose(1, 2)).transpose(1, 2)
        return (x + self.channels(x)).mean(1)


class UNet(nn.Module):
    """Down by pooling, up by a transposed convolution and by interpolation, each joined with what was there before."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU())
        self.second = nn.Sequential(nn.Conv2d(8, 16, 3, padding=1), nn.BatchNorm2d(16), nn.LeakyReLU(0.1))
        self.up = nn.ConvTranspose2d(16, 8, 2, 2)
        self.last = nn.Conv2d(8 + 8 + 16, 2, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        whole = self.first(x)
        half = self.second(F.max_pool2d(whole, 2))
        smooth = F.interpolate(half, scale_factor=2.0, mode="bilinear", align_corners=False)
        return self.last(torch.cat([whole, self.up(half), smooth], 1))


class Recommender(nn.Module):
    """Embeddings of several inputs, their products with each other, and dense features."""

    def __init__(self) -> None:
        super().__init__()
        self.user, self.item = nn.Embedding(20, 8), nn.Embedding(30, 8)
        self.dense, self.top = nn.Linear(4, 8), nn.Linear(8 + 3, 1)
        self.register_buffer("rows", torch.tensor([1, 2, 2]))
        self.register_buffer("columns", torch.tensor([0, 0, 1]))

    def forward(self, user: torch.Tensor, item: torch.Tensor, features: torch.Tensor) -> torch.Tensor:
        dense = F.relu(self.dense(features))
        parts = torch.stack([dense, self.user(user), self.item(item).mean(1)], 1)
        products = torch.bmm(parts, parts.transpose(1, 2))[:, self.rows, self.columns]
        return torch.sigmoid(self.top(torch.cat([dense, products], 1)))


def stem() -> list[nn.Module]:
    return [nn.Conv2d(3, 16, 3, stride=2, padding=1, bias=False), nn.BatchNorm2d(16)]


VISION = {
    "resnet": lambda: nn.Sequential(
        nn.Conv2d(3, 16, 7, stride=2, padding=3, bias=False), nn.BatchNorm2d(16), nn.ReLU(), nn.MaxPool2d(3, 2, 1),
        Residual(nn.Conv2d(16, 16, 3, padding=1), nn.BatchNorm2d(16), nn.ReLU(), nn.Conv2d(16, 16, 3, padding=1)),
        nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(16, 5),
    ),
    "resnext": lambda: nn.Sequential(
        *stem(),
        Residual(nn.Conv2d(16, 16, 1), nn.ReLU(), nn.Conv2d(16, 16, 3, padding=1, groups=4), nn.BatchNorm2d(16)),
    ),
    "mobilenet v3": lambda: nn.Sequential(
        *stem(), nn.Hardswish(),
        Residual(nn.Conv2d(16, 16, 5, padding=2, groups=16), nn.Hardswish(), Squeeze(16, nn.Hardsigmoid())),
    ),
    "efficientnet": lambda: nn.Sequential(
        *stem(), nn.SiLU(), Residual(nn.Conv2d(16, 16, 3, padding=1, groups=16), nn.SiLU(), Squeeze(16, nn.Sigmoid()))
    ),
    "convnext": lambda: nn.Sequential(nn.Conv2d(3, 12, 4, 4), ConvNeXt(12), ConvNeXt(12)),
    "vit": ViT,
    "mixer": Mixer,
    "u-net": UNet,
}  # fmt: skip


@pytest.mark.parametrize("make", VISION.values(), ids=VISION.keys())
def test_vision(make: Callable[[], nn.Module]) -> None:
    torch.manual_seed(0)
    check(make(), [IMAGE], images)


def test_one_dimensional_convolutions() -> None:
    torch.manual_seed(0)
    network = nn.Sequential(
        nn.Conv1d(3, 8, 5, padding=2), nn.ReLU(), nn.Conv1d(8, 8, 3, padding=2, dilation=2), nn.Tanh(), nn.Flatten()
    )
    check(network, [Input("x", "float32", (None, 3, 20))], lambda batch: [torch.randn(batch, 3, 20)])


def test_a_recommender_of_several_inputs() -> None:
    torch.manual_seed(0)
    inputs = [
        Input("user", "int64", (None,)), Input("item", "int64", (None, 5)), Input("features", "float32", (None, 4))
    ]  # fmt: skip
    network = Recommender()

    def draw(batch: int) -> list[torch.Tensor]:
        return [torch.randint(0, 20, (batch,)), torch.randint(0, 30, (batch, 5)), torch.randn(batch, 4)]

    check(network, inputs, draw)
