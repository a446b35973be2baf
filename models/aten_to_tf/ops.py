"""The table of all ops that are known; each is in the file of its family."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from aten_to_tf import (
    ops_activation,
    ops_attention,
    ops_compare,
    ops_conv,
    ops_create,
    ops_elementwise,
    ops_index,
    ops_linear,
    ops_norm,
    ops_pool,
    ops_recurrent,
    ops_reduce,
    ops_resize,
    ops_shape,
    ops_sort,
)

aten = torch.ops.aten

OPS: dict[Any, Callable[..., Any]] = {
    **ops_elementwise.OPS,
    **ops_compare.OPS,
    **ops_activation.OPS,
    **ops_linear.OPS,
    **ops_attention.OPS,
    **ops_recurrent.OPS,
    **ops_conv.OPS,
    **ops_norm.OPS,
    **ops_pool.OPS,
    **ops_resize.OPS,
    **ops_reduce.OPS,
    **ops_sort.OPS,
    **ops_shape.OPS,
    **ops_index.OPS,
    **ops_create.OPS,
}

NOT_IN_LITE = frozenset(
    {
        aten.erf.default,
        aten.expm1.default,
        aten.log1p.default,
    }
)
"""Ops of which TensorFlow Lite has no builtin, so that a model with them has a SavedModel only."""
