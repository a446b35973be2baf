"""Each op against PyTorch: the same numbers at batch 1 and 3, through a SavedModel-ready function."""

from collections.abc import Callable

import numpy as np
import pytest
import tensorflow as tf
import torch
from aten_to_tf.convert import Input, TensorFlowModel, convert
from torch import nn
from torch.nn import functional as F

IMAGE = (4, 8, 6)
ROW = (12,)
TOLERANCE = 1e-5


class Call(nn.Module):
    """A function as a network."""

    def __init__(self, function: Callable[[torch.Tensor], torch.Tensor]) -> None:
        super().__init__()
        self.function = function

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.function(x)


def converted(network: nn.Module, shape: tuple[int, ...], dtype: torch.dtype = torch.float32) -> TensorFlowModel:
    example = torch.zeros(2, *shape, dtype=dtype)
    return convert(network, [example], [Input("x", str(dtype).removeprefix("torch."), (None, *shape))], ["y"])


def check(network: nn.Module, shape: tuple[int, ...]) -> None:
    """Compare a network with its conversion."""
    torch.manual_seed(0)
    for parameter in network.parameters():
        nn.init.normal_(parameter, std=0.5)
    network.eval()
    model = converted(network, shape)
    for batch in (1, 3):
        x = torch.randn(batch, *shape)
        with torch.no_grad():
            expected = network(x.clone()).numpy()  # a copy: the first op may work in place
        actual = model.predict(x=tf.constant(x.numpy()))["y"].numpy()
        assert actual.shape == expected.shape
        assert actual.dtype == expected.dtype
        np.testing.assert_allclose(actual, expected, atol=TOLERANCE, rtol=1e-4)


CONVOLUTIONS = {
    "plain": nn.Conv2d(4, 6, 3),
    "pointwise": nn.Conv2d(4, 6, 1, bias=False),
    "same padding": nn.Conv2d(4, 6, 3, padding=1),
    "wide padding": nn.Conv2d(4, 6, 3, padding=2),
    "one-sided padding": nn.Conv2d(4, 6, 3, padding=(0, 1)),
    "stride": nn.Conv2d(4, 6, 3, stride=2, padding=1),
    "two strides": nn.Conv2d(4, 6, 3, stride=(2, 1), padding=1),
    "even kernel": nn.Conv2d(4, 6, (2, 4), padding=1),
    "dilation": nn.Conv2d(4, 6, 3, dilation=2, padding=2),
    "padding by name": nn.Conv2d(4, 6, (4, 3), padding="same"),
    "no padding by name": nn.Conv2d(4, 6, 3, padding="valid"),
    "groups": nn.Conv2d(4, 6, 3, groups=2, padding=1),
    "depthwise": nn.Conv2d(4, 4, 3, groups=4, padding=1),
    "depthwise stride": nn.Conv2d(4, 4, 3, groups=4, stride=2, padding=1),
    "depthwise multiplier": nn.Conv2d(4, 8, 3, groups=4, padding=1),
    "depthwise dilation": nn.Conv2d(4, 4, 3, groups=4, dilation=2, padding=2),
    "depthwise stride and dilation": nn.Conv2d(4, 4, 3, groups=4, dilation=2, stride=2, padding=2),
    "depthwise two strides": nn.Conv2d(4, 4, 3, groups=4, stride=(1, 2), padding=1),
}


@pytest.mark.parametrize("network", CONVOLUTIONS.values(), ids=CONVOLUTIONS.keys())
def test_convolution(network: nn.Module) -> None:
    check(network, IMAGE)


@pytest.mark.parametrize("shape", [(1, 5, 5), (1, 8, 3)])
def test_convolution_of_grey_images(shape: tuple[int, ...]) -> None:
    check(nn.Sequential(nn.Conv2d(1, 3, 3, padding=1), nn.Conv2d(3, 1, 3)), shape)


@pytest.mark.parametrize("settings", [{}, {"stride": 2, "padding": 1}, {"dilation": 2, "padding": 2}, {"groups": 2}])
def test_convolution_of_sequences(settings: dict[str, int]) -> None:
    check(nn.Conv1d(4, 6, 3, **settings), (4, 9))


POOLS = {
    "max": nn.MaxPool2d(2),
    "max overlapping": nn.MaxPool2d(3, stride=1, padding=1),
    "max strided and padded": nn.MaxPool2d(3, stride=2, padding=1),
    "max oblong": nn.MaxPool2d((2, 3), stride=(2, 1), padding=(0, 1)),
    "average": nn.AvgPool2d(2),
    "average padded": nn.AvgPool2d(3, stride=2, padding=1),
    "average without counting the padding": nn.AvgPool2d(3, stride=1, padding=1, count_include_pad=False),
    "average by a divisor": nn.AvgPool2d(2, divisor_override=3),
    "adaptive to one": nn.AdaptiveAvgPool2d(1),
    "adaptive to a divisor": nn.AdaptiveAvgPool2d((4, 3)),
    "adaptive to itself": nn.AdaptiveAvgPool2d((8, 6)),
}


@pytest.mark.parametrize("network", POOLS.values(), ids=POOLS.keys())
def test_pooling(network: nn.Module) -> None:
    check(network, IMAGE)


def test_max_pooling_of_all_negative_images_takes_no_padding() -> None:
    check(nn.Sequential(Call(lambda x: -x.abs() - 1), nn.MaxPool2d(3, 2, 1)), IMAGE)


ELEMENTWISE = {
    "relu": nn.ReLU(),
    "relu in place": nn.ReLU(inplace=True),
    "relu6": nn.ReLU6(),
    "hardtanh": nn.Hardtanh(-0.5, 0.7),
    "sigmoid": nn.Sigmoid(),
    "tanh": nn.Tanh(),
    "gelu": nn.GELU(),
    "gelu by tanh": nn.GELU(approximate="tanh"),
    "silu": nn.SiLU(inplace=True),
    "hardswish": nn.Hardswish(),
    "hardsigmoid": nn.Hardsigmoid(),
    "leaky relu": nn.LeakyReLU(0.2),
    "elu": nn.ELU(),
    "dropout": nn.Dropout(0.5),
    "identity": nn.Identity(),
    "clamp": Call(lambda x: x.clamp(-0.3, 0.4)),
    "clamp from below": Call(lambda x: x.clamp(min=0.1)),
    "add, subtract": Call(lambda x: (x + 1.5) - x * 2),
    "scaled sum": Call(lambda x: torch.add(x, x.abs(), alpha=3)),
    "subtract from a number": Call(lambda x: 2 - x),
    "divide": Call(lambda x: x / (x.abs() + 1)),
    "divide a number": Call(lambda x: 1 / (x.abs() + 1)),
    "floor division": Call(lambda x: torch.div(x, 0.3, rounding_mode="floor")),
    "powers and roots": Call(lambda x: (x.abs() + 1).sqrt() + (x.abs() + 1).rsqrt() + x**2 + x.exp() - x.neg()),
    "logarithm": Call(lambda x: (x.abs() + 1).log()),
    "extremes": Call(lambda x: torch.maximum(x, -x) + torch.minimum(x, 2 * x)),
    "floats win over integers": Call(lambda x: x + (10 * x).to(torch.int32)),
    "copies": Call(lambda x: x.clone().contiguous().detach()),
}


@pytest.mark.parametrize("shape", [ROW, (3, 5), IMAGE], ids=str)
@pytest.mark.parametrize("network", ELEMENTWISE.values(), ids=ELEMENTWISE.keys())
def test_elementwise(network: nn.Module, shape: tuple[int, ...]) -> None:
    check(network, shape)


SHAPES = {
    "flatten": nn.Flatten(),
    "flatten the middle": Call(lambda x: x.flatten(1, 2)),
    "view": Call(lambda x: x.view(x.size(0), -1)),
    "view through the batch": Call(lambda x: x.view(x.size(0) * 2, -1)),
    "reshape": Call(lambda x: x.reshape(-1, 6, 8, 4)),
    "permute": Call(lambda x: x.permute(0, 2, 3, 1)),
    "transpose": Call(lambda x: x.transpose(1, -1)),
    "squeeze and unsqueeze": Call(lambda x: x.mean(2, keepdim=True).squeeze(2).unsqueeze(1)),
    "squeeze all that is one": Call(lambda x: x.mean((2, 3), keepdim=True).unsqueeze(1).squeeze(1)),
    "expand": Call(lambda x: x.mean(1, keepdim=True).expand(-1, 5, -1, -1)),
    "cat": Call(lambda x: torch.cat([x, x * 2], 1)),
    "cat last": Call(lambda x: torch.cat([x, x * 2, x], -1)),
    "stack": Call(lambda x: torch.stack([x, -x], 1)),
    "pad": Call(lambda x: F.pad(x, (1, 2, 0, 1), value=0.5)),
    "pad by reflection": nn.ReflectionPad2d(2),
}
REDUCTIONS = {
    "mean of the image": Call(lambda x: x.mean((2, 3))),
    "mean, kept": Call(lambda x: x.mean((2, 3), keepdim=True)),
    "mean of channels": Call(lambda x: x.mean(1)),
    "mean of a row": Call(lambda x: x.mean(-1)),
    "sum of all but the batch": Call(lambda x: x.sum((1, 2, 3))),
    "largest": Call(lambda x: x.amax((2, 3)) - x.amin((2, 3))),
    "softmax of channels": nn.Softmax(1),
    "softmax of rows": nn.Softmax(-1),
    "log softmax": nn.LogSoftmax(1),
    "against the mean of everything": Call(lambda x: x / (x - x + 1).mean() + (x * 0).sum()),
}


@pytest.mark.parametrize("before", [nn.Identity(), nn.Conv2d(4, 4, 1)], ids=["channels first", "channels last"])
@pytest.mark.parametrize("network", [*SHAPES.values(), *REDUCTIONS.values()], ids=[*SHAPES, *REDUCTIONS])
def test_shapes_and_reductions(network: nn.Module, before: nn.Module) -> None:
    check(nn.Sequential(before, network), IMAGE)


LINEAR = {
    "linear": nn.Linear(12, 5),
    "linear without bias": nn.Linear(12, 5, bias=False),
    "perceptron": nn.Sequential(nn.Linear(12, 7), nn.ReLU(), nn.Linear(7, 3)),
    "products": Call(lambda x: x @ x.t() @ x),
    "product and sum": Call(lambda x: torch.addmm(x, x @ x.t(), x, beta=0.5, alpha=2)),
}


@pytest.mark.parametrize("network", LINEAR.values(), ids=LINEAR.keys())
def test_linear(network: nn.Module) -> None:
    check(network, ROW)


def test_linear_on_more_axes() -> None:
    check(nn.Linear(5, 2), (3, 5))


def test_batched_product() -> None:
    check(Call(lambda x: torch.bmm(x, x.transpose(1, 2))), (3, 5))


class Broadcasts(nn.Module):
    """Operands of other ranks and orders beside a channels-last image."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(4, 4, 3, padding=1)
        self.scale = nn.Parameter(torch.empty(4, 1, 1))
        self.columns = nn.Parameter(torch.empty(6))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.conv(x)
        gate = torch.sigmoid(y.mean((2, 3), keepdim=True))
        return x + y * self.scale * gate + self.columns - y.mean(1).unsqueeze(1)


def test_operands_broadcast_as_in_pytorch_beside_a_channels_last_image() -> None:
    check(Broadcasts(), IMAGE)


class InPlaceOnAView(nn.Module):
    """Writing through a view changes what it looks at."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = x * 1
        y.view(-1).relu_()
        y += 1
        return y


def test_writing_through_a_view() -> None:
    check(InPlaceOnAView(), IMAGE)


class TwoByTwo(nn.Module):
    """Two inputs and two outputs, no two of a shape."""

    def forward(self, image: torch.Tensor, weights: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        return image.mean((2, 3)), (image * weights.unsqueeze(2).unsqueeze(3)).sum(1)


def test_several_inputs_and_outputs_keep_their_names() -> None:
    inputs = [Input("zebra", "float32", (None, *IMAGE)), Input("ant", "float32", (None, 4))]
    network = TwoByTwo().eval()
    model = convert(network, [torch.zeros(2, *IMAGE), torch.zeros(2, 4)], inputs, ["small", "large"])
    image, weights = torch.randn(3, *IMAGE), torch.randn(3, 4)
    actual = model.predict(zebra=tf.constant(image.numpy()), ant=tf.constant(weights.numpy()))
    for name, expected in zip(["small", "large"], network(image, weights), strict=True):
        np.testing.assert_allclose(actual[name].numpy(), expected.numpy(), atol=TOLERANCE)
