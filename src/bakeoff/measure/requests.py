"""Request bodies: encoded once from the golden inputs, before any clock starts."""

from __future__ import annotations

from pathlib import Path

from bakeoff.artifacts.golden import Golden
from bakeoff.host.files import STATE
from bakeoff.wire import WIRES, Request

# Different bodies in turn, so that nothing on the way can profit from a repeated one; of each length at least so many.
FILES_PER_BATCH = 8
FILES_PER_LENGTH = 3


def encode_request(golden: Golden, wire: str, rows: list[int]) -> Request:
    """Return the request that asks for these golden rows."""
    return WIRES[wire].encode(golden.model, golden.inputs(rows))


def request_count(lengths: int) -> int:
    """Return how many bodies there are for a model of so many lengths: of each length equally many."""
    each = max(FILES_PER_LENGTH, -(-FILES_PER_BATCH // max(1, lengths)))
    return each * lengths if lengths else FILES_PER_BATCH


def write_requests(golden: Golden, wire: str, batch_size: int, folder: Path | None = None) -> tuple[str, ...]:
    """Write a wire's request files for one batch size; return their paths in order."""
    folder = (folder or STATE / "requests") / golden.model.name / wire / f"b{batch_size}"
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for number in range(request_count(len(golden.model.lengths))):
        path = folder / f"{number:03}.bin"
        path.write_bytes(encode_request(golden, wire, golden.rows_of(number, batch_size)).body)
        paths.append(str(path))
    return tuple(paths)
