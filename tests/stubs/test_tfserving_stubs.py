"""The codec's bytes, read and written by tensorflow-serving-api's own stubs; needs that package."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("tensorflow_serving", reason="tensorflow-serving-api is not installed here")

import tensorflow as tf
from tensorflow.core.framework import tensor_pb2
from tensorflow_serving.apis import predict_pb2, prediction_service_pb2_grpc

from bakeoff.schema import TensorSpec
from bakeoff.wire import WIRES, Reply, WireError
from bakeoff.wire.grpc_message import unframe

WIRE = WIRES["tfserving-grpc"]
DTYPES = ("float32", "float64", "int32", "int64", "uint8", "int8", "bool")


def values(dtype: str, shape: tuple[int, ...]) -> np.ndarray:
    """Return an array whose elements all differ where the dtype allows it."""
    return (np.arange(np.prod(shape)).reshape(shape) % (2 if dtype == "bool" else 100)).astype(dtype)


@pytest.mark.parametrize("dtype", DTYPES)
def test_tensorflow_reads_our_request(dtype: str) -> None:
    specs = (TensorSpec("x", dtype, (None, 3)), TensorSpec("ids", "int64", (None, None)))
    arrays = {"x": values(dtype, (2, 3)), "ids": values("int64", (2, 5))}
    request = predict_pb2.PredictRequest.FromString(unframe(WIRE.encode_request("m", specs, arrays)))
    assert request.model_spec.name == "m"
    assert set(request.inputs) == {"x", "ids"}
    for name, array in arrays.items():
        read = tf.make_ndarray(request.inputs[name])
        assert read.dtype == array.dtype and np.array_equal(read, array)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("typed", [False, True], ids=["tensor_content", "typed values"])
def test_we_read_tensorflows_reply(dtype: str, typed: bool) -> None:
    array = values(dtype, (3, 4))
    reply = predict_pb2.PredictResponse()
    if typed:
        proto = tensor_pb2.TensorProto(dtype=tf.as_dtype(dtype).as_datatype_enum)
        proto.tensor_shape.CopyFrom(tf.TensorShape(array.shape).as_proto())
        field = {"float32": "float_val", "float64": "double_val", "int64": "int64_val", "bool": "bool_val"}
        getattr(proto, field.get(dtype, "int_val")).extend(array.flatten().tolist())
    else:
        proto = tf.make_tensor_proto(array)
    reply.outputs["y"].CopyFrom(proto)
    read = WIRE.decode_reply((TensorSpec("y", dtype, (None, 4)),), Reply(reply.SerializeToString()))
    assert read["y"].dtype == array.dtype and np.array_equal(read["y"], array)


def test_a_reply_with_other_outputs_is_refused() -> None:
    reply = predict_pb2.PredictResponse()
    reply.outputs["z"].CopyFrom(tf.make_tensor_proto(np.zeros((1, 4), np.float32)))
    with pytest.raises(WireError, match="z"):
        WIRE.decode_reply((TensorSpec("y", "float32", (None, 4)),), Reply(reply.SerializeToString()))


def test_the_path_is_that_of_the_service() -> None:
    paths = []

    class Channel:
        def unary_unary(self, path: str, **_: object) -> None:
            paths.append(path)

    prediction_service_pb2_grpc.PredictionServiceStub(Channel())
    assert WIRE.path("m") in paths
