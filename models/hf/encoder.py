"""The network that is exported of a Hugging Face model: two tensors in, one out."""

from __future__ import annotations

import torch
from torch import nn


class Encoder(nn.Module):
    """One output of a model of transformers, by its name."""

    def __init__(self, network: nn.Module, output: str) -> None:
        super().__init__()
        self.network = network
        self.output = output

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        """input_ids, attention_mask: (N, T)."""
        returned = self.network(input_ids=input_ids, attention_mask=attention_mask, return_dict=True)
        return returned[self.output]
