"""Arrays as JSON values, in TensorFlow Serving's row format and its columnar format.

One tensor stands bare; of several, each row (or the whole value, in the columnar format) is an object by name.
Strings are kept as bytes in object arrays, since TensorFlow's strings are bytes.
"""

from __future__ import annotations

import base64
import binascii
import json
from array import array
from itertools import chain
from typing import Any

import numpy as np

from bakeoff.schema import TensorSpec
from bakeoff.wire.tensors import Array, Arrays, Specs, WireError, check_arrays, check_names, check_shape


def parse(body: bytes) -> Any:
    """Parse JSON with TensorFlow Serving's bare NaN, Infinity and -Infinity; raises WireError.

    Bytes that aren't UTF-8 (TensorFlow Serving sends strings as they are) survive as surrogate escapes.
    """
    try:
        return json.loads(body.decode("utf-8", "surrogateescape"))
    except (ValueError, RecursionError) as error:
        raise WireError(f"not JSON: {error}") from error


def dump(document: object) -> bytes:
    """Write JSON in which arrays may stand for lists, with bare NaN, Infinity and -Infinity."""
    return json.dumps(document, default=lambda array: array.tolist()).encode()


def to_rows(specs: Specs, arrays: Arrays, what: str) -> Array | list[dict[str, Array]]:
    """Return the arrays in row format, to be dumped."""
    check_arrays(specs, arrays, what)
    if len(specs) == 1:
        return arrays[specs[0].name]
    batch_sizes = {len(array) for array in arrays.values()}
    if len(batch_sizes) != 1:
        raise WireError(f"rows need one batch size for every {what}; these have {sorted(batch_sizes)}")
    return [{name: array[row] for name, array in arrays.items()} for row in range(batch_sizes.pop())]


def to_columns(specs: Specs, arrays: Arrays, what: str) -> Array | Arrays:
    """Return the arrays in columnar format, to be dumped."""
    check_arrays(specs, arrays, what)
    return arrays[specs[0].name] if len(specs) == 1 else arrays


def from_rows(specs: Specs, rows: Any, what: str) -> Arrays:
    """Return the arrays that a JSON list of rows stands for; raises WireError."""
    if not isinstance(rows, list) or not rows:
        raise WireError(f"the rows of the {what}s must be a list that isn't empty")
    if not _is_named(rows[0]):
        return {_only(specs, what).name: to_array(specs[0], rows)}
    for row in rows:
        if not isinstance(row, dict):
            raise WireError("some rows are objects by name and others are not")
        check_names(specs, row, what)
    return {spec.name: to_array(spec, [row[spec.name] for row in rows]) for spec in specs}


def from_columns(specs: Specs, value: Any, what: str) -> Arrays:
    """Return the arrays that a JSON value in columnar format stands for; raises WireError."""
    if not _is_named(value):
        return {_only(specs, what).name: to_array(specs[0], value)}
    check_names(specs, value, what)
    return {spec.name: to_array(spec, value[spec.name]) for spec in specs}


def to_array(spec: TensorSpec, value: Any) -> Array:
    """Return nested lists as an array of the spec's dtype and shape; raises WireError."""
    shape, lists = _innermost(spec, value)
    check_shape(spec, shape)
    dtype = np.dtype(spec.dtype)
    if dtype.kind == "O":
        values = list(chain.from_iterable(lists))
        strings = np.empty(len(values), dtype=object)
        strings[:] = [_to_bytes(spec, item) for item in values]
        return strings.reshape(shape)
    numbers = np.array(_to_numbers(spec, lists))
    if dtype.kind in "iu" and numbers.size:
        limits = np.iinfo(dtype)
        if int(numbers.min()) < limits.min or int(numbers.max()) > limits.max:
            raise WireError(f"{spec.name}: a value is out of the range of {spec.dtype}")
    with np.errstate(over="ignore"):  # TensorFlow Serving, too, turns 1e39 into a float32 infinity
        return numbers.astype(dtype, copy=False).reshape(shape)


def _to_numbers(spec: TensorSpec, lists: list[list[Any]]) -> array[Any]:
    """Return the numbers in lists one after the other.

    Not by numpy: of one long string among many values it would make an array of so long a string for each.
    """
    kind = np.dtype(spec.dtype).kind
    # l, not q: to TFLite an array of C's long long is none of int64
    numbers = array({"i": "l", "u": "L", "b": "B"}.get(kind, "d"))
    first = lists[0][:1]
    try:
        # All are looked at for truth values only where they are meant: one among numbers counts as 0 or 1.
        if first and (type(first[0]) is bool) != (kind == "b"):
            raise TypeError
        if kind == "b" and any(type(value) is not bool for value in chain.from_iterable(lists)):
            raise TypeError
        for each in lists:
            numbers.fromlist(each)
    except TypeError:
        raise WireError(f"{spec.name}: the values are not all of dtype {spec.dtype}") from None
    except OverflowError:
        raise WireError(f"{spec.name}: a value is out of the range of {spec.dtype}") from None
    return numbers


def _innermost(spec: TensorSpec, value: Any) -> tuple[tuple[int, ...], list[list[Any]]]:
    """Return the shape of nested lists, no deeper than the spec's rank, and the innermost lists in order."""
    if not isinstance(value, list):
        return (), [[value]]
    shape = [len(value)]
    lists = [value]
    while lists[0] and isinstance(lists[0][0], list):
        if len(shape) == len(spec.shape):
            raise WireError(f"{spec.name}: the lists are deeper than the model's {len(spec.shape)} dimensions")
        lists = lists[0] if len(lists) == 1 else list(chain.from_iterable(lists))
        if set(map(type, lists)) != {list} or len(set(map(len, lists))) != 1:
            raise WireError(f"{spec.name}: the lists are ragged")
        shape.append(len(lists[0]))
    return tuple(shape), lists


def _to_bytes(spec: TensorSpec, value: Any) -> bytes:
    if isinstance(value, str):
        try:
            return value.encode("utf-8", "surrogateescape")
        except UnicodeEncodeError as error:
            raise WireError(f"{spec.name}: a string is no valid text: {error.reason}") from error
    if isinstance(value, dict) and isinstance(value.get("b64"), str) and len(value) == 1:
        text = value["b64"]
        try:
            return base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
        except (binascii.Error, ValueError) as error:
            raise WireError(f"{spec.name}: not base64: {error}") from error
    raise WireError(f"{spec.name}: a value is neither a string nor an object with b64")


def _is_named(value: Any) -> bool:
    return isinstance(value, dict) and set(value) != {"b64"}


def _only(specs: Specs, what: str) -> TensorSpec:
    if len(specs) != 1:
        names = ", ".join(spec.name for spec in specs)
        raise WireError(f"the model has several {what}s, so objects by name are needed: {names}")
    return specs[0]
