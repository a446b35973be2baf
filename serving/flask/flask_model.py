"""The one model of a Flask target: its wire, and its engine with the time that it takes counted."""

from __future__ import annotations

from collections.abc import Sequence

from command_line import parse_command_line
from exchange import JsonCodec, Predict, Wire
from metrics import INFERENCE
from served import load_predictor, read_served
from wires import make_wire

from bakeoff.wire import rows
from bakeoff.wire.tensors import Arrays

KNOWS = ("engine", "wires")
WARM_UP_BATCHES = (1, 3)
CODEC = JsonCodec(rows.parse, lambda document, arrays: rows.dump(document))


def load(arguments: Sequence[str], protocol: str) -> tuple[Wire, Predict]:
    """Load what the command line says, for one protocol."""
    options = parse_command_line(knows=KNOWS, arguments=arguments)
    served = read_served(options)
    predict = load_predictor(options.engine, served, options.threads, WARM_UP_BATCHES)
    inference = INFERENCE.labels(protocol)

    def timed(arrays: Arrays) -> Arrays:
        with inference.time():
            return predict(arrays)

    return make_wire(options.wires, served, CODEC), timed
