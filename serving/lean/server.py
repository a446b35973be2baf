"""Serve a TFLite artifact with TensorFlow Serving's Predict API, on tflite-runtime or ai-edge-litert.

Exits with status 65 (EX_DATAERR) and the runtime's message where the runtime can't load the artifact.
"""

from __future__ import annotations

import json
import sys
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import NoReturn

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "shared"))

from admission import Admission
from command_line import Options, parse_command_line
from interpreters import Predictor, Runtime, UnsupportedArtifactError
from lifecycle import EX_DATAERR, Service, exit_cleanly_on_sigterm, fail, run
from prediction_queue import PredictionQueue
from request_error import RequestError, invalid
from served_model import ServedModel, load_served_model, newest_version
from server_metrics import ServerMetrics
from tfserving_api import TfServingApi

from bakeoff.schema import EXACT_FORMATS
from bakeoff.wire.memory import keep_large_blocks, share_heap
from bakeoff.wire.tensors import Arrays

MODEL_FILE = "model.tflite"
CHECKED_BATCHES = (1, 3)
INLINE_NS = 200_000
"""A prediction that is quicker runs on the event loop: handing it to a thread and back takes about as long itself."""
SPARE_THREADS = 16  # for what waits for no interpreter: calls whose message is on its way, refusals, status


def main() -> None:
    options = parse_command_line(__doc__, checks=True, queues=True, limits=True)
    exit_cleanly_on_sigterm()
    keep_large_blocks()
    share_heap()
    try:
        version = newest_version(options.model_dir / options.format)
        model = load_served_model(options.model, options.model_dir, int(version.name))
        runtime = Runtime()
    except (OSError, KeyError, ValueError, ModuleNotFoundError) as error:
        fail(f"can't serve {options.model} as {options.format}: {error!r}")
    load = partial(Predictor, runtime, version / MODEL_FILE, model, options.threads)
    predictor = load()
    if options.check is not None:
        check(options, options.check, predictor, model, runtime.label)
    serve(options, [predictor, *(load() for _ in range(1, options.workers))], model)


def serve(options: Options, predictors: list[Predictor], model: ServedModel) -> None:
    """Serve until SIGTERM."""
    try:
        predict_ns = min(predictor.warm_up() for predictor in predictors)
    except UnsupportedArtifactError as error:
        fail(str(error), EX_DATAERR)
    inline = options.workers == 1 and predict_ns < INLINE_NS
    most_calls = options.workers + options.queue + SPARE_THREADS
    pool = ThreadPoolExecutor(most_calls, "request")  # it makes a thread only when none is idle
    metrics = ServerMetrics()
    queue = PredictionQueue(predictors, options.queue, metrics)
    api = TfServingApi(model, queue, pool, inline)
    run(options, Service(api.respond, api.grpc_methods, metrics, Admission(model, queue, metrics)), pool, most_calls)
    pool.shutdown(wait=False, cancel_futures=True)


def check(options: Options, file: Path, predictor: Predictor, model: ServedModel, runtime: str) -> NoReturn:
    """Run the golden inputs, keep the outputs, say in one JSON line how far PyTorch's are, and exit with 0 or 65."""
    error: float | None = None
    ok, message = False, ""
    try:
        predictor.warm_up()
        error, within = compare_golden(options, file, predictor, model)
        ok = within or (options.format not in EXACT_FORMATS and np.isfinite(error))
        message = "" if ok else f"outputs are {error:.3g} from PyTorch's; at most {model.atol:g} is allowed"
    except (UnsupportedArtifactError, RequestError) as refusal:
        message = str(refusal)
    result = {
        "runtime": runtime,
        "format": options.format,
        "ok": bool(ok),
        "max_abs_error": error if error is not None and np.isfinite(error) else None,
        "message": message,
    }
    sys.stdout.write(json.dumps(result) + "\n")
    sys.exit(0 if ok else EX_DATAERR)


def compare_golden(options: Options, file: Path, predictor: Predictor, model: ServedModel) -> tuple[float, bool]:
    """Return the largest absolute error against PyTorch's outputs, and whether all are within the model's tolerance.

    Runs all golden samples in each checked batch size and length, and writes the outputs of batch 1 to the file, by the
    output's name, with @LENGTH behind it where the model has lengths.
    """
    worst, within = 0.0, True
    kept: Arrays = {}
    with np.load(options.model_dir / "golden.npz") as stored:
        golden = {name: stored[name] for name in stored.files}
    for end in [f"@{length}" for length in model.lengths] or [""]:
        inputs = {spec.name: golden[f"input:{spec.name}{end}"] for spec in model.inputs}
        for batch in CHECKED_BATCHES:
            outputs = predict_in_batches(predictor, inputs, batch)
            expected = {name: golden[f"torch:{name}{end}"][: len(output)] for name, output in outputs.items()}
            error, close = compare(outputs, expected, model)
            worst, within = max(worst, error), within and close
            if batch == 1:
                kept |= {f"{name}{end}": output for name, output in outputs.items()}
    np.savez(file, **kept)
    return worst, within


def compare(outputs: Arrays, expected: Arrays, model: ServedModel) -> tuple[float, bool]:
    """Return the largest absolute error, and whether all are within the model's tolerance; raises RequestError."""
    worst, within = 0.0, True
    for name, output in outputs.items():
        right = expected[name]
        if output.shape != right.shape:
            raise invalid(f"output {name} has shape {list(output.shape)}, PyTorch's has {list(right.shape)}")
        error = np.abs(output.astype("f8") - right)
        # max() would overlook NaN
        worst = max(worst, float(error.max(initial=0))) if np.isfinite(error).all() else float("inf")
        within = within and np.allclose(output, right, atol=model.atol, rtol=model.rtol)
    return worst, within


def predict_in_batches(predictor: Predictor, inputs: Arrays, batch: int) -> Arrays:
    """Return the outputs of all samples that fill whole batches, stacked."""
    count = len(next(iter(inputs.values())))
    starts = range(0, count - batch + 1, batch)
    parts = [predictor({name: array[i : i + batch] for name, array in inputs.items()}) for i in starts]
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


if __name__ == "__main__":
    main()
