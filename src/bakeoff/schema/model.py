"""A PyTorch network as its export describes it."""

from __future__ import annotations

import json
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class TensorSpec:
    """An input or output of a model; the first dimension is the batch, None is a free dimension."""

    name: str
    dtype: str
    shape: tuple[int | None, ...]

    def fits(self, shape: tuple[int, ...]) -> bool:
        """Tell whether an array's shape is one of these."""
        return len(shape) == len(self.shape) and all(a in (None, b) for a, b in zip(self.shape, shape, strict=True))


@dataclass(frozen=True, slots=True)
class Model:
    """A PyTorch network as its export describes it (artifacts/NAME/model.json).

    `lengths`: the sizes of its free dimensions beyond the batch that are proved and loaded, all in turn; empty where it
    has none. `untrained`: its weights were drawn at random, so that how far quantised formats are off says little.
    """

    name: str
    sha256: str
    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]
    atol: float
    rtol: float
    lengths: tuple[int, ...] = ()
    accuracy: float | None = None
    accuracy_samples: int | None = None
    untrained: bool = False


def read_model(file: Path) -> Model:
    """Read a model.json, for programs; raises OSError, KeyError, TypeError or ValueError where it isn't one."""
    return model_from(json.loads(file.read_text(encoding="utf-8")))


def model_from(description: dict[str, Any]) -> Model:
    """Make a model of what a model.json says; raises KeyError, TypeError or ValueError where it says too little."""
    known = {field.name: description[field.name] for field in fields(Model) if field.name in description}
    for side in ("inputs", "outputs"):
        known[side] = tuple(TensorSpec(spec["name"], spec["dtype"], tuple(spec["shape"])) for spec in known[side])
    return Model(**known | {"lengths": tuple(known.get("lengths", ()))})
