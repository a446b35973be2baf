"""The runtimes of edge devices that artifacts are measured in, each in an environment that has it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from bakeoff.host.files import ROOT

EDGE = ROOT / "edge"
TFLITE = ("tflite-fp32", "tflite-fp16", "tflite-dynamic", "tflite-int8")


@dataclass(frozen=True, slots=True)
class EdgeRuntime:
    """A runtime: its name, its module in edge/runtimes, its package, the formats it runs, its environment's file.

    `needs`: packages that it can't do without and doesn't declare.
    """

    name: str
    module: str
    distribution: str
    formats: tuple[str, ...]
    requirements: Path
    needs: tuple[str, ...] = ()


RUNTIMES = (
    EdgeRuntime("torch.jit", "torch_jit", "torch", ("torchscript",), ROOT / "models" / "requirements.txt"),
    EdgeRuntime(
        "tensorflow", "tensorflow_savedmodel", "tensorflow-cpu", ("savedmodel",), ROOT / "models" / "requirements.txt"
    ),
    EdgeRuntime(
        "tflite-runtime", "tflite", "tflite-runtime", TFLITE, ROOT / "serving" / "lean-tflite" / "requirements.txt"
    ),
    EdgeRuntime(
        "ai-edge-litert", "tflite", "ai-edge-litert", TFLITE, ROOT / "serving" / "lean-litert" / "requirements.txt"
    ),
    EdgeRuntime("onnxruntime", "onnx_runtime", "onnxruntime", ("onnx",), EDGE / "requirements.txt"),
    EdgeRuntime(
        "lite-interpreter", "lite_interpreter", "torch", ("lite-interpreter",), ROOT / "models" / "requirements.txt"
    ),
    EdgeRuntime(
        "executorch",
        "executorch_program",
        "executorch",
        ("executorch",),
        ROOT / "models" / "executorch" / "requirements.txt",
        needs=("torch",),
    ),
)


def runtimes_of(format: str) -> list[EdgeRuntime]:
    """Return the runtimes that a format is measured in."""
    return [runtime for runtime in RUNTIMES if format in runtime.formats]
