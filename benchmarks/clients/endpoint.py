"""What programs that call an endpoint of ours share: their command line, the request, and a process as in a trial."""

from __future__ import annotations

import argparse
import gc
from pathlib import Path

from measure import HOST

from bakeoff.artifacts.golden import Golden, load_model
from bakeoff.wire import WIRES
from bakeoff.wire.memory import keep_large_blocks

TIMEOUT_S = 30.0


def prepare(*numbers: str) -> tuple[argparse.Namespace, tuple, bytes]:
    """Read the command line, with further options that are numbers, and set this process up as in a trial.

    Returns the options, the arguments of Client and Call, and the body of a request: the first golden input.
    """
    parser = argparse.ArgumentParser()
    parser.add_argument("--wire", choices=list(WIRES), required=True)
    parser.add_argument("--model-dir", type=Path, required=True)
    parser.add_argument("--port", type=int, required=True)
    for name in ("--seconds", *numbers):
        parser.add_argument(name, type=float, required=True)
    job = parser.parse_args()
    keep_large_blocks()
    gc.disable()
    model, wire = load_model(job.model_dir), WIRES[job.wire]
    golden = Golden(job.model_dir / "golden.npz", model)
    body = wire.encode_request(model.name, model.inputs, golden.inputs([0]))
    return job, (HOST, job.port, wire, model.name, model.inputs, TIMEOUT_S), body
