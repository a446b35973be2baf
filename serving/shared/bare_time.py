"""What an artifact takes in process, without any server: the --bare of every program that computes."""

from __future__ import annotations

import json
import statistics
import sys
import time
from collections.abc import Callable
from typing import Any, NoReturn

import numpy as np
from command_line import Options

WARM_UP_S, TIMED_S, LEAST_PREDICTIONS = 0.3, 1.2, 7

Arrays = dict[str, np.ndarray]


def exit_with_time(options: Options, runtime: str, predict: Callable[[Arrays], object]) -> NoReturn:
    """Time predictions of single golden inputs, print {"runtime", "p50_ms", "predictions"} as one line and end."""
    rows = golden_rows(options)
    time_calls(predict, rows, WARM_UP_S)
    taken_ns = time_calls(predict, rows, TIMED_S)
    said = {"runtime": runtime, "p50_ms": statistics.median(taken_ns) / 1e6, "predictions": len(taken_ns)}
    sys.stdout.write(json.dumps(said) + "\n")
    sys.exit(0)


def golden_rows(options: Options) -> list[Arrays]:
    """Return the golden inputs by name, each as a batch of one; of a model with lengths these take turns."""
    described = options.load_model_json()
    names = [spec["name"] for spec in described["inputs"]]
    ends = [f"@{length}" for length in described.get("lengths", [])] or [""]
    with np.load(options.model_dir / "golden.npz", allow_pickle=False) as golden:
        stacked: list[dict[str, Any]] = [{name: golden[f"input:{name}{end}"] for name in names} for end in ends]
    count = min(len(arrays[names[0]]) for arrays in stacked)
    return [
        {name: np.ascontiguousarray(array[i : i + 1]) for name, array in arrays.items()}
        for i in range(count)
        for arrays in stacked
    ]


def time_calls(predict: Callable[[Arrays], object], rows: list[Arrays], seconds: float) -> list[int]:
    """Return the ns that each call took, for so many seconds and at least LEAST_PREDICTIONS calls."""
    taken: list[int] = []
    end_ns = time.perf_counter_ns() + int(seconds * 1e9)
    while len(taken) < LEAST_PREDICTIONS or time.perf_counter_ns() < end_ns:
        row = rows[len(taken) % len(rows)]
        start_ns = time.perf_counter_ns()
        predict(row)
        taken.append(time.perf_counter_ns() - start_ns)
    return taken
