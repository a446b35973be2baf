"""One row an op, or several: how each op of the converter's table is tried. Names are those of the ops.

Rows of ANY hold for two to four axes, of which the last is of fixed size; IMAGE has (N, 4, H, W), LINE (N, 4, length).
"""

import torch
from aten_check import Row
from torch import nn

aten = torch.ops.aten

Rows = dict[object, list[Row]]


def draw_weights(*shape: int) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(sum(shape)))


ARITHMETIC: Rows = {
    aten.add.Tensor: [
        lambda t: t.x + t.y,
        lambda t: torch.add(t.x, t.y, alpha=3),
        lambda t: t.x + t.i,
        lambda t: t.i + 1.5,
    ],
    aten.add.Scalar: [lambda t: aten.add.Scalar(t.x, 2)],
    aten.sub.Tensor: [lambda t: t.x - t.y, lambda t: t.i - 3, lambda t: torch.sub(t.x, t.y, alpha=2)],
    aten.sub.Scalar: [lambda t: aten.sub.Scalar(t.x, 2)],
    aten.rsub.Scalar: [lambda t: torch.rsub(t.x, 2), lambda t: 3 - t.i],
    aten.mul.Tensor: [lambda t: t.x * t.y, lambda t: t.x * t.b, lambda t: t.b * 2, lambda t: t.i * t.x.sum()],
    aten.mul.Scalar: [lambda t: aten.mul.Scalar(t.x, 2.5)],
    aten.maximum.default: [lambda t: torch.maximum(t.x, t.y), lambda t: torch.maximum(t.i, t.i * 0 + 2)],
    aten.minimum.default: [lambda t: torch.minimum(t.x, t.y)],
    aten.div.Tensor: [lambda t: t.x / t.p, lambda t: t.i / 2, lambda t: 1 / t.p],
    aten.div.Scalar: [lambda t: aten.div.Scalar(t.x, 3)],
    aten.div.Tensor_mode: [
        lambda t: torch.div(t.x, t.p, rounding_mode="floor"),
        lambda t: torch.div(t.x, t.p, rounding_mode="trunc"),
    ],
    aten.div.Scalar_mode: [lambda t: aten.div.Scalar_mode(t.x, 0.3, rounding_mode="floor")],
    aten.floor_divide.default: [lambda t: t.x // t.p],
    aten.remainder.Tensor: [lambda t: torch.remainder(t.x, t.p)],
    aten.remainder.Scalar: [lambda t: t.x % 3],
    aten.fmod.Tensor: [lambda t: torch.fmod(t.x, t.p)],
    aten.fmod.Scalar: [lambda t: torch.fmod(t.x, 1.5)],
    aten.pow.Tensor_Scalar: [
        lambda t: t.x**2,
        lambda t: t.x**3,
        lambda t: t.p**0.5,
        lambda t: t.p**-1.5,
    ],
    aten.pow.Tensor_Tensor: [lambda t: t.p**t.y],
    aten.pow.Scalar: [lambda t: 2.0**t.x],
    aten.square.default: [lambda t: torch.square(t.x)],
    aten.reciprocal.default: [lambda t: t.p.reciprocal(), lambda t: (t.i + 1).reciprocal()],
    aten.neg.default: [lambda t: -t.x, lambda t: -t.i],
    aten.abs.default: [lambda t: t.x.abs()],
    aten.sign.default: [lambda t: t.g.sign()],
    aten.floor.default: [lambda t: t.g.floor()],
    aten.ceil.default: [lambda t: t.g.ceil()],
    aten.round.default: [lambda t: t.g.round()],
    aten.trunc.default: [lambda t: t.g.trunc()],
    aten.exp.default: [lambda t: t.x.exp(), lambda t: t.i.exp()],
    aten.expm1.default: [lambda t: torch.expm1(t.x)],
    aten.log.default: [lambda t: t.p.log()],
    aten.log1p.default: [lambda t: torch.log1p(t.p)],
    aten.log2.default: [lambda t: t.p.log2()],
    aten.log10.default: [lambda t: t.p.log10()],
    aten.sqrt.default: [lambda t: t.p.sqrt()],
    aten.rsqrt.default: [lambda t: t.p.rsqrt()],
    aten.sin.default: [lambda t: t.x.sin()],
    aten.cos.default: [lambda t: t.x.cos()],
    aten.erf.default: [lambda t: torch.erf(t.x)],
    aten.clamp.default: [lambda t: t.x.clamp(-0.5, 1), lambda t: t.x.clamp(min=0), lambda t: t.i.clamp(1, 3)],
    aten.clamp.Tensor: [lambda t: torch.clamp(t.x, min=t.y, max=t.y + 1)],
    aten.clamp_min.default: [lambda t: torch.clamp_min(t.x, 0.5)],
    aten.clamp_max.default: [lambda t: torch.clamp_max(t.x, 0.5)],
    aten.clone.default: [lambda t: t.x.clone()],
    aten.alias.default: [lambda t: aten.alias.default(t.x)],
    aten.detach.default: [lambda t: t.x.detach()],
    aten._to_copy.default: [
        lambda t: aten._to_copy.default(t.x, dtype=torch.int32),
        lambda t: aten._to_copy.default(t.b, dtype=torch.float32),
    ],
    aten.type_as.default: [lambda t: t.i.type_as(t.x)],
}
WHOLE_NUMBERS: Rows = {  # which TensorFlow Lite doesn't divide, nor raise to a power
    aten.div.Tensor_mode: [
        lambda t: torch.div(t.i - 2, t.i + 1, rounding_mode="floor"),
        lambda t: torch.div(t.i - 2, t.i + 1, rounding_mode="trunc"),
    ],
    aten.floor_divide.default: [lambda t: (t.i - 2) // 3],
    aten.remainder.Tensor: [lambda t: torch.remainder(t.i - 2, t.i + 1)],
    aten.remainder.Scalar: [lambda t: (t.i - 2) % 3],
    aten.pow.Tensor_Scalar: [lambda t: t.i**2],
    aten.abs.default: [lambda t: (t.i - 2).abs()],
}
COMPARISON: Rows = {
    **{
        op: [lambda t, op=op: op(t.g, t.g.flip(0)), lambda t, op=op: op(t.i, t.g)]
        for op in (aten.eq.Tensor, aten.ne.Tensor, aten.lt.Tensor, aten.le.Tensor, aten.gt.Tensor, aten.ge.Tensor)
    },
    **{
        op: [lambda t, op=op: op(t.g, 0.25), lambda t, op=op: op(t.i, 2), lambda t, op=op: op(t.i, 1.5)]
        for op in (aten.eq.Scalar, aten.ne.Scalar, aten.lt.Scalar, aten.le.Scalar, aten.gt.Scalar, aten.ge.Scalar)
    },
    aten.logical_not.default: [lambda t: torch.logical_not(t.i), lambda t: torch.logical_not(t.b)],
    aten.logical_and.default: [lambda t: torch.logical_and(t.i, t.b)],
    aten.logical_or.default: [lambda t: torch.logical_or(t.g, t.b)],
    aten.logical_xor.default: [lambda t: torch.logical_xor(t.i, t.b)],
    aten.bitwise_not.default: [lambda t: ~t.b],
    aten.bitwise_and.Tensor: [lambda t: t.b & (t.x > 0)],
    aten.bitwise_or.Tensor: [lambda t: t.b | (t.x > 0)],
    aten.bitwise_xor.Tensor: [lambda t: t.b ^ (t.x > 0)],
    aten.isnan.default: [lambda t: torch.isnan((t.g - 1).sqrt())],
    aten.isinf.default: [lambda t: torch.isinf(torch.where(t.b, t.x, float("-inf")))],
    aten.where.self: [
        lambda t: torch.where(t.b, t.x, t.y),
        lambda t: torch.where(t.b, t.x, 1.5),
        lambda t: torch.where(t.b, t.i, t.x),
    ],
    aten.where.ScalarOther: [lambda t: aten.where.ScalarOther(t.b, t.x, 2)],
    aten.where.ScalarSelf: [lambda t: aten.where.ScalarSelf(t.b, 2.5, t.x)],
    aten.where.Scalar: [lambda t: aten.where.Scalar(t.b, 2.5, 1.0)],
    aten.masked_fill.Scalar: [lambda t: t.x.masked_fill(t.b, -2.5), lambda t: t.i.masked_fill(t.b, 7)],
    aten.masked_fill.Tensor: [lambda t: t.x.masked_fill(t.b, t.y.amax())],
}
_SLOPES = draw_weights(1)
_SCALE = draw_weights(5)
ACTIVATION: Rows = {
    aten.relu.default: [lambda t: torch.relu(t.x), lambda t: torch.relu(t.i - 2)],
    aten.relu6.default: [lambda t: nn.functional.relu6(4 * t.x)],
    aten.hardtanh.default: [
        lambda t: nn.functional.hardtanh(t.x, -0.5, 0.7),
        lambda t: nn.functional.hardtanh(9 * t.x, 0, 6),
    ],
    aten.sigmoid.default: [lambda t: torch.sigmoid(t.x)],
    aten.tanh.default: [lambda t: torch.tanh(t.x)],
    aten.gelu.default: [
        lambda t: nn.functional.gelu(t.y),  # beside -x TensorFlow Lite's converter does not see gelu(x) as one op
        lambda t: nn.functional.gelu(t.x, approximate="tanh"),
    ],
    aten.silu.default: [lambda t: nn.functional.silu(t.x)],
    aten.elu.default: [lambda t: nn.functional.elu(t.x), lambda t: nn.functional.elu(t.x, 0.7)],
    aten.selu.default: [lambda t: torch.selu(t.x)],
    aten.celu.default: [lambda t: torch.celu(t.x, 1.3)],
    aten.leaky_relu.default: [lambda t: nn.functional.leaky_relu(t.x), lambda t: nn.functional.leaky_relu(t.x, 0.2)],
    aten.prelu.default: [lambda t: torch.prelu(t.x, _SLOPES)],
    aten.hardsigmoid.default: [lambda t: nn.functional.hardsigmoid(2 * t.x)],
    aten.hardswish.default: [lambda t: nn.functional.hardswish(2 * t.x)],
    aten.mish.default: [lambda t: nn.functional.mish(t.x)],
    aten.softplus.default: [lambda t: nn.functional.softplus(9 * t.x), lambda t: nn.functional.softplus(t.x, 2, 3)],
    aten.log_sigmoid.default: [lambda t: nn.functional.logsigmoid(t.x)],
    aten.glu.default: [lambda t: nn.functional.glu(torch.cat([t.x, t.y], 1), 1)],
    aten.dropout.default: [lambda t: nn.functional.dropout(t.x, training=False)],
    aten.feature_dropout.default: [lambda t: torch.feature_dropout(t.x, 0.5, False)],
    aten.alpha_dropout.default: [lambda t: torch.alpha_dropout(t.x, 0.5, False)],
}
REDUCTION: Rows = {
    aten.mean.dim: [
        lambda t: t.x.mean(-1),
        lambda t: t.x.mean((0, -1), keepdim=True),
        lambda t: t.i.mean(1, dtype=torch.float32),
    ],
    aten.mean.default: [lambda t: t.x.mean()],
    aten.sum.dim_IntList: [lambda t: t.x.sum(1), lambda t: t.i.sum(1), lambda t: t.b.sum(-1, keepdim=True)],
    aten.sum.default: [lambda t: t.x.sum(), lambda t: t.b.sum()],
    aten.amax.default: [lambda t: t.x.amax(-1), lambda t: t.x.amax((0, 1), keepdim=True)],
    aten.amin.default: [lambda t: t.x.amin(1)],
    aten.prod.dim_int: [lambda t: t.p.prod(-1), lambda t: t.i.prod(1, keepdim=True)],
    aten.prod.default: [lambda t: torch.tanh(t.x[:1, :1]).prod()],
    aten.max.default: [lambda t: t.x.max(), lambda t: t.i.max()],
    aten.min.default: [lambda t: t.x.min()],
    aten.any.default: [lambda t: t.b.any()],
    aten.any.dim: [lambda t: t.b.any(1), lambda t: t.i.any(-1, keepdim=True)],
    aten.any.dims: [lambda t: aten.any.dims(t.b, [0, 1])],
    aten.all.default: [lambda t: t.b.all()],
    aten.all.dim: [lambda t: t.b.all(-1)],
    aten.all.dims: [lambda t: aten.all.dims(t.b, [0, 1], keepdim=True)],
    aten.logsumexp.default: [lambda t: t.x.logsumexp(1), lambda t: t.x.logsumexp((0, -1), keepdim=True)],
    aten.var.correction: [lambda t: t.x.var(1), lambda t: t.x.var((0, -1), keepdim=True, correction=0)],
    aten.std.correction: [lambda t: t.x.std(-1), lambda t: t.x.std(1, correction=0)],
    aten.linalg_vector_norm.default: [
        lambda t: torch.linalg.vector_norm(t.x, 2, 1),
        lambda t: t.x.norm(1, -1, keepdim=True),
        lambda t: torch.linalg.vector_norm(t.x, float("inf"), (0, 1)),
    ],
    aten.cumsum.default: [lambda t: t.x.cumsum(1), lambda t: t.i.cumsum(-1), lambda t: t.b.cumsum(1)],
    aten.softmax.int: [lambda t: t.x.softmax(-1), lambda t: t.x.softmax(1)],
    aten.log_softmax.int: [lambda t: t.x.log_softmax(-1), lambda t: t.x.log_softmax(1)],
    aten.layer_norm.default: [
        lambda t: nn.functional.layer_norm(t.x, t.x.shape[-1:]),
        lambda t: nn.functional.layer_norm(t.x[..., :2], (2,), _SCALE[:2], _SCALE[2:4], 1e-3),
    ],
    aten.native_layer_norm.default: [lambda t: torch.native_layer_norm(t.x, t.x.shape[-1:], None, None, 1e-5)],
    aten.rms_norm.default: [
        lambda t: nn.functional.rms_norm(t.x, t.x.shape[-1:]),
        lambda t: nn.functional.rms_norm(t.x, t.x.shape[-1:], eps=0.1),
    ],
    aten.topk.default: [lambda t: t.x.topk(2), lambda t: t.x.topk(2, 1, largest=False)],
    aten.sort.default: [lambda t: t.x.sort(), lambda t: t.x.sort(1, descending=True)],
    aten.argsort.default: [lambda t: t.x.argsort(1)],
    aten.argmax.default: [lambda t: t.x.argmax(-1), lambda t: t.x.argmax(1, keepdim=True), lambda t: t.x.argmax()],
    aten.argmin.default: [lambda t: t.x.argmin(1)],
    aten.max.dim: [lambda t: t.x.max(1), lambda t: t.x.max(-1, keepdim=True)],
    aten.min.dim: [lambda t: t.x.min(1)],
}
