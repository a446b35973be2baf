"""TFLite in ai-edge-litert, tflite-runtime's successor, with the same interpreter."""

from __future__ import annotations

from functools import partial
from importlib import metadata

from ai_edge_litert.interpreter import Interpreter

from engines.tflite import REFUSALS as REFUSALS
from engines.tflite import load_in

NAME = "ai-edge-litert"

load = partial(load_in, Interpreter)


def version() -> str:
    return metadata.version(NAME)
