"""Let torch.export see PyTorch's encoder layers as their parts."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch


@contextmanager
def attention_in_parts() -> Iterator[None]:
    """Have nn.TransformerEncoderLayer compute by its parts: its fused op depends on gradients and nesting."""
    before = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        yield
    finally:
        torch.backends.mha.set_fastpath_enabled(before)
