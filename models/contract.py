"""What a model.py declares, read and checked before anything is built; the contract is told in export.py."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

Arrays = dict[str, np.ndarray]
Predict = Callable[[Arrays], Arrays]
Bounds = tuple[int, int | None]
"""The smallest and the largest size of a dimension; None: any."""

DTYPES = ("float32", "float64", "float16", "int64", "int32", "int16", "int8", "uint8", "bool")
VARIATION = 100
"""Outputs must vary over the samples by this many times the tolerance, or parity would prove nothing."""
BATCHES = (1, 2, 3)
"""The batch sizes that parity is proved at."""

_REQUIRED = ("build", "INPUTS", "OUTPUTS", "samples", "ATOL", "RTOL")
_INPUT_KEYS = {"name", "dtype", "shape", "range"}
_NAME = re.compile("[A-Za-z_][A-Za-z0-9_]*")


class ModelFolderError(Exception):
    """A model folder that does not keep the contract."""


@dataclass(frozen=True, slots=True)
class Input:
    """An input: what its arrays must be, its batch dimension first."""

    name: str
    dtype: str
    bounds: tuple[Bounds, ...]
    range: tuple[float, float] | None

    @property
    def shape(self) -> list[int | None]:
        """The size of each dimension, None where it is free."""
        return [low if low == high else None for low, high in self.bounds]

    @property
    def bounded_shape(self) -> list[Any]:
        """The size of each dimension; where it is free, its bounds or, without any, None."""
        return [None if high is None else low if low == high else [low, high] for low, high in self.bounds]

    def check(self, array: object, n: int) -> None:
        """Raise ModelFolderError unless this is an array of n samples that keeps to the specification."""
        if not isinstance(array, np.ndarray):
            raise ModelFolderError(f"{self.name} is a {type(array).__name__}, not a numpy array")
        found = f"{self.name} is {array.dtype.name} {list(array.shape)}"
        if array.dtype.name != self.dtype or array.ndim != len(self.bounds):
            raise ModelFolderError(f"{found}, INPUTS says {self.dtype} {self.bounded_shape}")
        if len(array) != n:
            raise ModelFolderError(f"{found}, of which the first dimension must be the {n} samples that were asked for")
        for axis, (size, (low, high)) in enumerate(zip(array.shape, self.bounds, strict=True)):
            if axis > 0 and (size < low or (high is not None and size > high)):
                allowed = str(low) if low == high else f"{low} to {'any' if high is None else high}"
                raise ModelFolderError(f"{found}; INPUTS allows {allowed} in dimension {axis}")
        self._check_values(array)

    def _check_values(self, array: np.ndarray) -> None:
        if not np.isfinite(array).all():
            raise ModelFolderError(f"{self.name} holds NaN or infinity")
        if self.range and array.size and (array.min() < self.range[0] or array.max() > self.range[1]):
            raise ModelFolderError(
                f"{self.name} holds values from {array.min():g} to {array.max():g}, "
                f"its range in INPUTS is {list(self.range)}"
            )


@dataclass(frozen=True, slots=True)
class Contract:
    """What a model.py declares: lengths is empty where no input has a free dimension beyond the batch."""

    inputs: tuple[Input, ...]
    outputs: tuple[str, ...]
    lengths: tuple[int, ...]
    atol: float
    rtol: float
    variation: float
    untrained: bool


def read_contract(declared: Mapping[str, Any]) -> Contract:
    """Read the names of a model.py; raises ModelFolderError with the key and what is allowed there."""
    missing = [name for name in _REQUIRED if name not in declared]
    if missing:
        raise ModelFolderError(f"lacks {', '.join(missing)}: see the contract in models/export.py")
    for name in ("build", "samples", "evaluate"):
        if not callable(declared.get(name, read_contract)):
            raise ModelFolderError(f"{name}: is a {type(declared[name]).__name__}, must be a function")
    inputs = _read_inputs(declared["INPUTS"])
    return Contract(
        inputs,
        _read_names("OUTPUTS", declared["OUTPUTS"]),
        _read_lengths(declared.get("LENGTHS"), inputs),
        _read_number(declared, "ATOL", 0.0),
        _read_number(declared, "RTOL", 0.0),
        _read_number({"VARIATION": VARIATION, **declared}, "VARIATION", 2.0),
        _read_flag(declared, "UNTRAINED"),
    )


def _read_inputs(declared: Any) -> tuple[Input, ...]:
    if not isinstance(declared, list | tuple) or not all(isinstance(spec, dict) for spec in declared):
        raise ModelFolderError("INPUTS: must be a list of dicts with name, dtype and shape")
    inputs = tuple(_read_input(f"INPUTS[{at}]", spec) for at, spec in enumerate(declared))
    _read_names("INPUTS", [spec.name for spec in inputs])
    if len({spec.bounds[0] for spec in inputs}) > 1:
        raise ModelFolderError("INPUTS: the first dimension is the batch: write the same in the shape of every input")
    return inputs


def _read_input(key: str, spec: Mapping[str, Any]) -> Input:
    lacking, unknown = _INPUT_KEYS - {"range"} - spec.keys(), spec.keys() - _INPUT_KEYS
    if lacking or unknown:
        what = f"lacks {', '.join(sorted(lacking))}" if lacking else f"{sorted(unknown)[0]!r} is unknown"
        raise ModelFolderError(f"{key}: {what}; allowed: name, dtype, shape and, if you like, range")
    if spec["dtype"] not in DTYPES:
        raise ModelFolderError(f"{key}: dtype: is {spec['dtype']!r}; allowed: {', '.join(DTYPES)}")
    shape = spec["shape"]
    if not isinstance(shape, list | tuple) or not shape:
        raise ModelFolderError(f"{key}: shape: is {shape!r}; must be a list, its first dimension the batch")
    bounds = tuple(_read_dimension(f"{key}: shape[{axis}]", size) for axis, size in enumerate(shape))
    low, high = bounds[0]
    if low != 1 or (high is not None and high < max(BATCHES)):
        raise ModelFolderError(
            f"{key}: shape[0]: is {shape[0]!r}; the first dimension is the batch: None or [1, high], high at least "
            f"{max(BATCHES)}, since parity is proved at the batches {', '.join(map(str, BATCHES))}"
        )
    return Input(spec["name"], spec["dtype"], bounds, _read_range(f"{key}: range", spec.get("range")))


def _read_dimension(key: str, size: Any) -> Bounds:
    if size is None:
        return 1, None
    if _is_count(size):
        return size, size
    if isinstance(size, list | tuple) and len(size) == 2 and all(map(_is_count, size)) and size[0] < size[1]:
        return size[0], size[1]
    raise ModelFolderError(f"{key}: is {size!r}; allowed: a number from 1, None (free), or [low, high] with low < high")


def _read_range(key: str, declared: Any) -> tuple[float, float] | None:
    if declared is None:
        return None
    pair = isinstance(declared, list | tuple) and len(declared) == 2 and all(map(_is_number, declared))
    if not pair or declared[0] > declared[1]:
        raise ModelFolderError(f"{key}: is {declared!r}; must be [low, high], numbers with low <= high")
    return declared[0], declared[1]


def _read_names(key: str, declared: Any) -> tuple[str, ...]:
    names = declared if isinstance(declared, list | tuple) else []
    if not names or not all(isinstance(name, str) and _NAME.fullmatch(name) for name in names):
        raise ModelFolderError(f"{key}: must be a list of names of letters, digits and _, at least one; is {declared}")
    twice = [name for at, name in enumerate(names) if name in names[:at]]
    if twice:
        raise ModelFolderError(f"{key}: the name {twice[0]!r} stands there twice; names must differ")
    return tuple(names)


def _read_lengths(declared: Any, inputs: tuple[Input, ...]) -> tuple[int, ...]:
    free = [(spec.name, bounds) for spec in inputs for bounds in spec.bounds[1:] if bounds[0] != bounds[1]]
    if not free:
        if declared:
            raise ModelFolderError("LENGTHS: stands there though no input has a free dimension beyond the batch")
        return ()
    lengths = declared if isinstance(declared, list | tuple) else []
    if len(lengths) < 2 or not all(map(_is_count, lengths)) or len(set(lengths)) < len(lengths):
        raise ModelFolderError(
            f"LENGTHS: is {declared!r}; must be a list of at least two different numbers, the lengths that samples() "
            f"can make, since {free[0][0]} has a free dimension beyond the batch"
        )
    return tuple(sorted(lengths))


def _read_number(declared: Mapping[str, Any], key: str, least: float) -> float:
    value = declared[key]
    if not _is_number(value) or value < least:
        raise ModelFolderError(f"{key}: is {value!r}; must be a number from {least:g}")
    return float(value)


def _read_flag(declared: Mapping[str, Any], key: str) -> bool:
    value = declared.get(key, False)
    if not isinstance(value, bool):
        raise ModelFolderError(f"{key}: is {value!r}; must be True or False")
    return value


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 1


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
