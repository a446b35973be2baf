"""TFLite in ai-edge-litert, tflite-runtime's successor."""

from __future__ import annotations

from functools import partial

from ai_edge_litert.interpreter import Interpreter

from engines import interpreters

REFUSALS = interpreters.REFUSALS

load = partial(interpreters.load, Interpreter)
