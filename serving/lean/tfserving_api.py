"""TensorFlow Serving's Predict, metadata and status calls over both protocols, around one model."""

from __future__ import annotations

import asyncio
import re
from concurrent.futures import Executor
from dataclasses import asdict

import model_info
import openapi
import orjson
from http_app import Request, Response
from json_body import dump_json, parse_json
from prediction_queue import Caller, PredictionQueue
from request_error import RequestError, failed_precondition, invalid, not_found
from served_model import ServedModel

from bakeoff.wire import binary, tfserving_server
from bakeoff.wire.grpc_message import parse, serialize
from bakeoff.wire.proto import tfserving_pb2
from bakeoff.wire.tensors import Arrays, check_arrays
from bakeoff.wire.tfserving import MODEL_SERVICE, PREDICTION_SERVICE

PATH = re.compile(
    r"/v1/models/(?P<model>[^/:]+)(/versions/(?P<version>\d{1,1000})|/labels/(?P<label>[^/:]+))?(?P<verb>:predict|/metadata)?"
)

LONGEST_QUOTED = 1000


class TfServingApi:
    """The calls; predictions go through the queue, the rest is answered at once.

    REST predictions run in the pool, or `inline`, on the event loop itself.
    """

    def __init__(self, model: ServedModel, queue: PredictionQueue, pool: Executor, inline: bool) -> None:
        self._model = model
        self._queue = queue
        self._pool = pool
        self._inline = inline
        specs = ([asdict(spec) for spec in side] for side in (model.inputs, model.outputs))
        self._description = orjson.dumps(openapi.describe_tfserving(model.name, *specs, binary=True))
        self.grpc_methods = {
            f"/{PREDICTION_SERVICE}/Predict": self._grpc_predict,
            f"/{PREDICTION_SERVICE}/GetModelMetadata": self._grpc_metadata,
            f"/{MODEL_SERVICE}/GetModelStatus": self._grpc_status,
        }

    async def respond(self, request: Request) -> Response:
        """Answer a REST request."""
        if (request.method, request.path) == ("GET", openapi.OPENAPI_PATH):
            return Response(self._description)
        match = PATH.fullmatch(request.path)
        method = "POST" if match and match["verb"] == ":predict" else "GET"
        if match is None or request.method != method:
            raise _unknown_path(request)
        if match["label"]:
            raise _unknown_label(match["label"])
        version = int(match["version"]) if match["version"] else None
        if match["verb"] == ":predict":
            self._require_servable(match["model"], version)
            with self._queue:
                return await self._rest_predict(request)
        if match["verb"] == "/metadata":
            self._require_servable(match["model"], version)
            return Response(orjson.dumps(model_info.metadata_document(self._model)))
        self._require_known(match["model"], version)
        return Response(orjson.dumps(model_info.status_document(self._model)))

    async def _rest_predict(self, request: Request) -> Response:
        if self._inline:
            caller = Caller(is_gone=request.caller_is_gone) if self._queue.is_crowded() else Caller()
            await asyncio.sleep(0)  # all that have come take their places before the first is answered
            return self._rest_predict_now(request, caller)
        gone = asyncio.ensure_future(request.receive())
        try:
            return await asyncio.get_running_loop().run_in_executor(
                self._pool, self._rest_predict_now, request, Caller(is_gone=gone.done)
            )
        finally:
            gone.cancel()

    def _rest_predict_now(self, request: Request, caller: Caller) -> Response:
        if request.content_type in (binary.RAW, binary.SAFETENSORS):
            arrays = binary.decode(self._model.inputs, request.body, request.content_type, "input")
            outputs = self._predict(arrays, caller)
            kind = binary.reply_type(self._model.outputs, request.content_type)
            return Response(binary.encode(self._model.outputs, outputs, kind, "output"), kind)
        call = tfserving_server.decode_rest_call(parse_json(request.body), self._model.inputs)
        if call.signature != tfserving_server.DEFAULT_SIGNATURE:
            raise invalid(f'Serving signature name: "{call.signature}" not found in signature def')
        outputs = self._predict(call.arrays, caller)
        document = tfserving_server.rest_reply(self._model.outputs, outputs, call.columnar)
        return Response(dump_json(document, outputs))

    def _grpc_predict(self, message: bytes, caller: Caller) -> bytes:
        with self._queue:
            return self._grpc_predict_now(message, caller)

    def _grpc_predict_now(self, message: bytes, caller: Caller) -> bytes:
        call = tfserving_server.decode_grpc_call(message, self._model.inputs)
        self._require_spec(call.model_spec)
        known = {spec.name for spec in self._model.outputs}
        for name in call.output_names:
            if name not in known:
                raise invalid(f"output tensor alias not found in signature: {name}; there are {sorted(known)}")
        outputs = self._predict(call.arrays, caller)
        wanted = set(call.output_names) or known
        specs = tuple(spec for spec in self._model.outputs if spec.name in wanted)
        kept = {spec.name: outputs[spec.name] for spec in specs}
        return tfserving_server.encode_grpc_reply(specs, kept, self._model.name, self._model.version)

    def _grpc_metadata(self, message: bytes, _: Caller) -> bytes:
        request = parse(tfserving_pb2.GetModelMetadataRequest, message)
        if not request.HasField("model_spec"):
            raise invalid("Missing ModelSpec")
        if not request.metadata_field:
            raise invalid("GetModelMetadataRequest must specify at least one metadata_field")
        for field in request.metadata_field:
            if field != model_info.SIGNATURE_FIELD:
                raise invalid(f"Metadata field {field} is not supported")
        self._require_spec(request.model_spec)
        return serialize(model_info.metadata_message(self._model))

    def _grpc_status(self, message: bytes, _: Caller) -> bytes:
        request = parse(tfserving_pb2.GetModelStatusRequest, message)
        if not request.HasField("model_spec"):
            raise invalid("Missing ModelSpec")
        spec = request.model_spec
        self._require_known(spec.name, spec.version.value if spec.HasField("version") else None)
        return serialize(model_info.status_message(self._model))

    def _predict(self, arrays: Arrays, caller: Caller) -> Arrays:
        check_arrays(self._model.inputs, arrays, "input")
        batches = {len(array) for array in arrays.values()}
        if len(batches) != 1 or 0 in batches:
            raise invalid(f"every input needs the same batch of at least one; these have {sorted(batches)}")
        return self._queue.predict(arrays, caller)

    def _require_spec(self, spec: tfserving_pb2.ModelSpec) -> None:
        if not spec.name:
            raise invalid("ModelSpec has no name specified.")
        if spec.HasField("version_label"):
            raise _unknown_label(spec.version_label)
        self._require_servable(spec.name, spec.version.value if spec.HasField("version") else None)
        if spec.signature_name not in ("", tfserving_server.DEFAULT_SIGNATURE):
            raise failed_precondition(f'Serving signature key "{spec.signature_name}" not found.')

    def _require_servable(self, name: str, version: int | None) -> None:
        if name != self._model.name or version not in (None, self._model.version):
            asked = f"Latest({name})" if version is None else f"Specific({name}, {version})"
            raise not_found(f"Servable not found for request: {asked}")

    def _require_known(self, name: str, version: int | None) -> None:
        if name != self._model.name:
            raise not_found(f"Could not find any versions of model {name}")
        if version not in (None, self._model.version):
            raise not_found(f"Could not find version {version} of model {name}")


def _unknown_label(label: str) -> RequestError:
    return invalid(f"Unrecognized servable version label: {label}")


def _unknown_path(request: Request) -> RequestError:
    if request.path.lower().startswith("/v1/models"):
        return invalid(f"Malformed request: {request.method} {request.path[:LONGEST_QUOTED]}")
    return not_found(f"Nothing is served at {request.path[:LONGEST_QUOTED]}; the API is below /v1/models")
