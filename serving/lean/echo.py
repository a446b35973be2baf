"""Answer every wire with fixed values of the model's output size, without a model: the floor of our own servers.

It is the lean server's HTTP and gRPC stack with nothing behind it. A reply has the request's batch where that is
cheap to know (not in JSON, which is not parsed: batch 1).
"""

from __future__ import annotations

import json
import re
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "shared"))

import openapi
import orjson
from command_line import parse_command_line
from exchange import Request, Response
from grpc_app import Method
from json_body import dump_json
from lifecycle import Service, fail, prepare, run
from prediction_queue import Caller
from request_error import RequestError, invalid, not_found
from server_metrics import ServerMetrics
from tfserving_info import status_document

from bakeoff.schema import Model, read_model
from bakeoff.wire import binary, tfserving, tfserving_server, torchserve, torchserve_server
from bakeoff.wire.grpc_message import parse
from bakeoff.wire.proto.tfserving_pb2 import PredictRequest
from bakeoff.wire.tensors import MAX_BODY_BYTES, Arrays, WireError

VERSION = 1
MOST_CALLS = 1000  # of gRPC at a time
MOST_KEPT_BYTES = 64_000_000  # of replies that are made once
PATH = re.compile(r"/v1/models/(?P<tfserving>[^/:?]+):predict|/predictions/(?P<torchserve>[^/:?]+)")
STATUS_PATH = re.compile(r"/v1/models/(?P<model>[^/:?]+)")


class Echo:
    """The replies of one model's size over the six wires, each made once for a batch."""

    def __init__(self, model: Model) -> None:
        self._model = model
        self._description = orjson.dumps(_describe(model))
        self._kept: dict[tuple[str, int], bytes] = {}
        self.grpc_methods: dict[str, Method] = {
            tfserving.grpc_path(model.name): self._tfserving_grpc,
            torchserve.grpc_path(model.name): self._torchserve_grpc,
        }

    async def respond(self, request: Request) -> Response:
        """Answer a REST request."""
        if (request.method, request.path) == ("GET", openapi.OPENAPI_PATH):
            return Response(self._description)
        match = PATH.fullmatch(request.path)
        if request.method == "POST" and match:
            self._require_model(match["tfserving"] or match["torchserve"])
            return self._predict(request)
        status = STATUS_PATH.fullmatch(request.path)
        if request.method == "GET" and status:
            self._require_model(status["model"])
            return Response(orjson.dumps(status_document(VERSION)))
        raise invalid(f"Malformed request: {request.method} {request.path}")

    def _predict(self, request: Request) -> Response:
        if request.content_type in (binary.RAW, binary.SAFETENSORS):
            batch = self._binary_batch(request.body, request.content_type)
            kind = binary.reply_type(self._model.outputs, request.content_type)
            return Response(self._reply(kind, batch), kind)
        if not request.body.lstrip()[:1] == b"{":
            raise invalid("the body must be a JSON object with 'instances' or 'inputs'")
        return Response(self._reply("json", 1))

    def _tfserving_grpc(self, message: bytes, _: Caller) -> bytes:
        request = parse(PredictRequest, message)
        self._require_model(request.model_spec.name)
        proto = request.inputs.get(self._model.inputs[0].name)
        if proto is None or not proto.tensor_shape.dim:
            raise invalid(f"input {self._model.inputs[0].name} is missing or has no batch")
        return self._reply("tfserving-grpc", proto.tensor_shape.dim[0].size)

    def _torchserve_grpc(self, message: bytes, _: Caller) -> bytes:
        name, body = torchserve_server.decode_grpc_call(message)
        self._require_model(name)
        media_type = binary.recognise(body)
        kind = binary.reply_type(self._model.outputs, media_type)
        return torchserve_server.encode_grpc_reply(self._reply(kind, self._binary_batch(body, media_type)))

    def _binary_batch(self, body: bytes, media_type: str) -> int:
        spec = self._model.inputs[0]
        if media_type == binary.RAW:
            if not binary.is_raw(self._model.inputs):
                raise invalid(f"this model's inputs don't fit {binary.RAW}; use {binary.SAFETENSORS}")
            return len(binary.decode_raw(spec, body))
        return _safetensors_batch(body, spec.name)

    def _reply(self, kind: str, batch: int) -> bytes:
        reply = self._kept.get((kind, batch))
        if reply is None:
            reply = self._make_reply(kind, batch)
            if sum(map(len, self._kept.values())) + len(reply) > MOST_KEPT_BYTES:
                self._kept = {}  # a new one: other threads may be looking through the old
            self._kept[kind, batch] = reply
        return reply

    def _make_reply(self, kind: str, batch: int) -> bytes:
        arrays = _fixed_outputs(self._model, batch)
        if kind == "json":
            return dump_json(tfserving_server.rest_reply(self._model.outputs, arrays, columnar=False), arrays)
        if kind == "tfserving-grpc":
            return tfserving_server.encode_grpc_reply(self._model.outputs, arrays, self._model.name, VERSION)
        return binary.encode(self._model.outputs, arrays, kind, "output")

    def _require_model(self, name: str) -> None:
        if name != self._model.name:
            raise not_found(f"Servable not found for request: Latest({name})")


def error_document(error: RequestError) -> dict[str, Any]:
    return {"error": str(error)}


def _describe(model: Model) -> dict[str, Any]:
    """Describe the REST side of both families."""
    described = openapi.describe_tfserving(model, binary=True)
    described["paths"] |= openapi.describe_torchserve(model)["paths"]
    for absent in ("/ping", f"/v1/models/{model.name}/metadata"):
        del described["paths"][absent]
    return described


def _safetensors_batch(body: bytes, name: str) -> int:
    """Read the batch from the header alone; raises WireError."""
    if binary.recognise(body) != binary.SAFETENSORS:
        raise WireError("not a safetensors file")
    try:
        header = json.loads(body[8 : 8 + int.from_bytes(body[:8], "little")])
        return int(header[name]["shape"][0])
    except (ValueError, KeyError, TypeError, IndexError, OverflowError, RecursionError) as error:
        raise WireError(f"the safetensors header gives no shape of {name}: {error!r}") from error


def _fixed_outputs(model: Model, batch: int) -> Arrays:
    """Make values as long in JSON as a model's own are; a free dimension other than the batch is 1."""
    arrays: Arrays = {}
    for spec in model.outputs:
        shape = [batch, *(1 if size is None else size for size in spec.shape[1:])]
        size = int(np.prod(shape, dtype=object))
        if batch < 1 or size * np.dtype(spec.dtype).itemsize > MAX_BODY_BYTES:
            raise WireError(f"a batch of {batch} is not allowed: the reply may have 1 to {MAX_BODY_BYTES:,} bytes")
        arrays[spec.name] = np.random.default_rng(0).normal(size=shape).astype(spec.dtype)
    return arrays


def main() -> None:
    options = parse_command_line(__doc__, knows=("patience",))
    prepare()
    try:
        model = replace(read_model(options.model_dir / "model.json"), name=options.model)
    except (OSError, KeyError, TypeError, ValueError) as error:
        fail(f"can't serve {options.model}: {error!r}")
    echo = Echo(model)
    pool = ThreadPoolExecutor(MOST_CALLS, "request")
    run(options, Service(echo.respond, echo.grpc_methods, error_document, ServerMetrics()), pool, MOST_CALLS)


if __name__ == "__main__":
    main()
