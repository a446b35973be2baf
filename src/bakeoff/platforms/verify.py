"""Serving parity: an endpoint must answer what its artifact answers in its own runtime."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from bakeoff.artifacts.golden import Golden, at_length
from bakeoff.measure.requests import encode_request
from bakeoff.schema import NO_FORMAT, Endpoint, Parity, Reason, quoted
from bakeoff.schema.samples import TrialSamples
from bakeoff.wire import WIRES, Reply, WireError
from bakeoff.wire.client import Client

Arrays = dict[str, np.ndarray[Any, Any]]
BATCHES = (1, 3)
REQUESTS_PER_LENGTH = 3
TIMEOUT_S = 30.0


class Size(NamedTuple):
    """A batch, and the length of its rows where the model has lengths."""

    batch: int
    length: int | None


class Expected:
    """The right answers to the golden inputs, which an endpoint must meet within the model's tolerance.

    `outputs` are the artifact's own, as Golden.outputs gives them, a row a golden sample; of quantised artifacts those
    of the very runtime that serves them, since runtimes round differently. Empty for an endpoint that computes nothing.
    """

    def __init__(self, golden: Golden, outputs: Arrays) -> None:
        self.golden = golden
        self.atol, self.rtol = golden.model.atol, golden.model.rtol
        self._outputs = outputs

    def error_of(self, rows: list[int], answer: Arrays) -> tuple[float, bool]:
        """Return the largest absolute error of an answer to golden rows, and whether it is within tolerance.

        Raises WireError where the answer's names or shapes are not the model's.
        """
        worst, ok = 0.0, True
        length, own = self.golden.place(rows)
        for name in [spec.name for spec in self.golden.model.outputs] if self._outputs else []:
            right, got = self._outputs[f"{name}{at_length(length)}"][own], answer[name]
            if got.shape != right.shape:
                raise WireError(f"output {name} has shape {list(got.shape)}, expected {list(right.shape)}")
            error = np.abs(got.astype(np.float64) - right.astype(np.float64))
            # A NaN must fail, so the comparison is written for what passes.
            ok = ok and bool(np.all(error <= self.atol + self.rtol * np.abs(right)))
            worst = max(worst, float(error.max())) if np.isfinite(error).all() else float("inf")
        return worst, ok


def canary(endpoint: Endpoint, golden: Golden) -> str | None:
    """Ask an endpoint for one prediction; return None, or what went wrong."""
    try:
        _ask(endpoint, golden, [0], timeout_s=5.0)
    except WireError as error:
        return str(error)
    return None


def verify_endpoint(endpoint: Endpoint, expected: Expected) -> list[Parity]:
    """Compare an endpoint's answers at batch 1 and 3 with the expected ones; one row a batch size and length.

    The echo target computes nothing: its answers are only decoded, and there are no rows.
    """
    golden = expected.golden
    if endpoint.format == NO_FORMAT:
        problem = canary(endpoint, golden)
        return [_parity(endpoint, Size(1, None), None, False, quoted(problem))] if problem else []
    asked: dict[Size, list[list[int]]] = {}
    for batch in BATCHES:
        for request in range(REQUESTS_PER_LENGTH * max(1, len(golden.model.lengths))):
            rows = golden.rows_of(request, batch)
            asked.setdefault(Size(batch, golden.place(rows)[0]), []).append(rows)
    return [_compare(endpoint, expected, size, requests) for size, requests in asked.items()]


def wrong_rows(samples: TrialSamples, endpoint: Endpoint, batch_size: int, expected: Expected) -> list[int]:
    """Return the rows of a trial whose kept answer is not the expected one; each distinct answer is checked once."""
    kept = np.flatnonzero(samples.ok & (samples.answer >= 0))
    pairs = np.stack((samples.request[kept], samples.answer[kept]))
    distinct, which = np.unique(pairs, axis=1, return_inverse=True)
    wrong = [
        not _is_right(samples.answers[answer], int(request), batch_size, endpoint, expected)
        for request, answer in distinct.T
    ]
    return [int(row) for row in kept[np.array(wrong, dtype=np.bool_)[which]]] if any(wrong) else []


def _is_right(body: bytes, request: int, batch_size: int, endpoint: Endpoint, expected: Expected) -> bool:
    golden = expected.golden
    try:
        answer = WIRES[endpoint.wire].decode(golden.model, Reply(body))
        return expected.error_of(golden.rows_of(request, batch_size), answer)[1]
    except WireError:
        return False


def _compare(endpoint: Endpoint, expected: Expected, size: Size, requests: list[list[int]]) -> Parity:
    worst: float | None = 0.0
    ok, message = True, None
    for rows in requests:
        try:
            error, close = expected.error_of(rows, _ask(endpoint, expected.golden, rows))
        except WireError as problem:
            worst, ok, message = None, False, quoted(str(problem))
            break
        worst, ok = max(worst or 0.0, error), ok and close
    if worst == float("inf"):
        worst, message = None, Reason("not_finite")
    if not ok and message is None:
        message = Reason("over_tolerance", {"error": worst, "atol": expected.atol, "rtol": expected.rtol})
    return _parity(endpoint, size, worst, ok, message)


def _parity(endpoint: Endpoint, size: Size, error: float | None, ok: bool, message: Reason | None) -> Parity:
    return Parity(
        endpoint.model,
        endpoint.format,
        endpoint.target,
        "serving",
        endpoint.id,
        error,
        ok,
        batch=size.batch,
        message=message,
        length=size.length,
    )


def _ask(endpoint: Endpoint, golden: Golden, rows: list[int], timeout_s: float = TIMEOUT_S) -> Arrays:
    client = Client(endpoint, golden.model, timeout_s)
    try:
        reply = client.send(encode_request(golden, endpoint.wire, rows))
    finally:
        client.close()
    return WIRES[endpoint.wire].decode(golden.model, reply)
