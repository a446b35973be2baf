"""Time an artifact in process, without any server, and print one JSON line.

    PYTHONPATH=src:. python -m engines.in_process --engine tflite --model-dir artifacts/digits_cnn
        --format tflite-fp32 --threads 1

Run it with the Python of an environment that has the engine. The model is loaded and warmed up as servers do it; then
single golden inputs are predicted in turn.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
from pathlib import Path

from bakeoff.schema import read_model
from engines.engine import warm_up
from engines.timing import find_artifact, import_engine, input_rows, time_calls

WARM_UP_NS, TIMED_NS, LEAST_PREDICTIONS = 300_000_000, 1_200_000_000, 7


def main() -> None:
    """Print {"runtime", "p50_ms", "predictions"}."""
    arguments = parse_arguments()
    engine = import_engine(arguments.engine)
    model = read_model(arguments.model_dir / "model.json")
    predict = engine.load(find_artifact(arguments.model_dir / arguments.format), model, arguments.threads)
    warm_up(predict, model)
    rows = input_rows(arguments.model_dir / "golden.npz", model)
    time_calls(predict, rows, WARM_UP_NS, LEAST_PREDICTIONS)
    taken_ns = time_calls(predict, rows, TIMED_NS, LEAST_PREDICTIONS)
    said = {
        "runtime": f"{engine.NAME} {engine.version()}",
        "p50_ms": statistics.median(taken_ns) / 1e6,
        "predictions": len(taken_ns),
    }
    sys.stdout.write(json.dumps(said) + "\n")


def parse_arguments() -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--engine", required=True, help="a module of engines/")
    parser.add_argument("--model-dir", type=Path, required=True, help="artifacts/MODEL")
    parser.add_argument("--format", required=True, help="folder below it")
    parser.add_argument("--threads", type=int, required=True, help="threads of one prediction")
    return parser.parse_args()


if __name__ == "__main__":
    main()
