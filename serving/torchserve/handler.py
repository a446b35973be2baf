"""TorchServe handler of a TorchScript model: tensors in and out as JSON, raw bytes or safetensors.

Packed alone into the model archive, which anybody may deploy by hand: it imports nothing of this repository, so it has
a codec of its own instead of bakeoff.wire, whose modules need a package around them and protobuf. The archive's YAML
holds, in its `handler` section, `inputs`, `outputs` and `lengths` as model.json does.
"""

from __future__ import annotations

import itertools
import json
import logging
import os
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.numpy import load as load_safetensors
from safetensors.numpy import save as save_safetensors
from ts.utils.util import PredictionException

JSON = "application/json"
RAW = "application/octet-stream"
SAFETENSORS = "application/x-safetensors"
WARM_UP_BATCHES = (1, 3)
WARM_UP_CALLS = 3  # the profiling executor specialises in the first two calls of a shape

Arrays = dict[str, np.ndarray]


class BadRequest(ValueError):
    """The body is not a request that this model can answer."""


@dataclass(frozen=True)
class Tensor:
    """An input or output; shape's first dimension is the batch, None is a free dimension."""

    name: str
    dtype: np.dtype
    shape: tuple[int | None, ...]

    @classmethod
    def from_dict(cls, spec: dict[str, Any]) -> Tensor:
        return cls(spec["name"], np.dtype(spec["dtype"]).newbyteorder("<"), tuple(spec["shape"]))

    @property
    def has_raw_form(self) -> bool:
        return self.dtype == np.dtype("<f4") and None not in self.shape[1:]

    def check(self, array: np.ndarray) -> None:
        """Raise BadRequest unless dtype and shape fit."""
        if array.dtype != self.dtype:
            raise BadRequest(f"input {self.name} is {array.dtype.name}, expected {self.dtype.name}")
        fits = array.ndim == len(self.shape) and all(
            want in (None, got) for want, got in zip(self.shape[1:], array.shape[1:], strict=True)
        )
        if not fits or not array.size:
            expected = ["batch", *("any" if size is None else size for size in self.shape[1:])]
            raise BadRequest(f"input {self.name} has shape {list(array.shape)}, expected {expected}".replace("'", ""))


class Codec:
    """Request bodies to arrays and arrays to reply bodies, for the inputs and outputs of one model."""

    def __init__(self, inputs: list[dict[str, Any]], outputs: list[dict[str, Any]]) -> None:
        self.inputs = [Tensor.from_dict(spec) for spec in inputs]
        self.outputs = [Tensor.from_dict(spec) for spec in outputs]
        self._raw_input, self._raw_output = (
            len(side) == 1 and side[0].has_raw_form for side in (self.inputs, self.outputs)
        )

    def decode(self, content_type: str, body: Any) -> Arrays:
        """Decode a body; of JSON the parsed document. Raises BadRequest."""
        if content_type == JSON:
            arrays = self._decode_json(body)
        elif content_type == RAW:
            arrays = self._decode_raw(body)
        elif content_type == SAFETENSORS:
            arrays = self._decode_safetensors(body)
        else:
            got = content_type or "missing"
            raise BadRequest(f"content type is {got}, expected one of {JSON}, {RAW}, {SAFETENSORS}")
        for tensor in self.inputs:
            tensor.check(arrays[tensor.name])
        batches = {tensor.name: len(arrays[tensor.name]) for tensor in self.inputs}
        if len(set(batches.values())) > 1:
            sizes = ", ".join(f"{name} {size}" for name, size in batches.items())
            raise BadRequest(f"inputs differ in batch size: {sizes}")
        return arrays

    def reply_type(self, asked: str) -> str:
        """Return the encoding of a reply: the request's, but for outputs that raw bytes can't tell."""
        return SAFETENSORS if asked == RAW and not self._raw_output else asked

    def encode(self, content_type: str, arrays: Arrays) -> bytes:
        """Encode the outputs."""
        if content_type == RAW:
            return np.ascontiguousarray(arrays[self.outputs[0].name], dtype="<f4").tobytes()
        if content_type == SAFETENSORS:
            return save_safetensors({name: np.ascontiguousarray(array) for name, array in arrays.items()})
        columns = [arrays[tensor.name].tolist() for tensor in self.outputs]
        if len(columns) == 1:
            return json.dumps({"predictions": columns[0]}).encode()
        names = [tensor.name for tensor in self.outputs]
        rows = [dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True)]
        return json.dumps({"predictions": rows}).encode()

    def _decode_json(self, document: Any) -> Arrays:
        rows = document.get("instances") if isinstance(document, dict) else None
        if not isinstance(rows, list) or not rows:
            raise BadRequest('JSON body must be {"instances": [row, ...]} with at least one row')
        if len(self.inputs) == 1 and not isinstance(rows[0], dict):
            return {self.inputs[0].name: _array_of(rows, self.inputs[0])}
        names = {tensor.name for tensor in self.inputs}
        for number, row in enumerate(rows):
            if not isinstance(row, dict) or row.keys() != names:
                raise BadRequest(f"instances[{number}] must be an object with the keys {', '.join(sorted(names))}")
        return {tensor.name: _array_of([row[tensor.name] for row in rows], tensor) for tensor in self.inputs}

    def _decode_raw(self, body: bytes | bytearray) -> Arrays:
        if not self._raw_input:
            raise BadRequest(f"raw bytes need a model of one float32 input; send {SAFETENSORS}")
        tensor = self.inputs[0]
        row_bytes = prod(tensor.shape[1:]) * tensor.dtype.itemsize  # type: ignore[arg-type]  # no None: _raw_input
        if not body or len(body) % row_bytes:
            raise BadRequest(f"body of {len(body)} bytes, expected a positive multiple of {row_bytes} (one row)")
        return {tensor.name: np.frombuffer(body, tensor.dtype).reshape(-1, *tensor.shape[1:])}

    def _decode_safetensors(self, body: bytes | bytearray) -> Arrays:
        try:
            arrays = load_safetensors(bytes(body))
        except (SafetensorError, KeyError) as error:  # KeyError: a dtype that numpy does not have
            raise BadRequest(f"body is not valid safetensors: {error}") from error
        names = {tensor.name for tensor in self.inputs}
        if arrays.keys() != names:
            raise BadRequest(f"tensors {', '.join(sorted(arrays)) or 'none'}, expected {', '.join(sorted(names))}")
        return arrays


def _array_of(rows: list[Any], tensor: Tensor) -> np.ndarray:
    """Make an array of JSON rows without taking strings or booleans for numbers."""
    try:
        array = np.asarray(rows)
    except (ValueError, OverflowError) as error:
        raise BadRequest(f"rows of input {tensor.name} are not arrays of one shape: {error}") from error
    kinds = "iuf" if tensor.dtype.kind == "f" else "b" if tensor.dtype.kind == "b" else "iu"
    if array.dtype.kind not in kinds:
        raise BadRequest(f"rows of input {tensor.name} hold values that are not {tensor.dtype.name}")
    with np.errstate(over="raise"):
        try:
            converted = array.astype(tensor.dtype)
        except FloatingPointError as error:
            raise BadRequest(f"input {tensor.name} holds a value out of the range of {tensor.dtype.name}") from error
    if tensor.dtype.kind in "iu" and not np.array_equal(converted, array):
        raise BadRequest(f"input {tensor.name} holds a value out of the range of {tensor.dtype.name}")
    return converted


def is_safetensors(body: bytes | bytearray) -> bool:
    """Say whether a body is safetensors: its header must account for exactly its length.

    Layout: u64 length of the header, the header (JSON), the tensors' bytes.
    """
    if len(body) < 10:
        return False
    (header_bytes,) = struct.unpack_from("<Q", body)
    if not 2 <= header_bytes <= len(body) - 8 or body[8:9] != b"{":
        return False
    try:
        header = json.loads(bytes(body[8 : 8 + header_bytes]))
        ends = [entry["data_offsets"][1] for name, entry in header.items() if name != "__metadata__"]
        return max(ends, default=0) == len(body) - 8 - header_bytes
    except (ValueError, RecursionError, KeyError, IndexError, TypeError):
        return False


class TorchScriptModel:
    """A traced model, optimised for inference and warm: in each of its lengths, where dimensions are free."""

    def __init__(self, file: Path, codec: Codec, threads: int, lengths: Sequence[int] = ()) -> None:
        torch.set_num_threads(threads)
        module = torch.jit.load(str(file), map_location="cpu").eval()
        # Here and not at export: an optimised MobileNetV2 can be saved but never loaded again.
        self._module = torch.jit.optimize_for_inference(module)
        self._codec = codec
        for batch, length in itertools.product(WARM_UP_BATCHES, lengths or [1]):
            arrays = {
                tensor.name: np.zeros([batch, *(size or length for size in tensor.shape[1:])], tensor.dtype)
                for tensor in codec.inputs
            }
            for _ in range(WARM_UP_CALLS):
                self.predict(arrays)

    def predict(self, arrays: Arrays) -> Arrays:
        """Compute the outputs. Raises BadRequest if the model refuses the values."""
        tensors = [torch.from_numpy(_writable(arrays[tensor.name])) for tensor in self._codec.inputs]
        try:
            with torch.inference_mode():
                result = self._module(*tensors)
        except RuntimeError as error:
            raise BadRequest(f"the model refuses this input: {str(error).strip().splitlines()[-1]}") from error
        if isinstance(result, dict):
            return {tensor.name: result[tensor.name].numpy() for tensor in self._codec.outputs}
        results = (result,) if isinstance(result, torch.Tensor) else result
        return {tensor.name: value.numpy() for tensor, value in zip(self._codec.outputs, results, strict=True)}


def _writable(array: np.ndarray) -> np.ndarray:
    # torch warns of arrays over read-only bytes, whose tensors it would let be written
    return array if array.flags.writeable else array.copy()


class Handler:
    """One loaded model, answering TorchServe's batches of requests."""

    def __init__(self, context: Any) -> None:
        specs = context.model_yaml_config["handler"]
        self._codec = Codec(specs["inputs"], specs["outputs"])
        file = Path(context.system_properties["model_dir"], context.manifest["model"]["serializedFile"])
        threads = int(os.environ.get("OMP_NUM_THREADS", "1"))
        self._model = TorchScriptModel(file, self._codec, threads, specs.get("lengths", ()))

    def handle(self, data: list[dict[str, Any]], context: Any) -> list[bytes]:
        replies = []
        for index, request in enumerate(data):
            try:
                replies.append(self._answer(index, request, context))
            except BadRequest as error:
                if len(data) == 1:
                    raise PredictionException(str(error), 400) from None
                # One wrong request must not fail the others of its batch; for gRPC TorchServe then answers OK.
                context.set_response_status(400, "Bad Request", idx=index)
                context.set_response_content_type(index, JSON)
                replies.append(json.dumps({"code": 400, "type": "BadRequest", "message": str(error)}).encode())
        return replies

    def _answer(self, index: int, request: dict[str, Any], context: Any) -> bytes:
        properties = context.request_processor[index].get_request_properties()
        body = request.get("body", request.get("data"))
        # Only requests that came over REST have this header.
        if "explain" in properties:
            content_type = _content_type(properties)
            if content_type == JSON and isinstance(body, (bytes, bytearray)):
                raise BadRequest("body is not valid JSON")  # TorchServe hands on what it could not parse
        else:
            # Without it one StreamPredictions call makes the frontend kill this worker.
            context.set_response_header(index, "ts_stream_next", "false")
            content_type = SAFETENSORS if isinstance(body, (bytes, bytearray)) and is_safetensors(body) else RAW
        if body is None:
            raise BadRequest("no body" if "explain" in properties else 'no input named "body"')
        outputs = self._model.predict(self._codec.decode(content_type, body))
        kind = self._codec.reply_type(content_type)
        context.set_response_content_type(index, kind)
        return self._codec.encode(kind, outputs)


_handler: Handler | None = None


def handle(data: list[dict[str, Any]] | None, context: Any) -> list[bytes] | None:
    """Load the model when there is no data yet, then answer batches: TorchServe's entry point."""
    # A function, because TorchServe takes a module with several classes no other way.
    global _handler
    if _handler is None:
        _quieten()
        _handler = Handler(context)
    return None if data is None else _handler.handle(data, context)


def _content_type(properties: dict[str, Any]) -> str:
    value = next((v for k, v in properties.items() if k.lower() == "content-type" and isinstance(v, str)), "")
    return value.partition(";")[0].strip().lower()


def _quieten() -> None:
    """Drop what the worker logs for every single request: it costs more than a small model's inference."""
    chatter = ("Backend received inference", "Failed json decoding")
    logging.getLogger().addFilter(lambda record: not record.getMessage().startswith(chatter))
    # A wrong request is the client's matter: without this TorchServe logs a traceback for each.
    logging.getLogger("ts.service").addFilter(lambda record: record.getMessage() != "Prediction error")
