"""Serve an artifact with any engine, over one family of our wires.

Exits with status 65 (EX_DATAERR) and the engine's message where the engine can't load the artifact.
"""

from __future__ import annotations

import os
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "shared"))

from admission import Admission
from check import check
from command_line import Options, parse_command_line
from dataplane import Dataplane
from exchange import Predict, Wire
from json_body import CODEC
from lifecycle import Service, fail, prepare, run
from prediction_queue import PredictionQueue
from served import UnsupportedArtifactError, load_predictor, read_served
from server_metrics import ServerMetrics
from wires import make_wire

from bakeoff.schema import Model
from engines.engine import zeros
from engines.timing import time_calls

INLINE_NS = 200_000
"""A prediction that is quicker runs on the event loop: handing it to a thread and back takes about as long itself."""
SPARE_THREADS = 16  # for what waits for no predictor: calls whose message is on its way, refusals, status
TIMED_CALLS = 3


def main() -> None:
    options = parse_command_line(__doc__, knows=("engine", "wires", "check", "queue", "patience"))
    prepare()
    try:
        if options.check is not None:
            check(options, options.check)
        served = read_served(options)
        wire = make_wire(options.wires, served, CODEC)
        predictors = [
            load_predictor(options.engine, served, options.threads, batches=(1,)) for _ in range(options.workers)
        ]
    except UnsupportedArtifactError as error:
        fail(str(error), os.EX_DATAERR)
    except (OSError, KeyError, TypeError, ValueError, ImportError) as error:
        fail(f"can't serve {options.model} as {options.format}: {error!r}")
    serve(options, predictors, wire, served.model)


def serve(options: Options, predictors: list[Predict], wire: Wire, model: Model) -> None:
    """Serve until SIGTERM."""
    inline = options.workers == 1 and time_prediction(predictors[0], model) < INLINE_NS
    most_calls = options.workers + options.queue + SPARE_THREADS
    pool = ThreadPoolExecutor(most_calls, "request")  # it makes a thread only when none is idle
    metrics = ServerMetrics()
    queue = PredictionQueue(predictors, options.queue, metrics)
    plane = Dataplane(wire, queue, pool, inline)
    admission = Admission(wire.predict_paths, queue, metrics, wire.error_document)
    run(options, Service(plane.respond, plane.grpc_methods, wire.error_document, metrics, admission), pool, most_calls)
    pool.shutdown(wait=False, cancel_futures=True)


def time_prediction(predictor: Predict, model: Model) -> int:
    """Return the ns that a batch of one of the longest takes."""
    return min(time_calls(predictor, [zeros(model, 1, max(model.lengths, default=1))], 0, TIMED_CALLS))


if __name__ == "__main__":
    main()
