"""A model folder (models/zoo/NAME/ or a user's own) built and checked; its contract is told in export.py."""

from __future__ import annotations

import hashlib
import importlib.util
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import torch
from contract import Arrays, Contract, ModelFolderError, Predict, read_contract
from torch import nn
from user_code import ModelError, UserCode

Evaluate = Callable[[Predict], dict[str, Any]]


@dataclass(frozen=True, slots=True)
class ZooModel:
    """A model, built: outputs have name, dtype and shape (None: a free dimension)."""

    name: str
    network: nn.Module
    contract: Contract
    outputs: list[dict[str, Any]]
    code: UserCode
    draw: Callable[..., Arrays]
    evaluate: Evaluate | None

    @property
    def inputs(self) -> list[dict[str, Any]]:
        """Name, dtype and shape of each input, with [low, high] where a free dimension has bounds."""
        return [{"name": spec.name, "dtype": spec.dtype, "shape": spec.bounded_shape} for spec in self.contract.inputs]

    @property
    def input_specs(self) -> list[dict[str, Any]]:
        """The same with None for every free dimension, as model.json and servers have it."""
        return [{"name": spec.name, "dtype": spec.dtype, "shape": spec.shape} for spec in self.contract.inputs]

    @property
    def description(self) -> dict[str, Any]:
        """What servers and engines must know of it, as model.json has it."""
        return {
            "name": self.name,
            "sha256": "",  # the export knows it
            "inputs": self.input_specs,
            "outputs": self.outputs,
            "lengths": list(self.contract.lengths),
            "atol": self.contract.atol,
            "rtol": self.contract.rtol,
        }

    @property
    def lengths(self) -> tuple[int | None, ...]:
        """The lengths that everything is done at: those of LENGTHS, None for a model without."""
        return self.contract.lengths or (None,)

    def samples(self, n: int, seed: int, length: int | None = None) -> Arrays:
        """Draw n inputs, checked; of a model with lengths and none given, in one that stands for all of them.

        That one is neither the longest, which tracers take for a bound, nor 1, which they take for a constant.
        """
        if length is None and self.contract.lengths:
            shorter = [length for length in self.contract.lengths[:-1] if length > 1]
            length = (shorter or self.contract.lengths)[-1]
        arrays = self.code.call("samples()", self.draw, n, seed, *([] if length is None else [length]))
        at = f"samples({n}, {seed}" + (")" if length is None else f", {length})")
        _check_samples(self.contract, arrays, n, at)
        return arrays

    def tensors(self, arrays: Arrays) -> tuple[torch.Tensor, ...]:
        """Give arrays by input name as the network's positional arguments."""
        return tuple(torch.from_numpy(np.ascontiguousarray(arrays[spec.name])) for spec in self.contract.inputs)

    def predict(self, arrays: Arrays) -> Arrays:
        """Run the network in PyTorch: the reference of every format."""
        return self.code.call(
            "the network", run_network, self.network, self.tensors(arrays), list(self.contract.outputs)
        )

    def allowed_error(self, reference: np.ndarray) -> np.ndarray:
        """Give the tolerance of each element of an output."""
        return self.contract.atol + self.contract.rtol * np.abs(reference)


def run_network(network: Callable[..., Any], inputs: tuple[torch.Tensor, ...], names: list[str]) -> Arrays:
    """Call a network and name its outputs."""
    with torch.inference_mode():
        returned = network(*inputs)
    tensors = (returned,) if isinstance(returned, torch.Tensor) else tuple(returned)
    return {name: tensor.numpy() for name, tensor in zip(names, tensors, strict=True)}


def load_model(folder: Path, weights: Path | None = None) -> ZooModel:
    """Build the model of a folder.

    Raises ModelFolderError where its model.py does not keep the contract, ModelError where it does not work.
    """
    file = folder / "model.py"
    if not file.is_file():
        raise ModelFolderError(f"{file} does not exist: a model folder holds a model.py")
    code = UserCode(file)
    module = code.call("importing model.py", _import, file.resolve())
    return _make_model(folder.resolve().name, code, vars(module), weights)


def load_pretrained(folder: Path, name: str) -> ZooModel:
    """Build a model that Hugging Face's save_pretrained() wrote; raises ModelFolderError and ModelError."""
    from hf import pretrained

    code = UserCode(Path(pretrained.__file__))
    return _make_model(name, code, code.call(f"reading {folder}", pretrained.declare, folder), None)


def _make_model(name: str, code: UserCode, declared: Mapping[str, Any], weights: Path | None) -> ZooModel:
    try:
        contract = read_contract(declared)
        network = _build(declared["build"], code, weights)
        evaluate = _checked(declared["evaluate"], code) if "evaluate" in declared else None
        model = ZooModel(name, network, contract, [], code, declared["samples"], evaluate)
        _check_inputs(model)
    except ModelFolderError as error:
        raise ModelFolderError(f"{code.file}: {error}") from None
    _order_outputs(model)
    _describe_outputs(model)
    return model


def _import(file: Path) -> ModuleType:
    # A name of its own, so that two model folders may be read in one process.
    name = f"zoo_{hashlib.sha256(str(file).encode()).hexdigest()[:12]}"
    spec = importlib.util.spec_from_file_location(name, file)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def _build(build: Callable[..., Any], code: UserCode, weights: Path | None) -> nn.Module:
    network = code.call(f"build({weights})" if weights else "build()", build, weights)
    if not isinstance(network, nn.Module):
        raise ModelError(f"build() in {code.file} returns a {type(network).__name__}, not a torch.nn.Module")
    training = [name or "the network" for name, part in network.named_modules() if part.training]
    if training:
        raise ModelError(
            f"build() in {code.file} returns a network in training mode ({training[0]}): call .eval() on it"
        )
    for name, parameter in network.named_parameters():
        if parameter.isnan().any():
            raise ModelError(f"the weights that build() in {code.file} returns are broken: {name} holds NaN")
    return network


def _checked(evaluate: Evaluate, code: UserCode) -> Evaluate:
    def call(predict: Predict) -> dict[str, Any]:
        measured = code.call("evaluate()", evaluate, predict)
        if not isinstance(measured, Mapping) or not {"accuracy", "samples"} <= measured.keys():
            raise ModelError(
                f'evaluate() in {code.file} must return {{"accuracy": ..., "samples": ...}}; is {measured!r}'
            )
        if not 0 <= measured["accuracy"] <= 1:
            raise ModelError(f"evaluate() in {code.file} gives an accuracy of {measured['accuracy']}, not of 0 to 1")
        return {"accuracy": float(measured["accuracy"]), "samples": int(measured["samples"])}

    return call


def _check_samples(contract: Contract, arrays: Any, n: int, at: str) -> None:
    names = {spec.name for spec in contract.inputs}
    given = set(arrays) if isinstance(arrays, Mapping) else None
    if given != names:
        found = f"a {type(arrays).__name__}" if given is None else ", ".join(sorted(map(str, given))) or "nothing"
        raise ModelFolderError(f"{at} gives {found}; must be arrays by name: {', '.join(sorted(names))}")
    for spec in contract.inputs:
        try:
            spec.check(arrays[spec.name], n)
        except ModelFolderError as error:
            raise ModelFolderError(f"in what {at} gives, {error}") from None


def _check_inputs(model: ZooModel) -> None:
    """Hold samples() against INPUTS at every length."""
    shapes: dict[str, set[tuple[int, ...]]] = {spec.name: set() for spec in model.contract.inputs}
    for length in model.lengths:
        first, again = model.samples(2, 0, length), model.samples(2, 0, length)
        for name, array in first.items():
            if array.tobytes() != again[name].tobytes():
                raise ModelFolderError(f"samples() gives other {name} for the same seed: draw from a seeded generator")
            shapes[name].add(array.shape)
    for spec in model.contract.inputs:
        for axis, size in enumerate(spec.shape):
            if axis > 0 and size is None and len({shape[axis] for shape in shapes[spec.name]}) == 1:
                raise ModelFolderError(
                    f"samples() gives {spec.name} one size in its free dimension {axis} at every length of LENGTHS"
                )


def _order_outputs(model: ZooModel) -> None:
    """Have a network that returns a dict or a list return a tuple in the order of OUTPUTS, as exporters need."""
    names = model.contract.outputs

    def call() -> Any:
        with torch.inference_mode():
            return model.network(*model.tensors(model.samples(2, 0)))

    def in_order(module: nn.Module, inputs: Any, returned: Any) -> tuple[Any, ...]:
        return tuple(returned[name] for name in names) if isinstance(returned, Mapping) else tuple(returned)

    returned = model.code.call("the network", call)
    if isinstance(returned, Mapping):
        missing = [name for name in names if name not in returned]
        if missing:
            raise ModelError(f"the network returns {', '.join(returned)}, but not {', '.join(missing)} of OUTPUTS")
    if isinstance(returned, Mapping | list):
        model.network.register_forward_hook(in_order)
        returned = in_order(model.network, (), returned)
    tensors = (returned,) if isinstance(returned, torch.Tensor) else returned
    if not isinstance(tensors, tuple) or not all(isinstance(tensor, torch.Tensor) for tensor in tensors):
        raise ModelError(f"the network returns a {type(returned).__name__} that is neither tensors nor a dict of them")
    if len(tensors) != len(names):
        raise ModelError(f"the network returns {len(tensors)} tensors, OUTPUTS names {len(names)}: {', '.join(names)}")


def _describe_outputs(model: ZooModel) -> None:
    """Find dtypes and shapes of the outputs: a dimension that follows the batch or the length is free."""
    few, many = (
        model.predict(model.samples(n, 0, length)) for n, length in ((2, model.lengths[0]), (3, model.lengths[-1]))
    )
    for name in model.contract.outputs:
        a, b = few[name], many[name]
        if a.ndim == 0 or a.ndim != b.ndim or len(a) != 2 or len(b) != 3:
            raise ModelError(f"the first dimension of {model.name}'s output {name} is not the batch")
        shape = [None, *[m if m == n else None for m, n in zip(a.shape[1:], b.shape[1:], strict=True)]]
        model.outputs.append({"name": name, "dtype": a.dtype.name, "shape": shape})


def check_variation(model: ZooModel, outputs: Arrays) -> None:
    """Refuse a model whose outputs hardly depend on its input; outputs: of several samples, stacked."""
    for name, values in outputs.items():
        if not np.isfinite(values).all():
            raise ModelError(f"output {name} of {model.name} holds NaN or infinity: its weights are broken")
        spread = float(np.ptp(values.astype(np.float64), axis=0).max())
        variation = model.contract.variation
        needed = variation * float(model.allowed_error(values).max())
        if spread < needed:
            raise ModelError(
                f"output {name} of {model.name} varies by only {spread:.3g} over {len(values)} samples, less than "
                f"{variation:g} times its tolerance ({needed:.3g}), so a comparison would prove nothing. Remedy: "
                "trained weights, calibrated batch norm, samples that differ more, or a smaller ATOL and RTOL"
            )
