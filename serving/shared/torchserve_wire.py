"""TorchServe's inference API over both protocols, around one model."""

from __future__ import annotations

import re
from http import HTTPStatus
from typing import Any

from exchange import JSON, GrpcMethod, JsonCodec, Predict, Request, Response, RestPrediction
from openapi import describe_torchserve
from request_error import RequestError, invalid, not_found
from served import Served

from bakeoff.wire import binary, torchserve, torchserve_server
from bakeoff.wire.tensors import Arrays, check_inputs

PREDICT_PATH = re.compile(r"/predictions/(?P<model>[^/?]+)(/(?P<version>[^/?]+))?")
HEALTHY = b'{"status": "Healthy"}'
LONGEST_QUOTED = 1000


class TorchServeWire:
    """The calls: Ping and Predictions. The streaming ones are unknown."""

    def __init__(self, served: Served, codec: JsonCodec, takes_binary: bool) -> None:
        model = self._model = served.model
        self._codec = codec
        self._takes_binary = takes_binary
        self.predict_paths = (torchserve.rest_path(model.name),)
        self.description = describe_torchserve(model)
        self.grpc_methods = {
            torchserve.grpc_path(model.name): GrpcMethod(self._grpc_predict, predicts=True),
            f"/{torchserve.INFERENCE_SERVICE}/Ping": GrpcMethod(lambda message, predict: torchserve_server.PING_REPLY),
        }

    def answer(self, request: Request) -> Response | RestPrediction:
        if (request.method, request.path) == ("GET", "/ping"):
            return Response(HEALTHY)
        match = PREDICT_PATH.fullmatch(request.path)
        if request.method != "POST" or not match or match["version"]:
            raise not_found(f"Nothing is served at {request.method} {request.path[:LONGEST_QUOTED]}")
        self._require_model(match["model"])
        return lambda predict: self._rest_predict(request, predict)

    def error_document(self, error: RequestError) -> dict[str, Any]:
        known = error.http_status in set(HTTPStatus)
        kind = HTTPStatus(error.http_status).phrase if known else "Error"
        return {"code": error.http_status, "type": kind, "message": str(error)}

    def _rest_predict(self, request: Request, predict: Predict) -> Response:
        if request.content_type == JSON:
            arrays = torchserve_server.decode_rest_call(self._codec.parse(request.body), self._model.inputs)
            outputs = self._predict(arrays, predict)
            return Response(self._codec.dump(torchserve_server.rest_reply(self._model.outputs, outputs), outputs))
        if not self._takes_binary or request.content_type not in (binary.RAW, binary.SAFETENSORS):
            allowed = f"{JSON}, {binary.RAW}, {binary.SAFETENSORS}" if self._takes_binary else JSON
            raise invalid(f"content type is {request.content_type or 'missing'}, expected one of {allowed}")
        kind, reply = self._predict_binary(request.body, request.content_type, predict)
        return Response(reply, kind)

    def _grpc_predict(self, message: bytes, predict: Predict) -> bytes:
        name, body = torchserve_server.decode_grpc_call(message)
        self._require_model(name)
        _, reply = self._predict_binary(body, binary.recognise(body), predict)
        return torchserve_server.encode_grpc_reply(reply)

    def _predict_binary(self, body: bytes, kind: str, predict: Predict) -> tuple[str, bytes]:
        outputs = self._predict(binary.decode(self._model.inputs, body, kind, "input"), predict)
        kind = binary.reply_type(self._model.outputs, kind)
        return kind, binary.encode(self._model.outputs, outputs, kind, "output")

    def _predict(self, arrays: Arrays, predict: Predict) -> Arrays:
        check_inputs(self._model.inputs, arrays)
        return predict(arrays)

    def _require_model(self, name: str) -> None:
        if name != self._model.name:
            raise not_found(f"Model not found: {name}; this server has {self._model.name}")
