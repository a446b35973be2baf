"""What goes wrong while a PyTorch graph is turned into TensorFlow, told in the words of the user's model."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import fx

_TORCH_FOLDER = Path(torch.__file__).parent
_FRAME = re.compile(r'File "(?P<file>[^"]+)", line (?P<line>\d+), in (?P<function>\S+)(?:\n(?P<code>[^\n]*))?')


class ConversionError(Exception):
    """A model that this converter can't turn into TensorFlow; op: the one that it is about, if it is about one."""

    def __init__(self, message: str, op: str | None = None) -> None:
        super().__init__(message)
        self.op = op


class UnsupportedOp(ConversionError):
    """An operation, or a setting of one, that the converter does not know."""


class UnsupportedSetting(Exception):
    """Raised by an op's function for a setting it does not know; the converter adds where the op stands."""


def op_name(node: fx.Node) -> str:
    """Name the op of a node as PyTorch writes it, for example aten.conv2d.default."""
    return str(node.target) if node.op == "call_function" else node.op


def describe_place(node: fx.Node) -> str:
    """Tell which submodule and which line of the user's code a node comes from."""
    parts = []
    modules: Mapping[str, tuple[str, object]] = node.meta.get("nn_module_stack") or {}
    paths = [path for path, _ in modules.values() if path]
    if paths:
        parts.append(f"in submodule {paths[-1]}")
    frames = list(_FRAME.finditer(node.meta.get("stack_trace") or ""))
    own = [frame for frame in frames if _TORCH_FOLDER not in Path(frame["file"]).parents]
    if own or frames:
        frame = (own or frames)[-1]
        code = f": {frame['code'].strip()}" if frame["code"] else ""
        parts.append(f"at {frame['file']} line {frame['line']}{code}")
    return ", ".join(parts) or "at an unknown place in the model"


def unknown_op(node: fx.Node) -> UnsupportedOp:
    """Make the error for an op that has no entry in the table."""
    return UnsupportedOp(
        f"the op {op_name(node)} (node {node.name}, {describe_place(node)}) has no TensorFlow counterpart yet: "
        "add one to its family's table in models/aten_to_tf/ops_*.py, or write the model with other ops",
        op_name(node),
    )


def failed_op(node: fx.Node, reason: Exception) -> ConversionError:
    """Make the error for an op whose function failed."""
    kind = UnsupportedOp if isinstance(reason, UnsupportedSetting) else ConversionError
    place = f"node {node.name}, {describe_place(node)}"
    return kind(f"the op {op_name(node)} ({place}) could not be converted: {reason}", op_name(node))
