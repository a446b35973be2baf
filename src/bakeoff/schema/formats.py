"""The table of formats: what a model can be exported to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Framework = Literal["PyTorch", "TensorFlow"]


@dataclass(frozen=True, slots=True)
class Format:
    """A row.

    `framework`: whose format it is, None where neither's. `exact`: it keeps fp32, so that its outputs must agree with
    PyTorch's within the model's tolerance. `edge`: it runs on a device, without a whole framework. `served`: whether a
    target serves it by default, when asked, or never, in which case it is measured in process alone. `engines`: the
    modules of engines/ that run it, the first of which its export is proved with.
    """

    name: str
    framework: Framework | None
    exact: bool
    edge: bool
    engines: tuple[str, ...]
    served: Literal["default", "asked", "never"]


TFLITE = ("litert", "tflite")

TABLE = (
    Format("torchscript", "PyTorch", exact=True, edge=False, engines=("torchscript",), served="default"),
    Format("savedmodel", "TensorFlow", exact=True, edge=False, engines=("tensorflow",), served="default"),
    Format("tflite-fp32", "TensorFlow", exact=True, edge=True, engines=TFLITE, served="default"),
    Format("tflite-fp16", "TensorFlow", exact=False, edge=True, engines=TFLITE, served="asked"),
    Format("tflite-dynamic", "TensorFlow", exact=False, edge=True, engines=TFLITE, served="asked"),
    Format("tflite-int8", "TensorFlow", exact=False, edge=True, engines=TFLITE, served="asked"),
    Format("onnx", None, exact=True, edge=True, engines=("onnxruntime",), served="never"),
    Format("executorch", "PyTorch", exact=True, edge=True, engines=("executorch",), served="never"),
    Format("lite-interpreter", "PyTorch", exact=True, edge=True, engines=("lite_interpreter",), served="never"),
)
BY_NAME = {row.name: row for row in TABLE}
FORMATS = tuple(BY_NAME)
EXACT_FORMATS = frozenset(row.name for row in TABLE if row.exact)
SERVED_BY_DEFAULT = frozenset(row.name for row in TABLE if row.served == "default")
UNSERVED_FORMATS = tuple(row.name for row in TABLE if row.served == "never")
"""Exported when asked for, and measured in process."""
NO_FORMAT = "none"
"""The format of a target that serves no artifact (echo)."""
