"""Time an artifact in process, without any server, and print one JSON line.

    PYTHONPATH=src:. python -m engines.in_process --engine tflite --model-dir artifacts/digits_cnn
        --format tflite-fp32 --threads 1

Run it with the Python of an environment that has the engine. The model is loaded and warmed up as servers do it; then
single golden inputs are predicted in turn.
"""

from __future__ import annotations

import json
import statistics
import sys

from bakeoff.schema import read_model
from engines.engine import warm_up
from engines.installed import runtime_of
from engines.timing import find_artifact, import_engine, input_rows, parse_arguments, time_calls

WARM_UP_NS, TIMED_NS, LEAST_PREDICTIONS = 300_000_000, 1_200_000_000, 7


def main() -> None:
    """Print {"runtime", "p50_ms", "predictions"}."""
    arguments = parse_arguments(__doc__)
    model = read_model(arguments.model_dir / "model.json")
    artifact = find_artifact(arguments.model_dir / arguments.format)
    predict = import_engine(arguments.engine).load(artifact, model, arguments.threads)
    warm_up(predict, model)
    rows = input_rows(arguments.model_dir / "golden.npz", model)
    time_calls(predict, rows, WARM_UP_NS, LEAST_PREDICTIONS)
    taken_ns = time_calls(predict, rows, TIMED_NS, LEAST_PREDICTIONS)
    said = {
        "runtime": runtime_of(arguments.engine),
        "p50_ms": statistics.median(taken_ns) / 1e6,
        "predictions": len(taken_ns),
    }
    sys.stdout.write(json.dumps(said) + "\n")


if __name__ == "__main__":
    main()
