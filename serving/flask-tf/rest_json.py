"""TF Serving's JSON: row format (`instances`, `predictions`) and columnar format (`inputs`, `outputs`)."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
from saved_model import Arrays, Input, invalid

LONGEST_VALUE = 80  # characters of a wrong value that an error message repeats


def parse_body(body: bytes) -> dict[str, Any]:
    """Parse a request's body to a JSON object with `instances` or `inputs`."""
    if not body:
        raise invalid("JSON Parse error: The document is empty")
    try:
        document = json.loads(body)
    except json.JSONDecodeError as error:
        raise invalid(f"JSON Parse error: Invalid value. at offset: {error.pos}") from error
    except (ValueError, RecursionError) as error:  # not UTF-8, a number of thousands of digits, too deep
        raise invalid(f"JSON Parse error: {error}") from error
    if not isinstance(document, dict):
        raise invalid(f"JSON Value: {_show(document)} Is not object")
    if not isinstance(document.get("signature_name", ""), str):
        raise invalid(
            f"JSON Value: {_show(document)} not formatted correctly. 'signature_name' key must be a string value."
        )
    if "instances" not in document and "inputs" not in document:
        raise invalid("Missing 'inputs' or 'instances' key")
    if "instances" in document and "inputs" in document:
        raise invalid(
            f"JSON Value: {_show(document)} Not formatted correctly "
            "expecting only one of 'inputs' or 'instances' keys to exist "
        )
    return document


def decode_instances(rows: Any, inputs: dict[str, Input]) -> Arrays:
    """Turn rows into arrays, one for each input."""
    if not isinstance(rows, list):
        raise invalid(f"JSON Value: {_show({'instances': rows})} Expecting 'instances' to be an list/array")
    if not rows:
        raise invalid(f"JSON Value: {_show({'instances': rows})} No values in 'instances' array")
    if not isinstance(rows[0], dict):
        if len(inputs) != 1:
            raise invalid(
                "instances is a plain list, but expecting list of objects as multiple input tensors required "
                "as per tensorinfo_map"
            )
        for number, row in enumerate(rows):
            if isinstance(row, dict):
                raise invalid(f"Expecting value/list but got object at item {number} of input list")
        return {name: _array_of(rows, spec) for name, spec in inputs.items()}
    for number, row in enumerate(rows):
        if not isinstance(row, dict):
            raise invalid(f"Expecting object but got list at item {number} of input list")
        _check_keys(number, row, inputs)
    return {name: _array_of([row[name] for row in rows], spec) for name, spec in inputs.items()}


def decode_inputs(columns: Any, inputs: dict[str, Input]) -> Arrays:
    """Turn columns into arrays, one for each input."""
    if isinstance(columns, dict):
        for name in inputs:
            if name not in columns:
                raise invalid(f"Missing named input: {name} in 'inputs' object.")
        return {name: _array_of(columns[name], spec) for name, spec in inputs.items()}
    if len(inputs) != 1:
        raise invalid(
            "inputs is a plain value/list, but expecting an object as multiple input tensors required "
            "as per tensorinfo_map"
        )
    return {name: _array_of(columns, spec) for name, spec in inputs.items()}


def encode_predictions(outputs: Arrays) -> bytes:
    """Make the row format of outputs. NaN and infinities are bare tokens, as TF Serving writes them."""
    if any(not array.ndim for array in outputs.values()) or len({len(array) for array in outputs.values()}) != 1:
        shapes = ", ".join(f"{name} {list(array.shape)}" for name, array in outputs.items())
        raise invalid(f"outputs do not have the same batch size ({shapes}); use 'inputs' instead of 'instances'")
    columns = {name: array.tolist() for name, array in outputs.items()}
    if len(columns) == 1:
        (rows,) = columns.values()
    else:
        rows = [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
    return json.dumps({"predictions": rows}).encode()


def encode_outputs(outputs: Arrays) -> bytes:
    """Make the columnar format of outputs."""
    columns = {name: array.tolist() for name, array in outputs.items()}
    return json.dumps({"outputs": next(iter(columns.values())) if len(columns) == 1 else columns}).encode()


def _check_keys(number: int, row: dict[str, Any], inputs: dict[str, Input]) -> None:
    for key in row:
        if key not in inputs:
            raise invalid(
                f"Failed to process element: {number} key: {key} of 'instances' list. "
                f"Error: INVALID_ARGUMENT: JSON object: does not have named input: {key}"
            )
    if len(row) != len(inputs):
        raise invalid(
            f"Failed to process element: {number} of 'instances' list. JSON object: {_show(row)} "
            f"keys must be equal to: {','.join(sorted(inputs))}"
        )


def _array_of(value: Any, spec: Input) -> np.ndarray:
    """Make an array of JSON without taking strings or booleans for numbers."""
    dtype = np.dtype(spec.dtype.as_numpy_dtype)
    kinds = {"f": "iuf", "i": "iu", "u": "iu", "b": "b"}.get(dtype.kind)
    if kinds is None:
        raise invalid(f"input {spec.name} is {spec.dtype.name}; over REST this server takes numbers and booleans only")
    try:
        array = np.asarray(value)
    except (ValueError, OverflowError) as error:
        raise invalid(f"Encountered list at unexpected size in input {spec.name}: {error}") from error
    if array.size and array.dtype.kind not in kinds:
        raise invalid(f"JSON Value: {_show(value)} is not of expected type: {spec.dtype.name}")
    with np.errstate(over="ignore"):
        converted = array.astype(dtype)
    if dtype.kind in "iu" and not np.array_equal(converted, array):
        raise invalid(f"JSON Value: {_show(value)} is out of range of type: {spec.dtype.name}")
    return converted


def _show(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= LONGEST_VALUE else text[:LONGEST_VALUE] + "...(truncated)"
