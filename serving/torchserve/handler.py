"""TorchServe handler of a TorchScript model: tensors in and out as JSON, raw bytes or safetensors.

Packed into the model archive together with bakeoff's wires and the engine, so that anybody may deploy it by hand where
numpy, safetensors and protobuf are installed. The archive's YAML holds, in its `handler` section, what model.json does.
"""

from __future__ import annotations

import json
import logging
import os
from pathlib import Path
from typing import Any

from ts.utils.util import PredictionException

from bakeoff.schema.model import model_from
from bakeoff.wire import binary, rows, torchserve_server
from bakeoff.wire.tensors import Arrays, WireError, check_inputs
from engines import torchscript
from engines.engine import warm_up

JSON = "application/json"


class Handler:
    """One loaded model, answering TorchServe's batches of requests."""

    def __init__(self, context: Any) -> None:
        self._model = model_from(context.model_yaml_config["handler"])
        file = Path(context.system_properties["model_dir"], context.manifest["model"]["serializedFile"])
        self._predictor = torchscript.load(file, self._model, int(os.environ.get("OMP_NUM_THREADS", "1")))
        warm_up(self._predictor, self._model)

    def handle(self, data: list[dict[str, Any]], context: Any) -> list[bytes]:
        replies = []
        for index, request in enumerate(data):
            try:
                replies.append(self._answer(index, request, context))
            except WireError as error:
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
        is_rest = "explain" in properties
        if body is None:
            raise WireError("no body" if is_rest else 'no input named "body"')
        if is_rest:
            kind = _content_type(properties)
        else:
            # Without it one StreamPredictions call makes the frontend kill this worker.
            context.set_response_header(index, "ts_stream_next", "false")
            kind = binary.recognise(body)
        if kind == JSON:
            document = torchserve_server.rest_reply(self._model.outputs, self._predict(self._decode_json(body)))
            reply = rows.dump(document)
        elif kind in (binary.RAW, binary.SAFETENSORS):
            outputs = self._predict(binary.decode(self._model.inputs, bytes(body), kind, "input"))
            kind = binary.reply_type(self._model.outputs, kind)
            reply = binary.encode(self._model.outputs, outputs, kind, "output")
        else:
            allowed = f"{JSON}, {binary.RAW}, {binary.SAFETENSORS}"
            raise WireError(f"content type is {kind or 'missing'}, expected one of {allowed}")
        context.set_response_content_type(index, kind)
        return reply

    def _decode_json(self, body: Any) -> Arrays:
        if isinstance(body, (bytes, bytearray)):
            raise WireError("body is not valid JSON")  # TorchServe hands on what it could not parse
        return torchserve_server.decode_rest_call(body, self._model.inputs)

    def _predict(self, arrays: Arrays) -> Arrays:
        """Compute the outputs; raises WireError where the model refuses the inputs."""
        check_inputs(self._model.inputs, arrays)
        try:
            return self._predictor(arrays)
        except torchscript.REFUSALS as error:
            raise WireError(f"the model refuses this input: {str(error).strip().splitlines()[-1]}") from error


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
