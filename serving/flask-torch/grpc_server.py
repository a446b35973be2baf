"""TorchServe's gRPC inference API as a plain gRPC server. `inference_pb2` was made by protos.py at the start."""

from __future__ import annotations

from typing import Any

import grpc
import inference_pb2
import inference_pb2_grpc
from command_line import parse_command_line
from grpc_serving import counted, run_grpc_server
from handler import RAW, SAFETENSORS, BadRequest, is_safetensors
from predictor import Predictor, UnknownModel


class InferenceServicer(inference_pb2_grpc.InferenceAPIsServiceServicer):  # type: ignore[misc]  # generated
    """Ping and Predictions; the streaming calls answer UNIMPLEMENTED."""

    def __init__(self, predictor: Predictor) -> None:
        self._predictor = predictor

    def Ping(self, request: Any, context: grpc.ServicerContext) -> Any:
        return inference_pb2.TorchServeHealthResponse(health='{"status": "Healthy"}')

    @counted
    def Predictions(self, request: Any, context: grpc.ServicerContext) -> Any:
        try:
            self._predictor.check_name(request.model_name)
            body = request.input.get("body") or request.input.get("data") or b""
            content_type = SAFETENSORS if is_safetensors(body) else RAW
            _, reply = self._predictor.answer(content_type, body)
            return inference_pb2.PredictionResponse(prediction=reply)
        except UnknownModel as error:
            context.abort(grpc.StatusCode.NOT_FOUND, str(error))
        except BadRequest as error:
            context.abort(grpc.StatusCode.INVALID_ARGUMENT, str(error))


def main() -> None:
    options = parse_command_line()
    servicer = InferenceServicer(Predictor(options.model, options.model_dir, options.threads, "grpc"))
    run_grpc_server(
        options, lambda server: inference_pb2_grpc.add_InferenceAPIsServiceServicer_to_server(servicer, server)
    )


if __name__ == "__main__":
    main()
