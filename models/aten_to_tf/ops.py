"""The table of all ops that are known; each is in the file of its family."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

aten = torch.ops.aten

FAMILIES = sorted(path.stem for path in Path(__file__).parent.glob("ops_*.py"))

OPS: dict[Any, Callable[..., Any]] = {
    op: function for family in FAMILIES for op, function in importlib.import_module(f"aten_to_tf.{family}").OPS.items()
}

NOT_IN_LITE = frozenset(
    {
        aten.erf.default,
        aten.expm1.default,
        aten.log1p.default,
    }
)
"""Ops of which TensorFlow Lite has no builtin, so that a model with them has a SavedModel only."""
