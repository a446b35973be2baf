"""Rows as in aten_rows.py, of ops that move, take and make elements, and of ops on images, lines and matrices."""

import functools
import operator
from collections.abc import Callable

import torch
from aten_check import Row, Tensors
from aten_rows import Rows, draw_weights
from torch import nn
from torch.nn import functional as F

aten = torch.ops.aten

TABLE = draw_weights(5, 3)

SHAPE: Rows = {
    operator.getitem: [lambda t: torch.max(t.x, 1)[1]],
    operator.add: [lambda t: t.x.new_ones(t.x.shape[0] + t.x.shape[1], 2)],
    operator.sub: [lambda t: t.x.new_ones(t.x.shape[0] - 1 + t.x.shape[1], 2)],
    operator.mul: [lambda t: t.x.new_ones(t.x.shape[0] * t.x.shape[1], 2)],
    operator.floordiv: [lambda t: t.x.new_ones(t.x.shape[0] // 2 + 1, 2)],
    operator.mod: [lambda t: t.x * (t.x.shape[0] % 2)],
    torch.sym_max: [lambda t: t.x.new_ones(torch.sym_max(t.x.shape[0], t.x.shape[1]), 2)],
    torch.sym_min: [lambda t: t.x.new_ones(torch.sym_min(t.x.shape[0], t.x.shape[1]), 2)],
    aten.sym_size.int: [lambda t: t.x.new_ones(t.x.shape[0], t.x.shape[-1])],
    aten.view.default: [lambda t: t.y.view(t.y.shape[0], -1), lambda t: t.y.view(-1)],
    aten._unsafe_view.default: [lambda t: t.x.transpose(0, 1).reshape(t.x.shape[1], -1)],
    aten.permute.default: [lambda t: t.x.permute(*range(t.x.ndim)[::-1])],
    aten.transpose.int: [lambda t: t.x.transpose(1, -1), lambda t: t.x.transpose(0, 1)],
    aten.t.default: [lambda t: t.x.flatten(1).t()],
    aten.squeeze.dim: [lambda t: t.x.unsqueeze(1).squeeze(1), lambda t: t.x.squeeze(-1)],
    aten.squeeze.dims: [lambda t: t.x.unsqueeze(1).unsqueeze(-1).squeeze((1, -1))],
    aten.unsqueeze.default: [lambda t: t.x.unsqueeze(0), lambda t: t.x.unsqueeze(-1)],
    aten.expand.default: [lambda t: t.x[:, :1].expand_as(t.x), lambda t: t.x.unsqueeze(0).expand(3, *[-1] * t.x.ndim)],
    aten.cat.default: [lambda t: torch.cat([t.x, t.y], 1), lambda t: torch.cat([t.y, t.x, t.y], -1)],
    aten.repeat.default: [lambda t: t.x.repeat(2, *[1] * (t.x.ndim - 1)), lambda t: t.x.repeat(1, 2, *[1] * t.x.ndim)],
    aten.flip.default: [lambda t: t.x.flip(1), lambda t: t.i.flip((0, -1))],
    aten.roll.default: [lambda t: t.x.roll(1, 1), lambda t: t.x.roll((1, -1), (1, -1))],
    aten.stack.default: [lambda t: torch.stack([t.x, t.y], 1), lambda t: torch.stack([t.x, t.y], -1)],
    aten.pad.default: [lambda t: F.pad(t.x, (1, 2)), lambda t: F.pad(t.x, (0, 1, 2, 0), value=0.5)],
    aten.constant_pad_nd.default: [lambda t: aten.constant_pad_nd.default(t.x, [1, 0], 2.5)],
}
INDEX: Rows = {
    aten.slice.Tensor: [
        lambda t: t.x[:, 1:],
        lambda t: t.x[..., :-1],
        lambda t: t.x[..., ::2],
        lambda t: torch.arange(64)[: t.x.shape[0]],
    ],
    aten.select.int: [lambda t: t.x[:, 0], lambda t: t.x[..., -1], lambda t: t.x[:, t.x.shape[1] - 1]],
    aten.slice_scatter.default: [
        lambda t: t.x.slice_scatter(t.y[:, 1:3] * 2, 1, 1, 3),
        lambda t: t.x.slice_scatter(t.y[..., -2:], -1, -2),
        lambda t: t.x.slice_scatter(t.y[:, :-1], 1, 0, -1),
        lambda t: t.x.slice_scatter(t.y[:, 1:], 1, 1, 2**40),
        lambda t: _in_place(t.x, lambda x: x[:, :2].mul_(3)),
        lambda t: _in_place(t.x, lambda x: x[..., 1:].add_(t.y[..., 1:])),
    ],
    aten.select_scatter.default: [
        lambda t: t.x.select_scatter(t.y[:, 0], 1, 0),
        lambda t: t.x.select_scatter(t.y[..., 0], -1, -1),
        lambda t: _in_place(t.i, lambda i: i[:, 1].fill_(9)),
    ],
    aten.copy.default: [
        lambda t: torch.zeros_like(t.x).copy_(t.y),
        lambda t: torch.zeros_like(t.x).copy_(t.i[..., :1]),
        lambda t: _in_place(t.x, lambda x: x[:, 1:].copy_(t.y[:, :1])),
    ],
    aten.embedding.default: [lambda t: F.embedding(t.i, TABLE)],
    aten.index_select.default: [lambda t: t.x.index_select(-1, t.x.new_tensor([1, 0, 1]).long())],
    aten.gather.default: [lambda t: t.x.gather(1, t.i.long() % 2), lambda t: t.x.gather(-1, t.i[..., :1].long() % 2)],
    aten.index.Tensor: [
        lambda t: TABLE[t.i],
        lambda t: t.x[:, torch.tensor([1, -1])],
        lambda t: t.x[torch.arange(t.x.shape[0]), t.i.flatten(1)[:, 0].long() % 2],
        lambda t: torch.stack((t.x, t.y), -2)[..., torch.tensor([[0], [1]]), torch.tensor([1, 0])],
    ],
    aten.split_with_sizes.default: [lambda t: t.x.split((1, t.x.shape[-1] - 1), -1)],
    aten.split.Tensor: [lambda t: t.x.split(2, -1)],
    aten.unbind.int: [lambda t: t.x.unbind(-1)],
}


def _in_place(x: torch.Tensor, change: Callable[[torch.Tensor], object]) -> torch.Tensor:
    """Change a part of a copy, as x[:, :2] *= 3 does."""
    changed = x.clone()
    change(changed)
    return changed


CREATION: Rows = {
    aten.full.default: [lambda t: torch.full((t.x.shape[0], 2), 1.5), lambda t: torch.full((t.x.shape[0],), 7)],
    aten.zeros.default: [lambda t: torch.zeros(t.x.shape[0], 2), lambda t: torch.zeros(t.x.shape, dtype=torch.int64)],
    aten.ones.default: [lambda t: torch.ones(t.x.shape[0]), lambda t: torch.ones(t.x.shape, dtype=torch.bool)],
    aten.empty.memory_format: [lambda t: torch.empty(t.x.shape[0], 2).fill_(2.0)],
    aten.full_like.default: [lambda t: torch.full_like(t.x, 2.5), lambda t: torch.full_like(t.i, 2)],
    aten.zeros_like.default: [lambda t: torch.zeros_like(t.x), lambda t: torch.zeros_like(t.b, dtype=torch.float32)],
    aten.ones_like.default: [lambda t: torch.ones_like(t.x), lambda t: torch.ones_like(t.i)],
    aten.empty_like.default: [lambda t: torch.empty_like(t.x).fill_(2.0)],
    aten.new_full.default: [lambda t: t.x.new_full((t.x.shape[0], 2), 3), lambda t: t.i.new_full((2,), 3)],
    aten.new_zeros.default: [lambda t: t.x.new_zeros(t.x.shape[0], 3)],
    aten.new_ones.default: [lambda t: t.i.new_ones(t.x.shape), lambda t: t.x.new_ones(2, dtype=torch.int32)],
    aten.arange.default: [
        lambda t: torch.arange(t.x.shape[0]),
        lambda t: torch.arange(t.x.shape[0], dtype=torch.float32),
    ],
    aten.arange.start: [lambda t: torch.arange(1, t.x.shape[0] + 1)],
    aten.arange.start_step: [lambda t: torch.arange(0, 2 * t.x.shape[0], 2)],
    aten.scalar_tensor.default: [lambda t: t.x * torch.scalar_tensor(t.x.shape[0], dtype=torch.float32)],
}


def _module(module: nn.Module) -> nn.Module:
    """Give a layer weights and statistics of its own, in evaluation mode."""
    for name, value in [*module.named_parameters(), *module.named_buffers()]:
        if value.is_floating_point():
            drawn = draw_weights(*value.shape) if value.ndim else value
            value.data = drawn.abs() + 0.5 if name.endswith("var") else drawn
    return module.eval().requires_grad_(False)


def _layers(*modules: nn.Module) -> list[Row]:
    return [functools.partial(_apply, _module(module)) for module in modules]


def _apply(module: nn.Module, t: Tensors) -> torch.Tensor:
    return module(t.x)


def _recurrent(layer: nn.RNNBase) -> list[Row]:
    """Run over (batch, length, 4), whichever order of axes the layer takes."""
    layer = _module(layer)
    return [lambda t: layer(t.x.mT if layer.batch_first else t.x.permute(2, 0, 1))[0]]


IMAGE: Rows = {
    aten.conv2d.default: _layers(
        nn.Conv2d(4, 6, 3),
        nn.Conv2d(4, 6, 1, bias=False),
        nn.Conv2d(4, 6, 3, padding=1),
        nn.Conv2d(4, 6, 3, padding=2),
        nn.Conv2d(4, 6, 3, padding=(0, 1)),
        nn.Conv2d(4, 6, 3, stride=2, padding=1),
        nn.Conv2d(4, 6, 3, stride=(2, 1), padding=1),
        nn.Conv2d(4, 6, (2, 4), padding=1),
        nn.Conv2d(4, 6, 3, dilation=2, padding=2),
        nn.Conv2d(4, 6, 3, groups=2, padding=1),
        nn.Conv2d(4, 4, 3, groups=4, padding=1),
        nn.Conv2d(4, 4, 3, groups=4, stride=2, padding=1),
        nn.Conv2d(4, 8, 3, groups=4, padding=1),
        nn.Conv2d(4, 4, 3, groups=4, dilation=2, padding=2),
        nn.Conv2d(4, 4, 3, groups=4, dilation=2, stride=2, padding=2),
        nn.Conv2d(4, 4, 3, groups=4, stride=(1, 2), padding=1),
        nn.Sequential(nn.Conv2d(4, 1, 3, padding=1), nn.Conv2d(1, 2, 3)),
    ),
    aten.conv2d.padding: _layers(nn.Conv2d(4, 6, (4, 3), padding="same"), nn.Conv2d(4, 6, 3, padding="valid")),
    aten.conv_transpose2d.input: _layers(
        nn.ConvTranspose2d(4, 3, 2, stride=2),
        nn.ConvTranspose2d(4, 6, 3, stride=2, padding=1, output_padding=1, groups=2),
        nn.ConvTranspose2d(4, 3, (2, 3), stride=(1, 2), padding=(0, 1), dilation=(2, 1), bias=False),
    ),
    aten._native_batch_norm_legit_no_training.default: _layers(
        nn.BatchNorm2d(4), nn.BatchNorm2d(4, affine=False), nn.Sequential(nn.Conv2d(4, 4, 3), nn.BatchNorm2d(4))
    ),
    aten.group_norm.default: _layers(nn.GroupNorm(2, 4), nn.GroupNorm(4, 4, affine=False)),
    aten.prelu.default: _layers(nn.PReLU(4)),
    aten.max_pool2d.default: _layers(
        nn.MaxPool2d(2),
        nn.MaxPool2d(3, stride=1, padding=1),
        nn.MaxPool2d(3, stride=2, padding=1),
        nn.MaxPool2d((2, 3), stride=(2, 1), padding=(0, 1)),
    ),
    aten.avg_pool2d.default: _layers(
        nn.AvgPool2d(2),
        nn.AvgPool2d(3, stride=2, padding=1),
        nn.AvgPool2d(3, stride=1, padding=1, count_include_pad=False),
        nn.AvgPool2d(2, divisor_override=3),
    ),
    aten.adaptive_avg_pool2d.default: _layers(nn.AdaptiveAvgPool2d(1)),
    aten.adaptive_max_pool2d.default: _layers(nn.AdaptiveMaxPool2d(1)),
    aten.upsample_nearest2d.vec: [
        lambda t: F.interpolate(t.x, scale_factor=2),
        lambda t: F.interpolate(t.x, (7, 9)),
        lambda t: F.interpolate(t.x, t.y.shape[2:]),
    ],
    aten.upsample_bilinear2d.vec: [
        lambda t: F.interpolate(t.x, scale_factor=(2, 3), mode="bilinear"),
        lambda t: F.interpolate(t.x, (5, 9), mode="bilinear", align_corners=True),
    ],
    aten.pixel_shuffle.default: [lambda t: F.pixel_shuffle(torch.cat([t.x, t.y], 1), 2)],
    aten.pixel_unshuffle.default: [lambda t: F.pixel_unshuffle(F.interpolate(t.x, scale_factor=2), 2)],
    aten.pad.default: [lambda t: F.pad(t.x, (1, 2, 2, 1), mode="reflect"), lambda t: F.pad(t.x, (1, 0, 2, 1))],
    aten.cat.default: [lambda t: torch.cat([t.x, t.x.relu()], 1), lambda t: torch.cat([t.x, t.y], 2)],
}
FIXED_IMAGE: Rows = {
    # PyTorch itself makes a constant of the length.
    aten.max_pool1d.default: [lambda t: F.max_pool1d(t.x[:, :, 0], 2), lambda t: F.max_pool1d(t.x[:, :, 0], 3, 1, 1)],
    aten.max_pool2d.default: _layers(nn.MaxPool2d(3, 2, ceil_mode=True), nn.MaxPool2d(2, 2, 1, ceil_mode=True)),
    aten.avg_pool2d.default: _layers(
        nn.AvgPool2d(3, 2, ceil_mode=True),
        nn.AvgPool2d(4, 3, ceil_mode=True, count_include_pad=False),
        nn.AvgPool2d(3, 2, padding=1, ceil_mode=True),
        nn.AvgPool2d((3, 2), (2, 3), padding=(1, 0), count_include_pad=False),
        nn.AvgPool2d(3, 2, padding=1, ceil_mode=True, count_include_pad=False),
        nn.AvgPool2d(3, 2, ceil_mode=True, divisor_override=5),
        nn.AvgPool2d(5, 4, padding=2, ceil_mode=True),
    ),
    aten.adaptive_avg_pool2d.default: _layers(
        nn.AdaptiveAvgPool2d((2, 3)),
        nn.AdaptiveAvgPool2d((None, 1)),
        nn.AdaptiveAvgPool2d(5),
        nn.AdaptiveAvgPool2d((4, 7)),
        nn.AdaptiveAvgPool2d((11, 13)),
    ),
    aten.adaptive_max_pool2d.default: _layers(nn.AdaptiveMaxPool2d((2, 3)), nn.AdaptiveMaxPool2d((3, 7))),
    aten.linear.default: _layers(nn.Sequential(nn.Flatten(), nn.Linear(4 * 8 * 6, 3))),
}
LINE: Rows = {
    aten.conv1d.default: _layers(
        nn.Conv1d(4, 6, 3),
        nn.Conv1d(4, 6, 3, stride=2, padding=1),
        nn.Conv1d(4, 6, 3, dilation=2, padding=2),
        nn.Conv1d(4, 6, 3, groups=2),
        nn.Conv1d(4, 4, 3, groups=4, padding=1),
    ),
    aten.conv1d.padding: _layers(nn.Conv1d(4, 6, 4, padding="same")),
    aten.conv_transpose1d.default: _layers(nn.ConvTranspose1d(4, 3, 3, stride=2, padding=1, output_padding=1)),
    aten._native_batch_norm_legit_no_training.default: _layers(nn.BatchNorm1d(4)),
    aten.avg_pool1d.default: _layers(nn.AvgPool1d(2), nn.AvgPool1d(3, 1, 1)),
    aten.adaptive_avg_pool1d.default: _layers(nn.AdaptiveAvgPool1d(1)),
    aten.upsample_nearest1d.vec: [lambda t: F.interpolate(t.x, scale_factor=2)],
    aten.upsample_linear1d.vec: [
        lambda t: F.interpolate(t.x, scale_factor=2, mode="linear"),
        lambda t: F.interpolate(t.x, 7, mode="linear", align_corners=True),
    ],
    aten.linear.default: _layers(
        nn.Sequential(nn.AdaptiveAvgPool1d(1), nn.Flatten(), nn.Linear(4, 3)),
        nn.Sequential(nn.AdaptiveAvgPool1d(1), nn.Linear(1, 3, bias=False)),
    ),
    aten.matmul.default: [lambda t: t.x @ t.y.transpose(1, 2), lambda t: t.x @ t.y[0, 0], lambda t: t.x[0, 0] @ t.x.mT],
    aten.mm.default: [lambda t: torch.mm(t.x[0], t.y[0].t())],
    aten.bmm.default: [lambda t: torch.bmm(t.x, t.y.transpose(1, 2))],
    aten.addmm.default: [lambda t: torch.addmm(t.x[0], t.x[0] @ t.y[0].t(), t.x[0], beta=0.5, alpha=2)],
    aten.baddbmm.default: [lambda t: torch.baddbmm(t.x, t.x @ t.y.transpose(1, 2), t.x)],
    aten.mv.default: [lambda t: torch.mv(t.x[0].t(), t.y[0, :, 0])],
    aten.dot.default: [lambda t: torch.dot(t.x[0, :, 0], t.y[0, :, 0])],
    aten.scaled_dot_product_attention.default: [
        lambda t: F.scaled_dot_product_attention(t.x.mT[:, None], t.y.mT[:, None], t.x.mT[:, None]),
        lambda t: F.scaled_dot_product_attention(t.x.mT[:, None], t.y.mT[:, None], t.x.mT[:, None], is_causal=True),
    ],
    aten.lstm.input: _recurrent(nn.LSTM(4, 3, batch_first=True)),
    aten.gru.input: _recurrent(nn.GRU(4, 3, batch_first=True)),
    aten.rnn_tanh.input: _recurrent(nn.RNN(4, 3)),
    aten.rnn_relu.input: _recurrent(nn.RNN(4, 3, nonlinearity="relu")),
}
