"""TFLite in ai-edge-litert, tflite-runtime's successor."""

from __future__ import annotations

from functools import partial
from importlib import metadata

from ai_edge_litert.interpreter import Interpreter

from engines import interpreters

NAME = "ai-edge-litert"
REFUSALS = interpreters.REFUSALS

load = partial(interpreters.load, Interpreter)


def version() -> str:
    return metadata.version(NAME)
