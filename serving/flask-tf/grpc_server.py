"""TF Serving's gRPC API on tensorflow-serving-api's own servicers: predict, metadata and model status."""

from __future__ import annotations

import math
from typing import Any

import grpc
import numpy as np
import tensorflow as tf
from command_line import MAX_BODY_BYTES, Options, parse_command_line
from google.protobuf.any_pb2 import Any as AnyMessage
from grpc_serving import counted, run_grpc_server
from saved_model import DEFAULT_SIGNATURE, Arrays, Input, SavedModel, ServingError, invalid
from tensorflow.core.framework import tensor_pb2
from tensorflow_serving.apis import (
    get_model_metadata_pb2,
    get_model_status_pb2,
    model_service_pb2_grpc,
    predict_pb2,
    prediction_service_pb2_grpc,
)


class PredictionServicer(prediction_service_pb2_grpc.PredictionServiceServicer):  # type: ignore[misc]  # generated
    """Predict and GetModelMetadata; the other calls answer UNIMPLEMENTED."""

    def __init__(self, served: SavedModel) -> None:
        self._served = served

    @counted
    def Predict(self, request: Any, context: grpc.ServicerContext) -> Any:
        try:
            _check_model(self._served, request)
            signature = request.model_spec.signature_name or DEFAULT_SIGNATURE
            inputs = self._served.inputs(signature)
            if inputs is None:
                raise ServingError("FAILED_PRECONDITION", f'Serving signature key "{signature}" not found.')
            outputs = self._served.predict(signature, decode_inputs(request.inputs, inputs))
            reply = predict_pb2.PredictResponse()
            for name in _filter(list(request.output_filter), list(outputs)):
                reply.outputs[name].CopyFrom(tf.make_tensor_proto(outputs[name]))
        except ServingError as error:
            context.abort(grpc.StatusCode[error.code], str(error))
        reply.model_spec.name = self._served.name
        reply.model_spec.version.value = self._served.version
        reply.model_spec.signature_name = signature
        return reply

    def GetModelMetadata(self, request: Any, context: grpc.ServicerContext) -> Any:
        try:
            _check_model(self._served, request)
            if not request.metadata_field:
                raise invalid("GetModelMetadataRequest must specify at least one metadata_field")
            for field in request.metadata_field:
                if field != "signature_def":
                    raise invalid(f"Metadata field {field} is not supported")
        except ServingError as error:
            context.abort(grpc.StatusCode[error.code], str(error))
        reply = get_model_metadata_pb2.GetModelMetadataResponse()
        reply.model_spec.name = self._served.name
        reply.model_spec.version.value = self._served.version
        packed = AnyMessage()
        packed.Pack(get_model_metadata_pb2.SignatureDefMap(signature_def=self._served.signature_defs))
        reply.metadata["signature_def"].CopyFrom(packed)
        return reply


class ModelServicer(model_service_pb2_grpc.ModelServiceServicer):  # type: ignore[misc]  # generated
    """GetModelStatus; reloading answers UNIMPLEMENTED."""

    def __init__(self, served: SavedModel) -> None:
        self._served = served

    def GetModelStatus(self, request: Any, context: grpc.ServicerContext) -> Any:
        try:
            if not request.HasField("model_spec"):
                raise invalid("Missing ModelSpec")
            self._served.check_status(request.model_spec.name, _version(request.model_spec))
        except ServingError as error:
            context.abort(grpc.StatusCode[error.code], str(error))
        reply = get_model_status_pb2.GetModelStatusResponse()
        available = get_model_status_pb2.ModelVersionStatus.AVAILABLE
        reply.model_version_status.add(version=self._served.version, state=available).status.SetInParent()
        return reply


def decode_inputs(protos: Any, inputs: dict[str, Input]) -> Arrays:
    """Turn a request's tensors into arrays, one for each input of the signature."""
    sent, wanted = set(protos), set(inputs)
    if sent != wanted:
        raise invalid(
            f"input size does not match signature: {len(sent)}!={len(wanted)} "
            f"len({_set(sent)}) != len({_set(wanted)}). "
            f"Sent extra: {_set(sent - wanted)}. Missing but required: {_set(wanted - sent)}."
        )
    return {name: _decode_tensor(protos[name], spec) for name, spec in inputs.items()}


def _decode_tensor(proto: tensor_pb2.TensorProto, spec: Input) -> np.ndarray:
    shape = tuple(dim.size for dim in proto.tensor_shape.dim)
    if proto.dtype == 0 or proto.tensor_shape.unknown_rank or min(shape, default=0) < 0:
        raise invalid(f"tensor parsing error: {spec.name}")
    if proto.dtype != spec.dtype.as_datatype_enum:
        got = _dtype_name(proto.dtype)
        raise invalid(f"input {spec.name}: Expects arg[0] to be {spec.dtype.name} but {got} is provided")
    spec.check_shape(shape)
    # A few values may stand for a tensor of any size: they are repeated.
    if math.prod(shape) * spec.dtype.size > MAX_BODY_BYTES:
        raise invalid(f"input {spec.name} of shape {list(shape)} has more than {MAX_BODY_BYTES} bytes")
    try:
        return np.asarray(tf.make_ndarray(proto))
    except (TypeError, ValueError) as error:
        raise invalid(f"tensor parsing error: {spec.name}: {error}") from error


def _dtype_name(number: int) -> str:
    try:
        return str(tf.dtypes.as_dtype(number).name)
    except TypeError:  # no dtype has this number
        return str(number)


def _check_model(served: SavedModel, request: Any) -> None:
    if not request.HasField("model_spec"):
        raise invalid("Missing ModelSpec")
    if not request.model_spec.name:
        raise invalid("ModelSpec has no name specified.")
    if request.model_spec.WhichOneof("version_choice") == "version_label":
        raise invalid(f"Unrecognized servable version label: {request.model_spec.version_label}")
    served.check(request.model_spec.name, _version(request.model_spec))


def _version(spec: Any) -> int | None:
    return spec.version.value if spec.HasField("version") else None


def _filter(wanted: list[str], outputs: list[str]) -> list[str]:
    for name in wanted:
        if name not in outputs:
            expected = _set(set(outputs))
            raise invalid(
                f"output tensor alias not found in signature: {name} Outputs expected to be in the set {expected}."
            )
        if wanted.count(name) > 1:
            raise invalid(f"duplicate output tensor alias: {name}")
    return wanted or outputs


def _set(names: set[str]) -> str:
    return "{" + ",".join(sorted(names)) + "}"


def main() -> None:
    options: Options = parse_command_line()
    served = SavedModel(options.model, options.model_dir / "savedmodel", options.threads, "grpc")

    def add_services(server: grpc.Server) -> None:
        prediction_service_pb2_grpc.add_PredictionServiceServicer_to_server(PredictionServicer(served), server)
        model_service_pb2_grpc.add_ModelServiceServicer_to_server(ModelServicer(served), server)

    run_grpc_server(options, add_services)


if __name__ == "__main__":
    main()
