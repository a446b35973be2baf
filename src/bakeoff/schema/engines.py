"""The table of engines: what computes an artifact in process."""

from __future__ import annotations

import platform
from dataclasses import dataclass

from bakeoff.schema import formats

TENSORFLOW = "tensorflow-cpu" if platform.machine() == "x86_64" else "tensorflow"
"""TensorFlow's distribution without CUDA: elsewhere than on x86_64 there is but one."""


@dataclass(frozen=True, slots=True)
class EngineRow:
    """A row.

    `name`: as results and size reports show it; `module`: in engines/; `distribution`: its package; `requirements`: the
    file of an environment that has it, from the project's root. `needs`: packages that it can't do without and doesn't
    declare.
    """

    name: str
    module: str
    distribution: str
    requirements: str
    needs: tuple[str, ...] = ()


TABLE = (
    EngineRow("torch.jit", "torchscript", "torch", "models/requirements.txt"),
    EngineRow("tensorflow", "tensorflow", TENSORFLOW, "models/requirements.txt"),
    EngineRow("tflite-runtime", "tflite", "tflite-runtime", "serving/lean-tflite/requirements.txt"),
    EngineRow("ai-edge-litert", "litert", "ai-edge-litert", "serving/lean-litert/requirements.txt"),
    EngineRow("onnxruntime", "onnxruntime", "onnxruntime", "engines/requirements.txt"),
    EngineRow("lite-interpreter", "lite_interpreter", "torch", "models/requirements.txt"),
    EngineRow("executorch", "executorch", "executorch", "models/executorch/requirements.txt", needs=("torch",)),
)
BY_MODULE = {row.module: row for row in TABLE}


def engines_of(format: str) -> list[EngineRow]:
    """Return the engines that run a format."""
    return [row for row in TABLE if row.module in formats.BY_NAME[format].engines]
