"""Arrays as plain bytes: one float32 array's own bytes, or a safetensors file where there is more to say."""

from __future__ import annotations

import math

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load, save

from bakeoff.schema import TensorSpec
from bakeoff.wire.tensors import Array, Arrays, Specs, WireError, check_arrays

RAW = "application/octet-stream"
SAFETENSORS = "application/x-safetensors"


def content_type(specs: Specs) -> str:
    """Return the media type of arrays with these specs."""
    return RAW if is_raw(specs) else SAFETENSORS


def is_raw(specs: Specs) -> bool:
    """Say whether the bytes alone tell the array: a single float32 one of which only the batch is free."""
    return len(specs) == 1 and specs[0].dtype == "float32" and None not in specs[0].shape[1:] and bool(specs[0].shape)


def reply_type(outputs: Specs, asked: str) -> str:
    """Return the media type of a reply: as was asked, but for outputs that raw bytes can't tell."""
    return asked if asked == SAFETENSORS or is_raw(outputs) else SAFETENSORS


def encode(specs: Specs, arrays: Arrays, media_type: str, what: str = "input") -> bytes:
    """Encode arrays as MEDIA_TYPE, after checking them against the specs."""
    check_arrays(specs, arrays, what)
    if media_type == RAW:
        return arrays[specs[0].name].astype("<f4", copy=False).tobytes()
    return save({name: np.ascontiguousarray(array) for name, array in arrays.items()})


def decode(specs: Specs, body: bytes, media_type: str, what: str = "output") -> Arrays:
    """Decode a body of the media type and check it against the specs; raises WireError."""
    if media_type == RAW:
        if not is_raw(specs):
            raise WireError(f"this model's {what}s don't fit {RAW}; use {SAFETENSORS}")
        return {specs[0].name: decode_raw(specs[0], body)}
    if media_type != SAFETENSORS:
        raise WireError(f"content type {media_type!r} is unknown; use {RAW} or {SAFETENSORS}")
    arrays = decode_safetensors(body)
    check_arrays(specs, arrays, what)
    return arrays


def recognise(body: bytes) -> str:
    """Tell by its header whether a body is safetensors or raw, where no header beside it says so.

    A safetensors file starts with its JSON header's length as eight bytes, and the header with a brace; raw float32
    values would have to be a denormal number, a zero and the like to look so.
    """
    header_bytes = int.from_bytes(body[:8], "little")
    return SAFETENSORS if body[8:9] == b"{" and 2 <= header_bytes <= len(body) - 8 else RAW


def decode_raw(spec: TensorSpec, body: bytes) -> Array:
    """Return the float32 array [batch, ...] whose bytes these are; raises WireError when no whole batch fills them."""
    row_shape = [size for size in spec.shape[1:] if size is not None]
    row_bytes = 4 * math.prod(row_shape)
    if not body or row_bytes == 0 or len(body) % row_bytes:
        raise WireError(f"{len(body)} bytes are no whole number of rows of {spec.name}, each {row_bytes} bytes")
    return np.frombuffer(body, "<f4").reshape(-1, *row_shape)


def decode_safetensors(body: bytes) -> Arrays:
    """Return the arrays of a safetensors file; raises WireError."""
    try:
        return load(body)
    except (SafetensorError, KeyError, TypeError, ValueError, OverflowError) as error:
        # KeyError and TypeError are the library's way to say that numpy has no such dtype, OverflowError that an empty
        # array has a dimension beyond 64 bits.
        raise WireError(f"not a safetensors file of known dtypes: {error}") from error
