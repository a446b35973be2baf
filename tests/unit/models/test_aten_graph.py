"""What becomes of the whole graph: batch norm, transposes, constants; and what is said where it can't be converted."""

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
import torch
from aten_to_tf.convert import Input, TensorFlowModel, convert
from aten_to_tf.errors import ConversionError, UnsupportedOp
from aten_to_tf.fold import fold_batch_norm
from aten_to_tf.graph import export_graph
from torch import nn

SHAPE = (None, 3, 8, 8)
IMAGE = Input("x", "float32", SHAPE)


def converted(network: nn.Module) -> TensorFlowModel:
    return convert(network.eval(), [torch.zeros(2, *SHAPE[1:])], [IMAGE], ["y"])


def op_counts(model: TensorFlowModel) -> Counter[str]:
    return Counter(op.type for op in model.predict.graph.get_operations())


def assert_same(network: nn.Module, model: TensorFlowModel) -> None:
    x = torch.randn(3, *SHAPE[1:])
    with torch.no_grad():
        expected = network.eval()(x).numpy()
    np.testing.assert_allclose(model.predict(x=tf.constant(x.numpy()))["y"].numpy(), expected, atol=2e-5)


def norm(channels: int, **settings: bool) -> nn.BatchNorm2d:
    """Make a batch norm whose statistics and weights are anything but neutral."""
    layer = nn.BatchNorm2d(channels, **settings)
    torch.manual_seed(1)
    layer.running_mean.normal_()
    layer.running_var.uniform_(0.5, 2)
    if layer.affine:
        nn.init.normal_(layer.weight)
        nn.init.normal_(layer.bias)
    return layer


def folded_count(network: nn.Module) -> int:
    return fold_batch_norm(export_graph(network.eval(), [torch.zeros(2, *SHAPE[1:])], [SHAPE]))


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("affine", [True, False])
def test_batch_norm_after_a_convolution_is_folded(bias: bool, affine: bool) -> None:
    network = nn.Sequential(nn.Conv2d(3, 4, 3, bias=bias), norm(4, affine=affine), nn.ReLU())
    assert folded_count(network) == 1
    model = converted(network)
    assert_same(network, model)
    counts = op_counts(model)
    assert counts["Mul"] == counts["AddV2"] == 0
    assert counts["Conv2D"] == counts["BiasAdd"] == 1


def test_batch_norm_by_itself_is_kept() -> None:
    network = nn.Sequential(norm(3), nn.ReLU(), nn.Conv2d(3, 4, 1), nn.ReLU(), norm(4))
    assert folded_count(network) == 0
    assert_same(network, converted(network))


def test_batch_norm_of_rows_is_converted() -> None:
    layer = nn.BatchNorm1d(3)
    layer.running_mean.normal_()
    network = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), layer)
    assert_same(network, converted(network))


def test_what_needs_no_input_is_computed_ahead() -> None:
    network = nn.utils.parametrizations.weight_norm(nn.Conv2d(3, 4, 3))
    model = converted(network)
    assert_same(network, model)
    assert op_counts(model).keys() <= {"Placeholder", "Const", "Transpose", "Conv2D", "BiasAdd", "Identity", "NoOp"}


class UsedTwice(nn.Module):
    """A convolution whose result is needed without batch norm too."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.norm = nn.Conv2d(3, 4, 1), norm(4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.conv(x)
        return y + self.norm(y)


def test_batch_norm_is_not_folded_into_a_convolution_used_elsewhere() -> None:
    network = UsedTwice()
    assert folded_count(network) == 0
    assert_same(network, converted(network))


def test_one_transpose_brings_an_image_in_and_none_follows() -> None:
    class Residual(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first, self.second = nn.Conv2d(3, 4, 3, padding=1), nn.Conv2d(4, 4, 3, padding=1)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            x = torch.relu(self.first(x))
            x = torch.cat([nn.functional.hardswish(x + self.second(x)), nn.functional.max_pool2d(x, 3, 1, 1)], 1)
            return nn.functional.adaptive_avg_pool2d(x, 1).flatten(1)

    network = Residual()
    model = converted(network)
    assert_same(network, model)
    assert op_counts(model)["Transpose"] == 1


def test_an_image_that_leaves_is_channels_first_again() -> None:
    network = nn.Conv2d(3, 4, 3, padding=1)
    model = converted(network)
    assert model.predict.structured_outputs["y"].shape.as_list() == [None, 4, 8, 8]
    assert op_counts(model)["Transpose"] == 2
    assert_same(network, model)


def test_weights_are_constants_and_the_signature_is_pytorchs() -> None:
    model = converted(nn.Conv2d(3, 4, 3))
    assert model.variables == ()
    (spec,) = model.predict.structured_input_signature[1].values()
    assert (spec.name, spec.shape.as_list(), spec.dtype) == ("x", list(SHAPE), tf.float32)


class Fancy(nn.Module):
    """A network with an op no deployment needs."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.erfinv(x.clamp(-0.5, 0.5))


def test_an_unknown_op_is_named_with_its_place_and_the_remedy() -> None:
    with pytest.raises(UnsupportedOp) as failure:
        converted(nn.Sequential(nn.Conv2d(3, 4, 1), Fancy()))
    message = str(failure.value)
    assert "aten.erfinv.default" in message
    assert "in submodule 1" in message
    assert f"{Path(__file__).name} line {erfinv_line()}: return torch.erfinv(x.clamp(-0.5, 0.5))" in message
    assert "aten_to_tf/ops_*.py" in message


def erfinv_line() -> int:
    lines = Path(__file__).read_text().splitlines()
    return next(number for number, line in enumerate(lines, 1) if "return torch.erfinv" in line)


@pytest.mark.parametrize(
    ("network", "word"),
    [
        (nn.MaxPool2d(2, dilation=2), "dilation"),
        (nn.ReplicationPad2d(1), "replicate"),
        (nn.Upsample(scale_factor=1.5), "whole numbers"),
    ],
    ids=str,
)
def test_a_setting_that_is_not_known_is_refused_rather_than_ignored(network: nn.Module, word: str) -> None:
    with pytest.raises(UnsupportedOp, match=word):
        converted(network)


@pytest.mark.parametrize(
    "network",
    [
        nn.AvgPool2d(2, ceil_mode=True),
        nn.MaxPool2d(2, ceil_mode=True),
        nn.AvgPool2d(3, 2, 1, count_include_pad=False),
        nn.AdaptiveAvgPool2d(3),
    ],
    ids=str,
)
def test_a_window_that_depends_on_a_free_size_is_refused(network: nn.Module) -> None:
    image = Input("x", "float32", (None, 3, (6, 64), (6, 64)))
    with pytest.raises(UnsupportedOp, match="for images of free size"):
        convert(network.eval(), [torch.zeros(2, 3, 9, 10)], [image], ["y"])


class EverySecond(nn.Module):
    """Writes to every second place."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = x.clone()
        y[:, :, ::2] = 0.5
        return y


def test_an_assignment_to_every_second_place_is_refused() -> None:
    with pytest.raises(UnsupportedOp, match="every second place"):
        converted(EverySecond())


def test_a_model_that_fixes_its_batch_is_refused() -> None:
    class Fixed(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x.reshape(2, 192) if x.shape[0] == 2 else x.flatten(1)

    with pytest.raises(ConversionError, match="torch.export can't follow"):
        converted(Fixed())


def test_the_number_of_outputs_must_match_their_names() -> None:
    with pytest.raises(ConversionError, match="returns 1 tensors and OUTPUTS names 2"):
        convert(nn.ReLU(), [torch.zeros(2, *SHAPE[1:])], [IMAGE], ["a", "b"])
