"""What the server knows of its model: the export's model.json, and which version it serves."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bakeoff.schema import TensorSpec
from bakeoff.wire.tensors import Specs


@dataclass(frozen=True, slots=True)
class ServedModel:
    """A model's interface and tolerance, under the name and version that requests ask for.

    `lengths`: sizes that its free dimensions beyond the batch are known to take; empty where it has none.
    """

    name: str
    version: int
    inputs: Specs
    outputs: Specs
    atol: float
    rtol: float
    lengths: tuple[int, ...] = ()


def load_served_model(name: str, model_dir: Path, version: int) -> ServedModel:
    """Read MODEL-DIR/model.json; raises OSError, KeyError or ValueError where it isn't one."""
    described = json.loads((model_dir / "model.json").read_text(encoding="utf-8"))
    return ServedModel(
        name=name,
        version=version,
        inputs=_specs(described["inputs"]),
        outputs=_specs(described["outputs"]),
        atol=described["atol"],
        rtol=described["rtol"],
        lengths=tuple(described.get("lengths", ())),
    )


def newest_version(artifact: Path) -> Path:
    """Return the folder with the highest number, as TensorFlow Serving chooses; raises FileNotFoundError."""
    versions = [path for path in artifact.iterdir() if path.is_dir() and path.name.isdecimal()]
    if not versions:
        raise FileNotFoundError(f"{artifact} holds no numbered version folder; run the export again")
    return max(versions, key=lambda path: int(path.name))


def _specs(entries: list[dict[str, Any]]) -> Specs:
    return tuple(TensorSpec(entry["name"], entry["dtype"], tuple(entry["shape"])) for entry in entries)
