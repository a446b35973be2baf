"""TensorFlow Serving's Predict, metadata and status calls over both protocols, around one model."""

from __future__ import annotations

import json
import re
from typing import Any

import tfserving_info
from exchange import GrpcMethod, JsonCodec, Predict, Request, Response, RestPrediction
from openapi import describe_tfserving
from request_error import RequestError, failed_precondition, invalid, not_found
from served import Served

from bakeoff.wire import binary, tfserving_server
from bakeoff.wire.grpc_message import parse, serialize
from bakeoff.wire.proto import tfserving_pb2
from bakeoff.wire.tensors import Arrays, check_inputs
from bakeoff.wire.tfserving import MODEL_SERVICE, PREDICTION_SERVICE

PATH = re.compile(
    r"/v1/models/(?P<model>[^/:]+)(/versions/(?P<version>\d{1,1000})|/labels/(?P<label>[^/:]+))?(?P<verb>:predict|/metadata)?"
)

LONGEST_QUOTED = 1000


class TfServingWire:
    """The calls of one model; of the formats of a body only JSON unless `takes_binary`."""

    def __init__(self, served: Served, codec: JsonCodec, takes_binary: bool) -> None:
        model = self._model = served.model
        self._served = served
        self._codec = codec
        self._takes_binary = takes_binary
        path = f"/v1/models/{model.name}"
        self.predict_paths = (f"{path}:predict", f"{path}/versions/{served.version}:predict")
        self.description = describe_tfserving(model, takes_binary)
        self.grpc_methods = {
            f"/{PREDICTION_SERVICE}/Predict": GrpcMethod(self._grpc_predict, predicts=True),
            f"/{PREDICTION_SERVICE}/GetModelMetadata": GrpcMethod(self._grpc_metadata),
            f"/{MODEL_SERVICE}/GetModelStatus": GrpcMethod(self._grpc_status),
        }

    def answer(self, request: Request) -> Response | RestPrediction:
        match = PATH.fullmatch(request.path)
        method = "POST" if match and match["verb"] == ":predict" else "GET"
        if match is None or request.method != method:
            raise _unknown_path(request)
        if match["label"]:
            raise _unknown_label(match["label"])
        version = int(match["version"]) if match["version"] else None
        if match["verb"] == ":predict":
            self._require_servable(match["model"], version)
            return lambda predict: self._rest_predict(request, predict)
        if match["verb"] == "/metadata":
            self._require_servable(match["model"], version)
            return _compact(tfserving_info.metadata_document(self._served))
        self._require_known(match["model"], version)
        return _compact(tfserving_info.status_document(self._served.version))

    def error_document(self, error: RequestError) -> dict[str, Any]:
        return {"error": str(error)}

    def _rest_predict(self, request: Request, predict: Predict) -> Response:
        if self._takes_binary and request.content_type in (binary.RAW, binary.SAFETENSORS):
            arrays = binary.decode(self._model.inputs, request.body, request.content_type, "input")
            outputs = self._predict(arrays, predict)
            kind = binary.reply_type(self._model.outputs, request.content_type)
            return Response(binary.encode(self._model.outputs, outputs, kind, "output"), kind)
        call = tfserving_server.decode_rest_call(self._codec.parse(request.body), self._model.inputs)
        if call.signature != tfserving_server.DEFAULT_SIGNATURE:
            raise invalid(f'Serving signature name: "{call.signature}" not found in signature def')
        outputs = self._predict(call.arrays, predict)
        document = tfserving_server.rest_reply(self._model.outputs, outputs, call.columnar)
        return Response(self._codec.dump(document, outputs))

    def _grpc_predict(self, message: bytes, predict: Predict) -> bytes:
        call = tfserving_server.decode_grpc_call(message, self._model.inputs)
        self._require_spec(call.model_spec)
        known = {spec.name for spec in self._model.outputs}
        for name in call.output_names:
            if name not in known:
                raise invalid(f"output tensor alias not found in signature: {name}; there are {sorted(known)}")
        outputs = self._predict(call.arrays, predict)
        wanted = set(call.output_names) or known
        specs = tuple(spec for spec in self._model.outputs if spec.name in wanted)
        kept = {spec.name: outputs[spec.name] for spec in specs}
        return tfserving_server.encode_grpc_reply(specs, kept, self._model.name, self._served.version)

    def _grpc_metadata(self, message: bytes, _: Predict) -> bytes:
        request = parse(tfserving_pb2.GetModelMetadataRequest, message)
        if not request.HasField("model_spec"):
            raise invalid("Missing ModelSpec")
        if not request.metadata_field:
            raise invalid("GetModelMetadataRequest must specify at least one metadata_field")
        for field in request.metadata_field:
            if field != tfserving_info.SIGNATURE_FIELD:
                raise invalid(f"Metadata field {field} is not supported")
        self._require_spec(request.model_spec)
        return serialize(tfserving_info.metadata_message(self._served))

    def _grpc_status(self, message: bytes, _: Predict) -> bytes:
        request = parse(tfserving_pb2.GetModelStatusRequest, message)
        if not request.HasField("model_spec"):
            raise invalid("Missing ModelSpec")
        spec = request.model_spec
        self._require_known(spec.name, spec.version.value if spec.HasField("version") else None)
        return serialize(tfserving_info.status_message(self._served))

    def _predict(self, arrays: Arrays, predict: Predict) -> Arrays:
        check_inputs(self._model.inputs, arrays)
        return predict(arrays)

    def _require_spec(self, spec: tfserving_pb2.ModelSpec) -> None:
        if not spec.name:
            raise invalid("ModelSpec has no name specified.")
        if spec.HasField("version_label"):
            raise _unknown_label(spec.version_label)
        self._require_servable(spec.name, spec.version.value if spec.HasField("version") else None)
        if spec.signature_name not in ("", tfserving_server.DEFAULT_SIGNATURE):
            raise failed_precondition(f'Serving signature key "{spec.signature_name}" not found.')

    def _require_servable(self, name: str, version: int | None) -> None:
        if name != self._model.name or version not in (None, self._served.version):
            asked = f"Latest({name})" if version is None else f"Specific({name}, {version})"
            raise not_found(f"Servable not found for request: {asked}")

    def _require_known(self, name: str, version: int | None) -> None:
        if name != self._model.name:
            raise not_found(f"Could not find any versions of model {name}")
        if version not in (None, self._served.version):
            raise not_found(f"Could not find version {version} of model {name}")


def _compact(document: dict[str, Any]) -> Response:
    return Response(json.dumps(document, separators=(",", ":")).encode())


def _unknown_label(label: str) -> RequestError:
    return invalid(f"Unrecognized servable version label: {label}")


def _unknown_path(request: Request) -> RequestError:
    if request.path.lower().startswith("/v1/models"):
        return invalid(f"Malformed request: {request.method} {request.path[:LONGEST_QUOTED]}")
    return not_found(f"Nothing is served at {request.path[:LONGEST_QUOTED]}; the API is below /v1/models")
