"""Measure one artifact in one runtime of edge devices, in this fresh process, and print one JSON line.

    python edge/measure.py --runtime tflite --distribution tflite-runtime --model-dir artifacts/digits_cnn
        --format tflite-fp32 --threads 1

Run it pinned to as many CPUs as threads, with the Python of an environment that has the runtime. Times are integer ns;
sizes are bytes. Inputs are the golden ones, one at a time; a model with lengths takes its middle one.
Exit status: 0 measured; 65 the runtime can't load or run the artifact, or answers wrongly: {"reason": "..."}.
"""

from __future__ import annotations

import argparse
import importlib
import json
import math
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from installed import describe_installation, mapped_files
from memory import Memory, busy_ns, share_waited, waiting_ns

from bakeoff.schema import EXACT_FORMATS

EX_DATAERR = 65
LONGEST_REASON = 400
WARM_UP_NS, STEADY_NS = 300_000_000, 300_000_000
LEAST_WARM_UP, LEAST_STEADY = 3, 20
REFUSALS = (RuntimeError, ValueError, TypeError, LookupError, OSError)
"""What runtimes raise for an artifact that they can't load or run; a module of runtimes/ may have a REFUSALS too."""

Arrays = dict[str, np.ndarray]
Predict = Callable[[Arrays], Arrays]


def main() -> int:
    arguments = parse_arguments()
    answer = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # whatever the runtimes print, from C++ too, goes to stderr
    said = describe(arguments)
    answer.write(json.dumps(said) + "\n")
    answer.close()
    return EX_DATAERR if "reason" in said else 0


def describe(arguments: argparse.Namespace) -> dict[str, Any]:
    """Return the figures of an artifact, or the reason why there are none."""
    model = json.loads((arguments.model_dir / "model.json").read_text(encoding="utf-8"))
    manifest = json.loads((arguments.model_dir / arguments.format / "manifest.json").read_text(encoding="utf-8"))
    inputs, expected = read_golden(arguments.model_dir / "golden.npz", model)
    runtime = importlib.import_module(f"runtimes.{arguments.runtime}")
    try:
        said = measure(runtime, arguments.model_dir / arguments.format / manifest["file"], model, inputs, arguments)
        outputs = said.pop("outputs")
        said["max_abs_error"] = check(outputs, expected, model, manifest)
    except (*REFUSALS, *getattr(runtime, "REFUSALS", ())) as error:
        text = " ".join(str(error).split()) or type(error).__name__
        return {"reason": text[:LONGEST_REASON]}
    return said | describe_installation(arguments.distribution, mapped_files(), arguments.needs)


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runtime", required=True, help="a module of runtimes/")
    parser.add_argument("--distribution", required=True, help="the runtime's package, as pip knows it")
    parser.add_argument("--needs", nargs="*", default=(), help="packages it can't do without and doesn't declare")
    parser.add_argument("--model-dir", type=Path, required=True)
    parser.add_argument("--format", required=True)
    parser.add_argument("--threads", type=int, required=True)
    return parser.parse_args()


def read_golden(path: Path, model: dict[str, Any]) -> tuple[list[Arrays], list[Arrays]]:
    """Return inputs and PyTorch's outputs by name, each as a batch of one, of the middle length if there are any."""
    lengths = model.get("lengths") or []
    suffix = f"@{sorted(lengths)[len(lengths) // 2]}" if lengths else ""

    def rows(prefix: str, specs: list[dict[str, Any]]) -> list[Arrays]:
        stacked = {spec["name"]: golden[f"{prefix}:{spec['name']}{suffix}"] for spec in specs}
        count = len(next(iter(stacked.values())))
        return [{name: np.ascontiguousarray(a[i : i + 1]) for name, a in stacked.items()} for i in range(count)]

    with np.load(path, allow_pickle=False) as golden:
        return rows("input", model["inputs"]), rows("torch", model["outputs"])


def measure(
    runtime: Any, artifact: Path, model: dict[str, Any], inputs: list[Arrays], arguments: argparse.Namespace
) -> dict[str, Any]:
    """Load and run an artifact; the outputs are those of all inputs, computed after the clock and the memory."""
    outputs = [spec["name"] for spec in model["outputs"]]
    memory = Memory()
    start_ns = time.perf_counter_ns()
    predict = runtime.load(artifact, inputs[0], outputs, arguments.threads)
    loaded_ns = time.perf_counter_ns()
    predict(inputs[0])
    first_ns = time.perf_counter_ns()
    time_calls(predict, inputs, WARM_UP_NS, LEAST_WARM_UP)
    before = counters()
    taken = sorted(time_calls(predict, inputs, STEADY_NS, LEAST_STEADY))
    waited = share_waited(*(now - then for now, then in zip(counters(), before, strict=True)))
    return {
        "threads": arguments.threads,
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


def time_calls(predict: Predict, rows: list[Arrays], least_ns: int, least_calls: int) -> list[int]:
    """Return what each call took, for so long and at least so many calls."""
    taken: list[int] = []
    end_ns = time.perf_counter_ns() + least_ns
    while len(taken) < least_calls or time.perf_counter_ns() < end_ns:
        row = rows[len(taken) % len(rows)]
        start_ns = time.perf_counter_ns()
        predict(row)
        taken.append(time.perf_counter_ns() - start_ns)
    return taken


def percentile(ordered: list[int], q: float) -> int:
    """Return the smallest value with at least a share q of all at or below it."""
    return ordered[max(0, math.ceil(len(ordered) * q) - 1)]


def check(outputs: list[Arrays], expected: list[Arrays], model: dict[str, Any], manifest: dict[str, Any]) -> float:
    """Return the largest error against PyTorch; raise ValueError for what isn't an answer of this artifact."""
    largest = 0.0
    exact = manifest["format"] in EXACT_FORMATS
    for actual, reference in zip(outputs, expected, strict=True):
        for name, right in reference.items():
            if actual[name].shape != right.shape:
                raise ValueError(f"output {name} has shape {list(actual[name].shape)}, PyTorch's {list(right.shape)}")
            error = np.abs(actual[name].astype(np.float64) - right)
            if not np.isfinite(error).all():
                raise ValueError(f"output {name} holds NaN or infinity")
            largest = max(largest, float(error.max(initial=0.0)))
            if exact and (error > model["atol"] + model["rtol"] * np.abs(right)).any():
                raise ValueError(f"it answers wrongly: output {name} is off by {error.max():.3g} from PyTorch's")
    return largest


if __name__ == "__main__":
    sys.exit(main())
