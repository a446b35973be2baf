"""What programs that call an endpoint of ours share: their command line, the request, and a process as in a trial."""

from __future__ import annotations

import argparse
import gc
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from measure import HOST

from bakeoff.artifacts.golden import Golden, load_model
from bakeoff.schema import WIRE_PROTOCOLS, Endpoint
from bakeoff.wire import WIRES, Request
from bakeoff.wire.client import Call, Client
from bakeoff.wire.memory import keep_large_blocks

TIMEOUT_S = 30.0
CallerT = TypeVar("CallerT", Client, Call)


def prepare(*numbers: str) -> tuple[argparse.Namespace, Callable[[type[CallerT]], CallerT], Request]:
    """Read the command line, with further options that are numbers, and set this process up as in a trial.

    Returns the options, what makes a Client or a Call to the endpoint, and a request: the first golden input.
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
    model = load_model(job.model_dir)
    endpoint = Endpoint("any", model.name, "any", "any", WIRE_PROTOCOLS[job.wire], job.wire, HOST, job.port)
    golden = Golden(job.model_dir / "golden.npz", model)
    request = WIRES[job.wire].encode(model, golden.inputs([0]))
    return job, lambda kind: kind(endpoint, model, TIMEOUT_S), request
