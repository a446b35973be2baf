"""What TensorFlow Serving tells of a model, in JSON and in protobuf: its signature and its versions' state."""

from __future__ import annotations

from typing import Any

from served import Served

from bakeoff.schema import TensorSpec
from bakeoff.wire.grpc_message import serialize
from bakeoff.wire.proto import tfserving_pb2 as messages
from bakeoff.wire.tensor_proto import dtype_number
from bakeoff.wire.tensors import Specs
from bakeoff.wire.tfserving_server import DEFAULT_SIGNATURE

SIGNATURE_FIELD = "signature_def"
SIGNATURE_TYPE_URL = "type.googleapis.com/tensorflow.serving.SignatureDefMap"
PREDICT_METHOD = "tensorflow/serving/predict"
FREE = -1


def status_document(version: int) -> dict[str, Any]:
    status = {"error_code": "OK", "error_message": ""}
    return {"model_version_status": [{"version": str(version), "state": "AVAILABLE", "status": status}]}


def metadata_document(served: Served) -> dict[str, Any]:
    signature = {
        "inputs": {spec.name: _info_document(spec) for spec in served.model.inputs},
        "outputs": {spec.name: _info_document(spec) for spec in served.model.outputs},
        "method_name": PREDICT_METHOD,
        "defaults": {},
    }
    return {
        "model_spec": {"name": served.model.name, "signature_name": "", "version": str(served.version)},
        "metadata": {SIGNATURE_FIELD: {SIGNATURE_FIELD: {DEFAULT_SIGNATURE: signature}}},
    }


def status_message(served: Served) -> messages.GetModelStatusResponse:
    response = messages.GetModelStatusResponse()
    version = response.model_version_status.add(version=served.version, state=messages.ModelVersionStatus.AVAILABLE)
    version.status.SetInParent()
    return response


def metadata_message(served: Served) -> messages.GetModelMetadataResponse:
    signatures = messages.SignatureDefMap()
    signature = signatures.signature_def[DEFAULT_SIGNATURE]
    signature.method_name = PREDICT_METHOD
    _fill_infos(signature.inputs, served.model.inputs)
    _fill_infos(signature.outputs, served.model.outputs)
    response = messages.GetModelMetadataResponse()
    response.model_spec.name = served.model.name
    response.model_spec.version.value = served.version
    metadata = response.metadata[SIGNATURE_FIELD]
    metadata.type_url = SIGNATURE_TYPE_URL
    metadata.value = serialize(signatures)
    return response


def _info_document(spec: TensorSpec) -> dict[str, Any]:
    dim = [{"size": str(size), "name": ""} for size in _sizes(spec)]
    dtype = messages.DataType.Name(dtype_number(spec.dtype))
    return {"dtype": dtype, "tensor_shape": {"dim": dim, "unknown_rank": False}, "name": spec.name}


def _fill_infos(infos: Any, specs: Specs) -> None:
    for spec in specs:
        info = infos[spec.name]
        info.name = spec.name
        info.dtype = dtype_number(spec.dtype)
        for size in _sizes(spec):
            info.tensor_shape.dim.add(size=size)


def _sizes(spec: TensorSpec) -> list[int]:
    return [FREE if size is None else size for size in spec.shape]
