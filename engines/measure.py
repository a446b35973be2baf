"""Measure one artifact in one engine, in this fresh process, and print one JSON line.

    PYTHONPATH=src:. python -m engines.measure --engine tflite --model-dir artifacts/digits_cnn
        --format tflite-fp32 --threads 1

Run it pinned to as many CPUs as threads, with the Python of an environment that has the engine. Times are integer ns;
sizes are bytes. Inputs are the golden ones, one at a time; a model with lengths takes its middle one.
Exit status: 0 measured; 65 the engine can't load or run the artifact, or answers wrongly: {"reason": "..."}.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from bakeoff.schema import EXACT_FORMATS, Model, read_model
from bakeoff.schema.engines import BY_MODULE
from engines.engine import middle_length
from engines.installed import describe_installation, mapped_files
from engines.memory import Memory, busy_ns, share_waited, waiting_ns
from engines.timing import find_artifact, golden_rows, import_engine, parse_arguments, time_calls

if TYPE_CHECKING:
    from engines.engine import Arrays, Engine

LONGEST_REASON = 400
WARM_UP_NS, STEADY_NS = 300_000_000, 300_000_000
LEAST_WARM_UP, LEAST_STEADY = 3, 20
REFUSALS = (RuntimeError, ValueError, TypeError, LookupError, OSError)
"""Taken for an answer beside the engine's own REFUSALS: in a process of its own nothing else can have raised them."""


def main() -> int:
    arguments = parse_arguments(__doc__)
    answer = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # whatever the runtimes print, from C++ too, goes to stderr
    said = describe(arguments)
    answer.write(json.dumps(said) + "\n")
    answer.close()
    return os.EX_DATAERR if "reason" in said else 0


def describe(arguments: argparse.Namespace) -> dict[str, Any]:
    """Return the figures of an artifact, or the reason why there are none."""
    model = read_model(arguments.model_dir / "model.json")
    artifact = find_artifact(arguments.model_dir / arguments.format)
    inputs, expected = read_golden(arguments.model_dir / "golden.npz", model)
    engine = import_engine(arguments.engine)
    refusals: tuple[type[Exception], ...] = (*REFUSALS, *engine.REFUSALS)
    try:
        said = measure(engine, artifact, model, inputs, arguments.threads)
        said["max_abs_error"] = check(said.pop("outputs"), expected, model, arguments.format)
    except refusals as error:
        text = " ".join(str(error).split()) or type(error).__name__
        return {"reason": text[:LONGEST_REASON]}
    row = BY_MODULE[arguments.engine]
    return said | describe_installation(row.distribution, mapped_files(), row.needs)


def read_golden(file: Path, model: Model) -> tuple[list[Arrays], list[Arrays]]:
    """Return inputs and PyTorch's outputs by name, each as a batch of one, of the middle length if there are any."""
    length = middle_length(model) if model.lengths else None
    inputs, outputs = [spec.name for spec in model.inputs], [spec.name for spec in model.outputs]
    return golden_rows(file, "input", inputs, length), golden_rows(file, "torch", outputs, length)


def measure(engine: Engine, artifact: Path, model: Model, inputs: list[Arrays], threads: int) -> dict[str, Any]:
    """Load and run an artifact; the outputs are those of all inputs, computed after the clock and the memory."""
    memory = Memory()
    start_ns = time.perf_counter_ns()
    predict = engine.load(artifact, model, threads)
    loaded_ns = time.perf_counter_ns()
    predict(inputs[0])
    first_ns = time.perf_counter_ns()
    time_calls(predict, inputs, WARM_UP_NS, LEAST_WARM_UP)
    before = counters()
    taken = sorted(time_calls(predict, inputs, STEADY_NS, LEAST_STEADY))
    waited = share_waited(*(now - then for now, then in zip(counters(), before, strict=True)))
    return {
        "threads": threads,
        "cpus": len(os.sched_getaffinity(0)),
        "load_ns": loaded_ns - start_ns,
        "first_ns": first_ns - loaded_ns,
        "p10_ns": percentile(taken, 0.1),
        "p50_ns": percentile(taken, 0.5),
        "p90_ns": percentile(taken, 0.9),
        "count": len(taken),
        "waited": waited,
        "peak_bytes": memory.growth(),
        "outputs": [predict(row) for row in inputs],
    }


def counters() -> tuple[int, int, int]:
    """Return for how many ns this process's threads have waited, and run, and for how many its CPUs were busy."""
    return waiting_ns(), time.process_time_ns(), busy_ns()


def percentile(ordered: list[int], q: float) -> int:
    """Return the smallest value with at least a share q of all at or below it."""
    return ordered[max(0, math.ceil(len(ordered) * q) - 1)]


def check(outputs: list[Arrays], expected: list[Arrays], model: Model, format: str) -> float:
    """Return the largest error against PyTorch; raise ValueError for what isn't an answer of this artifact."""
    largest = 0.0
    exact = format in EXACT_FORMATS
    for actual, reference in zip(outputs, expected, strict=True):
        for name, right in reference.items():
            if actual[name].shape != right.shape:
                raise ValueError(f"output {name} has shape {list(actual[name].shape)}, PyTorch's {list(right.shape)}")
            error = np.abs(actual[name].astype(np.float64) - right)
            if not np.isfinite(error).all():
                raise ValueError(f"output {name} holds NaN or infinity")
            largest = max(largest, float(error.max(initial=0.0)))
            if exact and (error > model.atol + model.rtol * np.abs(right)).any():
                raise ValueError(f"it answers wrongly: output {name} is off by {error.max():.3g} from PyTorch's")
    return largest


if __name__ == "__main__":
    sys.exit(main())
