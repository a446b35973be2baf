"""One version of a SavedModel: its signatures and their computation, with TF Serving's errors."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # read while TensorFlow is imported

import tensorflow as tf  # noqa: E402
from metrics import INFERENCE  # noqa: E402
from tensorflow.core.protobuf import meta_graph_pb2, saved_model_pb2  # noqa: E402

DEFAULT_SIGNATURE = "serving_default"
WARM_UP_BATCHES = (1, 3)
WARM_UP_CALLS = 3

Arrays = dict[str, np.ndarray]


class ServingError(Exception):
    """An error as TF Serving words it; code is a gRPC status code's name."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


def invalid(message: str) -> ServingError:
    return ServingError("INVALID_ARGUMENT", message)


@dataclass(frozen=True)
class Input:
    """An input of a signature; in shapes None is a free dimension, and the shape None is a free rank."""

    name: str
    dtype: tf.DType
    shape: tuple[int | None, ...] | None

    @classmethod
    def from_tensor_info(cls, name: str, info: meta_graph_pb2.TensorInfo) -> Input:
        shape = tf.TensorShape(info.tensor_shape)
        return cls(name, tf.dtypes.as_dtype(info.dtype), None if shape.rank is None else tuple(shape.as_list()))

    def check_shape(self, shape: tuple[int, ...]) -> None:
        """Raise INVALID_ARGUMENT unless a shape fits. TF Serving leaves that to the kernels and their wording."""
        if not tf.TensorShape(self.shape).is_compatible_with(shape):
            raise invalid(f"input {self.name} has shape {list(shape)}, expected {tf.TensorShape(self.shape)}")


class SavedModel:
    """The newest version below a base path, loaded and warm."""

    def __init__(self, name: str, base_path: Path, threads: int, protocol: str) -> None:
        tf.config.threading.set_intra_op_parallelism_threads(threads)
        tf.config.threading.set_inter_op_parallelism_threads(1)
        self.name = name
        self.version = max(int(folder.name) for folder in base_path.iterdir() if folder.name.isdecimal())
        folder = next(f for f in base_path.iterdir() if f.name.isdecimal() and int(f.name) == self.version)
        proto = saved_model_pb2.SavedModel.FromString((folder / "saved_model.pb").read_bytes())
        serving = next(graph for graph in proto.meta_graphs if "serve" in graph.meta_info_def.tags)
        self.signature_defs = dict(serving.signature_def)
        self._inputs = {
            key: {name: Input.from_tensor_info(name, info) for name, info in signature.inputs.items()}
            for key, signature in self.signature_defs.items()
        }
        self._loaded = tf.saved_model.load(str(folder))  # kept: its signatures refer to its variables only weakly
        self._inference = INFERENCE.labels(protocol)
        lengths = json.loads((base_path.parent / "model.json").read_text()).get("lengths") or [1]
        self._warm_up(min(lengths))

    def check(self, name: str, version: int | None) -> None:
        """Raise NOT_FOUND unless this is the model and the version served."""
        if name != self.name or version not in (None, self.version):
            wanted = f"Latest({name})" if version is None else f"Specific({name}, {version})"
            raise ServingError("NOT_FOUND", f"Servable not found for request: {wanted}")

    def check_status(self, name: str, version: int | None) -> None:
        """Raise NOT_FOUND, in the words of the status calls, unless this is the model and the version served."""
        if name != self.name:
            raise ServingError("NOT_FOUND", f"Could not find any versions of model {name}")
        if version not in (None, self.version):
            raise ServingError("NOT_FOUND", f"Could not find version {version} of model {name}")

    def inputs(self, signature: str) -> dict[str, Input] | None:
        """Return a signature's inputs by name, None if there is no such signature."""
        return self._inputs.get(signature)

    def specs(self, signature: str) -> dict[str, list[dict[str, Any]]]:
        """Return a signature's inputs and outputs with names, dtypes and shapes; a free rank has no shape to tell."""
        definition = self.signature_defs[signature]
        sides = {"inputs": definition.inputs, "outputs": definition.outputs}
        return {
            side: [
                {"name": spec.name, "dtype": spec.dtype.name, "shape": list(spec.shape or [None])}
                for spec in (Input.from_tensor_info(name, info) for name, info in infos.items())
            ]
            for side, infos in sides.items()
        }

    def predict(self, signature: str, arrays: Arrays) -> Arrays:
        """Compute a signature's outputs. Raises INVALID_ARGUMENT if shapes do not fit or a kernel refuses them."""
        for name, spec in self._inputs[signature].items():
            spec.check_shape(arrays[name].shape)
        try:
            with self._inference.time():
                return self._run(signature, arrays)
        except tf.errors.InvalidArgumentError as error:
            raise invalid(error.message) from error

    def _run(self, signature: str, arrays: Arrays) -> Arrays:
        inputs = self._inputs[signature].items()
        tensors = {name: tf.constant(arrays[name], dtype=spec.dtype) for name, spec in inputs}
        outputs = self._loaded.signatures[signature](**tensors)
        return {name: tensor.numpy() for name, tensor in outputs.items()}

    def _warm_up(self, length: int) -> None:
        # TensorFlow optimises a graph in its first calls, whatever their shapes.
        specs = self._inputs.get(DEFAULT_SIGNATURE, {}).values()
        if not specs or any(spec.shape is None or spec.dtype == tf.string for spec in specs):
            return
        for batch in WARM_UP_BATCHES:
            arrays = {
                spec.name: np.zeros([batch if i == 0 else size or length for i, size in enumerate(spec.shape or ())])
                for spec in specs
            }
            for _ in range(WARM_UP_CALLS):
                self._run(DEFAULT_SIGNATURE, arrays)
