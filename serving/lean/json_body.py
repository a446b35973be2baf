"""JSON fast, with the bare NaN and Infinity that TensorFlow Serving reads and writes but JSON doesn't have."""

from __future__ import annotations

from typing import Any

import numpy as np
import orjson
from exchange import JsonCodec

from bakeoff.wire import rows
from bakeoff.wire.tensors import Arrays


def parse_json(body: bytes) -> Any:
    """Parse a body; raises WireError."""
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        return rows.parse(body)


def dump_json(document: object, arrays: Arrays) -> bytes:
    """Write a document made of the arrays, which may stand for lists in it."""
    if all(np.isfinite(array).all() for array in arrays.values()):
        return orjson.dumps(document, option=orjson.OPT_SERIALIZE_NUMPY, default=np.ndarray.tolist)
    return rows.dump(document)  # orjson would write null


CODEC = JsonCodec(parse_json, dump_json)
