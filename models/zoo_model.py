"""A model folder (models/zoo/NAME/ or a user's own) read and checked; its contract is told in export.py."""

from __future__ import annotations

import hashlib
import importlib.util
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import torch
from torch import nn

Arrays = dict[str, np.ndarray]
Predict = Callable[[Arrays], Arrays]

VARIATION = 100
"""Outputs must vary over the samples by this many times the tolerance, or parity would prove nothing."""

_REQUIRED = ("build", "INPUTS", "OUTPUTS", "samples", "ATOL", "RTOL")


class ModelFolderError(Exception):
    """A model folder that does not keep the contract."""


@dataclass(frozen=True, slots=True)
class ZooModel:
    """A model, built: specs have name, dtype and shape (None: a free dimension)."""

    name: str
    network: nn.Module
    inputs: list[dict[str, Any]]
    outputs: list[dict[str, Any]]
    atol: float
    rtol: float
    samples: Callable[[int, int], Arrays]
    evaluate: Callable[[Predict], dict[str, Any]] | None

    def tensors(self, arrays: Arrays) -> tuple[torch.Tensor, ...]:
        """Give arrays by input name as the network's positional arguments."""
        return tuple(torch.from_numpy(np.ascontiguousarray(arrays[spec["name"]])) for spec in self.inputs)

    def predict(self, arrays: Arrays) -> Arrays:
        """Run the network in PyTorch: the reference of every format."""
        return run_network(self.network, self.tensors(arrays), [spec["name"] for spec in self.outputs])

    def allowed_error(self, reference: np.ndarray) -> np.ndarray:
        """Give the tolerance of each element of an output."""
        return self.atol + self.rtol * np.abs(reference)


def run_network(network: Callable[..., Any], inputs: tuple[torch.Tensor, ...], names: list[str]) -> Arrays:
    """Call a network or a TorchScript of it and name its outputs."""
    with torch.inference_mode():
        returned = network(*inputs)
    tensors = (returned,) if isinstance(returned, torch.Tensor) else tuple(returned)
    return {name: tensor.numpy() for name, tensor in zip(names, tensors, strict=True)}


def load_model(folder: Path, weights: Path | None = None) -> ZooModel:
    """Build the model of a folder; raises ModelFolderError where its model.py does not keep the contract."""
    module = _import(folder / "model.py")
    missing = [name for name in _REQUIRED if not hasattr(module, name)]
    if missing:
        raise ModelFolderError(f"{module.__file__} lacks {', '.join(missing)}: see the contract in models/export.py")
    network = module.build(weights)
    if network.training:
        raise ModelFolderError(f"build() in {module.__file__} returns a network in training mode: call .eval() on it")
    model = ZooModel(
        name=folder.resolve().name,
        network=network,
        inputs=[dict(spec) for spec in module.INPUTS],
        outputs=[{"name": name} for name in module.OUTPUTS],
        atol=float(module.ATOL),
        rtol=float(module.RTOL),
        samples=module.samples,
        evaluate=getattr(module, "evaluate", None),
    )
    _check_inputs(model)
    _describe_outputs(model)
    return model


def _import(path: Path) -> ModuleType:
    if not path.is_file():
        raise ModelFolderError(f"{path} does not exist: a model folder holds a model.py")
    # A name of its own, so that two model folders may be read in one process.
    name = f"zoo_{hashlib.sha256(str(path.resolve()).encode()).hexdigest()[:12]}"
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def _check_inputs(model: ZooModel) -> None:
    arrays = model.samples(2, 0)
    for spec in model.inputs:
        array = arrays.get(spec["name"])
        if array is None:
            raise ModelFolderError(f"samples() of {model.name} gives no {spec['name']}, which INPUTS names")
        fits = len(array.shape) == len(spec["shape"]) and all(
            size in (None, actual) for size, actual in zip(spec["shape"], array.shape, strict=True)
        )
        if spec["shape"][0] is not None or len(array) != 2 or not fits or array.dtype.name != spec["dtype"]:
            raise ModelFolderError(
                f"samples(2) of {model.name} gives {spec['name']} as {array.dtype.name} {list(array.shape)}, INPUTS "
                f"says {spec['dtype']} {spec['shape']}; the first dimension is the batch and must be None in INPUTS"
            )


def _describe_outputs(model: ZooModel) -> None:
    """Find dtypes and shapes of the outputs: a dimension that follows the batch is free."""
    two, three = (model.predict(model.samples(n, 0)) for n in (2, 3))
    for spec in model.outputs:
        a, b = two[spec["name"]], three[spec["name"]]
        if a.ndim == 0 or len(a) != 2 or len(b) != 3:
            raise ModelFolderError(f"the first dimension of {model.name}'s output {spec['name']} is not the batch")
        spec["dtype"] = a.dtype.name
        spec["shape"] = [None, *[m if m == n else None for m, n in zip(a.shape[1:], b.shape[1:], strict=True)]]


def check_variation(model: ZooModel, outputs: Arrays) -> None:
    """Refuse a model whose outputs hardly depend on its input; outputs: of several samples, stacked."""
    for name, values in outputs.items():
        if not np.isfinite(values).all():
            raise ModelFolderError(f"output {name} of {model.name} holds NaN or infinity: its weights are broken")
        spread = float(np.ptp(values.astype(np.float64), axis=0).max())
        needed = VARIATION * float(model.allowed_error(values).max())
        if spread < needed:
            raise ModelFolderError(
                f"output {name} of {model.name} varies by only {spread:.3g} over {len(values)} samples, less than "
                f"{VARIATION} times its tolerance ({needed:.3g}), so a comparison would prove nothing. Remedy: trained "
                "weights, calibrated batch norm, samples that differ more, or a smaller ATOL and RTOL"
            )
