"""What all wires share: named arrays, their check against a model's specs, and the error of a body that isn't right."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from bakeoff.schema import TensorSpec

Array = npt.NDArray[Any]
Arrays = dict[str, Array]
Specs = tuple[TensorSpec, ...]

MAX_BODY_BYTES = 20_000_000
"""The largest request and the largest reply on every wire, and so the largest tensor that a body may ask for."""


MOST_LISTED, LONGEST_LISTED = 16, 100


class WireError(ValueError):
    """A body that its wire doesn't allow; the text says what is wrong with it."""


def check_names(specs: Specs, names: Iterable[str], what: str) -> None:
    """Raise WireError unless the names are exactly the specs' names; WHAT is "input" or "output"."""
    expected, given = {spec.name for spec in specs}, set(names)
    if expected != given:
        raise WireError(f"{what}s are {_listed(given)}; the model's {what}s are {_listed(expected)}")


def check_shape(spec: TensorSpec, shape: tuple[int, ...]) -> None:
    """Raise WireError unless the shape fits the spec, in which None stands for any size."""
    if not spec.fits(shape):
        wanted = ["any" if size is None else size for size in spec.shape]
        raise WireError(f"{spec.name} has shape {list(shape)}; the model says [{', '.join(map(str, wanted))}]")


def check_arrays(specs: Specs, arrays: Mapping[str, Array], what: str) -> None:
    """Raise WireError unless the arrays have the specs' names, dtypes and shapes."""
    check_names(specs, arrays, what)
    for spec in specs:
        array = arrays[spec.name]
        if array.dtype != np.dtype(spec.dtype):
            raise WireError(f"{spec.name} has dtype {array.dtype}; the model says {spec.dtype}")
        check_shape(spec, array.shape)


def check_inputs(specs: Specs, arrays: Mapping[str, Array]) -> None:
    """Raise WireError unless a model can be given these arrays: as its inputs are, and all of one batch."""
    check_arrays(specs, arrays, "input")
    batches = {len(array) for array in arrays.values()}
    if len(batches) != 1 or 0 in batches:
        raise WireError(f"every input needs the same batch of at least one; these have {sorted(batches)}")


def _listed(names: Iterable[str]) -> str:
    """Return names for a message: a request may hold a million of them, and long ones."""
    first = sorted(names)
    more = f" and {len(first) - MOST_LISTED} more" if len(first) > MOST_LISTED else ""
    return (", ".join(name[:LONGEST_LISTED] for name in first[:MOST_LISTED]) or "none") + more
