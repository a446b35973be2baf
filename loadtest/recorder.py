"""What a caller keeps of its requests: a row each, and of the answers only those that differ."""

from __future__ import annotations

from collections.abc import Iterable

import pyarrow as pa

from bakeoff.measure.samples import join_tables, table_of
from bakeoff.schema import Sample
from bakeoff.wire.client import Reply

KEEP_AT_ONCE = 64
KEEP_A_SECOND = 16
KEEP_BYTES = 256_000_000
"""How many distinct answers are kept: enough for servers that repeat themselves to have every answer checked, and a
sample over the whole trial of those that don't."""


class Recorder:
    """The requests of one caller; for one thread. Times are counted from `begin_ns`, the trial's begin."""

    def __init__(self, begin_ns: int) -> None:
        self._begin_ns = begin_ns
        self.samples: list[Sample] = []
        self._answers: list[bytes] = []
        self._numbers: dict[int, list[int]] = {}
        self._bytes = 0

    def record(self, intended_ns: int, reply: Reply, request: int, request_bytes: int) -> None:
        """Keep a request that was intended at a time of this process's clock."""
        begin = self._begin_ns
        start, end = reply.start_ns - begin, reply.end_ns - begin
        answer = self._number_of(reply.body, request, start) if reply.status == "ok" else None
        row = (reply.status, request_bytes, len(reply.body), request, answer, reply.connects)
        self.samples.append(Sample(intended_ns - begin, start, end, *row))

    def table(self) -> pa.Table:
        """Return all rows."""
        return table_of(self.samples, self._answers)

    def _number_of(self, body: bytes, request: int, at_ns: int) -> int | None:
        """Return the number of an answer among the distinct ones to this request, None where no more are kept."""
        numbers = self._numbers.setdefault(request, [])
        for number in numbers:
            if self._answers[number] == body:
                return number
        kept = len(self._answers)
        if kept >= KEEP_AT_ONCE + KEEP_A_SECOND * at_ns / 1e9 or self._bytes + len(body) > KEEP_BYTES:
            return None
        self._answers.append(body)
        self._bytes += len(body)
        numbers.append(kept)
        return kept


def joined(recorders: Iterable[Recorder]) -> pa.Table:
    """Return the rows of several callers as one table."""
    return join_tables(recorder.table() for recorder in recorders)
