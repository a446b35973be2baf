"""What is kept beside the artifacts: measured.json, the last measurements."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from bakeoff.host.files import as_json, read_json, validated, write_atomic
from bakeoff.schema import Artifact, EdgeMeasurement

MEASURED = "measured.json"


def load_measured(folder: Path) -> list[EdgeMeasurement]:
    """Return what was measured of the artifacts of artifacts/MODEL, stale or not; nothing where there is no file."""
    path = folder / MEASURED
    if not path.exists():
        return []
    content = read_json(path)
    for row in content if isinstance(content, list) else ():
        if isinstance(row, dict) and isinstance(row.get("reason"), str):  # of a file made before reasons were codes
            row["reason"] = {"code": "text", "values": {"text": row["reason"]}}
    return list(validated(tuple[EdgeMeasurement, ...], content, path))


def load_current(folder: Path, artifacts: Iterable[Artifact]) -> list[EdgeMeasurement]:
    """Return what was measured of these very artifacts."""
    now = {(a.format, a.sha256) for a in artifacts}
    return [m for m in load_measured(folder) if (m.format, m.sha256) in now]


def keep_measured(folder: Path, new: Iterable[EdgeMeasurement]) -> None:
    """Write measurements into measured.json in place of those of the same format and runtime."""
    kept = {(m.format, m.runtime): m for m in [*load_measured(folder), *new]}
    write_atomic(folder / MEASURED, as_json(tuple(kept.values())))
