"""TFLite in tflite-runtime."""

from __future__ import annotations

from functools import partial
from importlib import metadata

from tflite_runtime.interpreter import Interpreter

from engines import interpreters

NAME = "tflite-runtime"
REFUSALS = interpreters.REFUSALS

load = partial(interpreters.load, Interpreter)


def version() -> str:
    return metadata.version(NAME)
