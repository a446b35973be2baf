"""Let torch.export keep an LSTM or a GRU as one op, and see an encoder layer as its parts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from unittest.mock import patch

import torch
from torch._C import DispatchKey
from torch._decomp import decomposition_table

aten = torch.ops.aten


@contextmanager
def attention_in_parts() -> Iterator[None]:
    """Have nn.TransformerEncoderLayer compute by its parts: its fused op depends on gradients and nesting."""
    before = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        yield
    finally:
        torch.backends.mha.set_fastpath_enabled(before)


@contextmanager
def recurrences_kept_whole() -> Iterator[None]:
    """Tell PyTorch the shapes of recurrent ops; within this context none of them computes anything.

    PyTorch tells them by running the steps one by one, in Python, so that the length of the example would become a
    constant of everything that comes after.
    """
    shapes = {
        aten.lstm.input: _lstm_shapes,
        aten.gru.input: _one_state_shapes,
        aten.rnn_tanh.input: _one_state_shapes,
        aten.rnn_relu.input: _one_state_shapes,
    }
    with ExitStack() as stack:
        # Last in, first out: what was looked up meanwhile is forgotten after the tables are as they were.
        stack.callback(_forget_kernels, shapes)
        stack.enter_context(patch.dict(decomposition_table, shapes))
        for op, function in shapes.items():
            kernels = {DispatchKey.CompositeImplicitAutograd: function, DispatchKey.Autograd: function}
            stack.enter_context(patch.dict(op.py_kernels, kernels))
        _forget_kernels(shapes)
        yield


def _forget_kernels(ops: dict[torch._ops.OpOverload, object]) -> None:
    for op in ops:
        op._dispatch_cache.clear()


def _lstm_shapes(
    x: torch.Tensor, states: Sequence[torch.Tensor], *settings: object
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    # With projections the hidden state is narrower than the cell; the output follows the hidden state.
    return (*_one_state_shapes(x, states[0], *settings), torch.empty_like(states[1]))


def _one_state_shapes(x: torch.Tensor, state: torch.Tensor, *settings: object) -> tuple[torch.Tensor, torch.Tensor]:
    is_bidirectional = settings[5]
    width = state.shape[-1] * (2 if is_bidirectional else 1)
    return x.new_empty(*x.shape[:-1], width), torch.empty_like(state)
