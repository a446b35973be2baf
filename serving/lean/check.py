"""Whether the engine can run an artifact, and how far its outputs are from PyTorch's."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import NoReturn

import numpy as np
from command_line import Options
from exchange import Predict
from request_error import RequestError, invalid
from served import UnsupportedArtifactError, load_predictor, read_served

from bakeoff.schema import EXACT_FORMATS, Model
from bakeoff.wire.tensors import Arrays
from engines.engine import predict_by
from engines.installed import runtime_of

CHECKED_BATCHES = (1, 3)


def check(options: Options, file: Path) -> NoReturn:
    """Run the golden inputs, keep the outputs, say in one JSON line how far PyTorch's are, and exit with 0 or 65."""
    served = read_served(options)
    error: float | None = None
    ok, message = False, ""
    try:
        predictor = load_predictor(options.engine, served, options.threads, batches=(1,))
        error, within = compare_golden(options.model_dir / "golden.npz", file, predictor, served.model)
        ok = within or (options.format not in EXACT_FORMATS and np.isfinite(error))
        message = "" if ok else f"outputs are {error:.3g} from PyTorch's; at most {served.model.atol:g} is allowed"
    except (UnsupportedArtifactError, RequestError) as refusal:
        message = str(refusal)
    result = {
        "runtime": runtime_of(options.engine),
        "format": options.format,
        "ok": bool(ok),
        "max_abs_error": error if error is not None and np.isfinite(error) else None,
        "message": message,
    }
    sys.stdout.write(json.dumps(result) + "\n")
    sys.exit(0 if ok else os.EX_DATAERR)


def compare_golden(golden_file: Path, file: Path, predictor: Predict, model: Model) -> tuple[float, bool]:
    """Return the largest absolute error against PyTorch's outputs, and whether all are within the model's tolerance.

    Runs all golden samples in each checked batch size and length, and writes the outputs of batch 1 to the file, by the
    output's name, with @LENGTH behind it where the model has lengths.
    """
    worst, within = 0.0, True
    kept: Arrays = {}
    with np.load(golden_file) as stored:
        golden = {name: stored[name] for name in stored.files}
    for end in [f"@{length}" for length in model.lengths] or [""]:
        inputs = {spec.name: golden[f"input:{spec.name}{end}"] for spec in model.inputs}
        for batch in CHECKED_BATCHES:
            outputs = predict_by(predictor, inputs, batch)
            expected = {name: golden[f"torch:{name}{end}"][: len(output)] for name, output in outputs.items()}
            error, close = compare(outputs, expected, model)
            worst, within = max(worst, error), within and close
            if batch == 1:
                kept |= {f"{name}{end}": output for name, output in outputs.items()}
    np.savez(file, **kept)
    return worst, within


def compare(outputs: Arrays, expected: Arrays, model: Model) -> tuple[float, bool]:
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
