"""What a server's REST side takes and gives, as an OpenAPI description made from the model's own specs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from exchange import JSON

from bakeoff.schema import Model, TensorSpec
from bakeoff.wire.binary import RAW, SAFETENSORS
from bakeoff.wire.tensors import Specs

OPENAPI_PATH = "/openapi.json"
VERSION = "3.1.0"

_REFUSALS = {
    "400": "the body is none that the model takes",
    "404": "no such model or version",
    "408": "the request has not come in time",
    "413": "the body is too large",
    "415": "the body is compressed",
    "431": "the head of the request is too large",
    "503": "too many requests wait already",
}


def describe_tfserving(model: Model, binary: bool) -> dict[str, Any]:
    """Describe TensorFlow Serving's REST API for one model; `binary`: with the bodies of binary, too."""
    path = f"/v1/models/{model.name}"
    rows = {"predictions": _rows(model.outputs)}
    answer = {"oneOf": [_object(rows), _object({"outputs": _columns(model.outputs)})]}
    return _document(
        model.name,
        {
            f"{path}:predict": {"post": _predict(_body(model.inputs), answer, binary)},
            path: {"get": _get("the state of the model's versions", JSON)},
            f"{path}/metadata": {"get": _get("the model's signature", JSON)},
        },
    )


def describe_torchserve(model: Model) -> dict[str, Any]:
    """Describe TorchServe's REST API for one model."""
    answer = _object({"predictions": _rows(model.outputs)})
    body = _object({"instances": _rows(model.inputs)})
    return _document(
        model.name,
        {
            f"/predictions/{model.name}": {"post": _predict(body, answer, binary=True)},
            "/ping": {"get": _get("whether the server is healthy", JSON)},
        },
    )


def _document(model: str, paths: dict[str, Any]) -> dict[str, Any]:
    own = {
        "/metrics": {"get": _get("counters in Prometheus' text format", "text/plain")},
        OPENAPI_PATH: {"get": _get("this description", JSON)},
    }
    return {"openapi": VERSION, "info": {"title": model, "version": "1"}, "paths": paths | own}


def _get(what: str, media_type: str) -> dict[str, Any]:
    return {"responses": {"200": {"description": what, "content": {media_type: {}}}}}


def _predict(body: dict[str, Any], answer: dict[str, Any], binary: bool) -> dict[str, Any]:
    encodings: dict[str, Any] = {RAW: {}, SAFETENSORS: {}} if binary else {}
    responses: dict[str, Any] = {
        "200": {"description": "a prediction for each row", "content": {JSON: {"schema": answer}, **encodings}}
    }
    responses |= {status: {"description": text} for status, text in _REFUSALS.items()}
    content = {JSON: {"schema": body}, **encodings}
    return {"requestBody": {"required": True, "content": content}, "responses": responses}


def _body(inputs: Specs) -> dict[str, Any]:
    signature = {"signature_name": {"const": "serving_default"}}
    rows, columns = {"instances": _rows(inputs)}, {"inputs": _columns(inputs)}
    return {"oneOf": [_object(rows, signature), _object(columns, signature)]}


def _object(required: dict[str, Any], optional: dict[str, Any] | None = None) -> dict[str, Any]:
    properties = required | (optional or {})
    return {"type": "object", "properties": properties, "required": list(required), "additionalProperties": False}


def _rows(specs: Specs) -> dict[str, Any]:
    if len(specs) == 1:
        return _tensor(specs[0])
    row = _object({spec.name: _tensor(spec, spec.shape[1:]) for spec in specs})
    return {"type": "array", "minItems": 1, "items": row}


def _columns(specs: Specs) -> dict[str, Any]:
    if len(specs) == 1:
        return _tensor(specs[0])
    return _object({spec.name: _tensor(spec) for spec in specs})


def _tensor(spec: TensorSpec, shape: Sequence[int | None] | None = None) -> dict[str, Any]:
    """Describe nested lists; a shape of the spec's own is with its batch."""
    schema = _value(spec.dtype)
    for size in reversed(spec.shape if shape is None else shape):
        bounds = {"minItems": 1} if size is None else {"minItems": size, "maxItems": size}
        schema = {"type": "array", "items": schema, **bounds}
    return schema


def _value(dtype: str) -> dict[str, Any]:
    if dtype in ("object", "string"):
        return {}
    if dtype == "bool":
        return {"type": "boolean"}
    if not np.issubdtype(dtype, np.integer):
        return {"type": "number"}
    limits = np.iinfo(dtype)
    return {"type": "integer", "minimum": limits.min, "maximum": limits.max}
