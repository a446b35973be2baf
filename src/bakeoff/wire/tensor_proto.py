"""TensorFlow's TensorProto as an array and back."""

from __future__ import annotations

import math

import numpy as np

from bakeoff.wire.proto.tfserving_pb2 import DataType, TensorProto
from bakeoff.wire.tensors import MAX_BODY_BYTES, Array, WireError

MAX_RANK = 32  # of an array in numpy 1

_BFLOAT16 = DataType.DT_BFLOAT16
_DTYPES: dict[int, tuple[str, str]] = {
    DataType.DT_FLOAT: ("float32", "float_val"),
    DataType.DT_DOUBLE: ("float64", "double_val"),
    DataType.DT_INT32: ("int32", "int_val"),
    DataType.DT_UINT8: ("uint8", "int_val"),
    DataType.DT_INT16: ("int16", "int_val"),
    DataType.DT_INT8: ("int8", "int_val"),
    DataType.DT_UINT16: ("uint16", "int_val"),
    DataType.DT_STRING: ("object", "string_val"),
    DataType.DT_COMPLEX64: ("complex64", "scomplex_val"),
    DataType.DT_COMPLEX128: ("complex128", "dcomplex_val"),
    DataType.DT_INT64: ("int64", "int64_val"),
    DataType.DT_BOOL: ("bool", "bool_val"),
    DataType.DT_HALF: ("float16", "half_val"),
    DataType.DT_BFLOAT16: ("uint16", "half_val"),
    DataType.DT_UINT32: ("uint32", "uint32_val"),
    DataType.DT_UINT64: ("uint64", "uint64_val"),
}
_NUMBERS = {name: number for number, (name, _) in _DTYPES.items() if number != _BFLOAT16}


def dtype_number(dtype: str) -> int:
    """Return TensorFlow's number for one of numpy's dtype names."""
    return _NUMBERS[dtype]


def fill_proto(proto: TensorProto, array: Array) -> None:
    """Make an empty TensorProto say the array as tensor_content; strings have no such form."""
    proto.dtype = _NUMBERS[array.dtype.name]  # type: ignore[assignment]
    for size in array.shape:
        proto.tensor_shape.dim.add(size=size)
    proto.tensor_content = array.astype(array.dtype.newbyteorder("<"), copy=False).tobytes()


def from_proto(name: str, proto: TensorProto) -> Array:
    """Return a TensorProto as an array, bfloat16 as float32 and strings as bytes; raises WireError.

    Typed values follow TensorFlow: fewer than the shape needs repeat the last one (none at all means zero),
    more than it needs are ignored.
    """
    if proto.dtype not in _DTYPES:
        raise WireError(f"{name}: dtype {proto.dtype} is unknown")
    dtype = np.dtype(_DTYPES[proto.dtype][0])
    shape = _shape(name, proto, dtype)
    flat = _from_content(name, proto, dtype, shape) if proto.tensor_content else _from_values(proto, dtype, shape)
    if proto.dtype == _BFLOAT16:
        flat = (flat.astype(np.uint32) << 16).view(np.float32)
    try:
        return flat.reshape(shape)
    except ValueError as error:  # an empty array may have dimensions that no array can have
        raise WireError(f"{name}: shape {list(shape)} is impossible: {error}") from error


def _shape(name: str, proto: TensorProto, dtype: np.dtype[np.generic]) -> tuple[int, ...]:
    shape = tuple(dim.size for dim in proto.tensor_shape.dim)
    if proto.tensor_shape.unknown_rank or len(shape) > MAX_RANK or any(size < 0 for size in shape):
        raise WireError(f"{name}: a tensor needs a known shape of at most {MAX_RANK} dimensions, not {list(shape)}")
    if math.prod(shape) * dtype.itemsize > MAX_BODY_BYTES:
        raise WireError(f"{name}: shape {list(shape)} means more than {MAX_BODY_BYTES:,} bytes")
    return shape


def _from_content(name: str, proto: TensorProto, dtype: np.dtype[np.generic], shape: tuple[int, ...]) -> Array:
    if dtype.kind == "O":
        raise WireError(f"{name}: strings in tensor_content are not supported; use string_val")
    expected = math.prod(shape) * dtype.itemsize
    if len(proto.tensor_content) != expected:
        given = len(proto.tensor_content)
        raise WireError(f"{name}: tensor_content has {given} bytes; {dtype} {list(shape)} needs {expected}")
    return np.frombuffer(proto.tensor_content, dtype.newbyteorder("<")).astype(dtype, copy=False)


def _from_values(proto: TensorProto, dtype: np.dtype[np.generic], shape: tuple[int, ...]) -> Array:
    field = getattr(proto, _DTYPES[proto.dtype][1])
    count = math.prod(shape)
    if dtype.kind == "c":  # pairs of real and imaginary part
        values = np.array(field[: len(field) // 2 * 2], dtype=dtype.type(0).real.dtype).view(dtype)
    elif proto.dtype in (DataType.DT_HALF, _BFLOAT16):  # the low 16 bits of each
        values = np.array(field, dtype=np.int32).astype(np.uint16).view(dtype)
    elif dtype.kind in "iub" and _DTYPES[proto.dtype][1] == "int_val":
        values = np.array(field, dtype=np.int32).astype(dtype)
    else:
        values = np.array(field, dtype=dtype)
    if len(values) >= count:
        return values[:count]
    filler = values[-1] if len(values) else (b"" if dtype.kind == "O" else dtype.type(0))
    return np.concatenate([values, np.full(count - len(values), filler, dtype=dtype)])
