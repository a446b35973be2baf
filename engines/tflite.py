"""TFLite in tflite-runtime."""

from __future__ import annotations

from functools import partial

from tflite_runtime.interpreter import Interpreter

from engines import interpreters

REFUSALS = interpreters.REFUSALS

load = partial(interpreters.load, Interpreter)
