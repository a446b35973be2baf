"""What the export left on disk: model.json, golden.npz and the manifests."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from bakeoff.errors import BakeoffError, UsageError
from bakeoff.files import read_json, validated
from bakeoff.types import NO_FORMAT, Artifact, MissingArtifact, Model, Parity

SCHEMA_VERSION = 1


def load_model(folder: Path) -> Model:
    """Return the model that artifacts/NAME describes; raise UsageError where its model.json is missing or wrong."""
    path = folder / "model.json"
    content = read_json(path)
    _check_version(path, content)
    return validated(Model, content, path)


def load_artifact(folder: Path) -> Artifact:
    """Return the artifact in artifacts/MODEL/FORMAT; raise UsageError where its manifest is missing or wrong."""
    path = folder / "manifest.json"
    content = read_json(path)
    _check_version(path, content)
    try:
        fields: dict[str, Any] = {
            key: content[key]
            for key in ("model", "format", "size_bytes", "gzip_bytes", "sha256", "accuracy", "export_seconds")
        }
        fields |= {key: content.get(key) for key in ("zstd_bytes", "weights_bytes", "fidelity")}  # new: may be missing
        parity = [
            {"model": content["model"], "format": content["format"], "kind": "format", "endpoint": None, **row}
            for row in content["parity"]
        ]
        fields |= {"path": str(folder / content["file"]), "parity": validated(tuple[Parity, ...], parity, path)}
    except (KeyError, TypeError) as error:
        raise UsageError(f"{path}: {error} is missing or of the wrong kind; export again with --force") from None
    return validated(Artifact, fields, path)


def load_artifacts(folder: Path) -> list[Artifact]:
    """Return all artifacts of artifacts/MODEL, in alphabetical order of their formats."""
    return [load_artifact(path.parent) for path in sorted(folder.glob("*/manifest.json"))]


def load_missing(folder: Path, model: str) -> list[MissingArtifact]:
    """Return the formats that a model could not be made in; raise UsageError where missing.json is wrong."""
    path = folder / "missing.json"
    if not path.exists():
        return []
    rows = validated(dict[str, dict[str, Any]], read_json(path), path)
    return [
        validated(MissingArtifact, {"model": model, "format": format, "reason": row.get("reason")}, path)
        for format, row in sorted(rows.items())
    ]


class Golden:
    """Golden inputs and outputs of a model: PyTorch's, and each artifact's own."""

    def __init__(self, path: Path, model: Model) -> None:
        self.path = path
        self.model = model
        try:
            with np.load(path, allow_pickle=False) as arrays:
                self._arrays = {name: arrays[name] for name in arrays.files}
        except (OSError, ValueError) as error:
            raise BakeoffError(f"{path}: can't be read ({error}); run `scripts/bakeoff export --force`") from None
        self.count = len(self._arrays[f"input:{model.inputs[0].name}"])

    def inputs(self, rows: list[int]) -> dict[str, np.ndarray[Any, Any]]:
        """Return the golden inputs of these rows, stacked on the batch dimension."""
        return {spec.name: self._arrays[f"input:{spec.name}"][rows] for spec in self.model.inputs}

    def outputs(self, format: str) -> dict[str, np.ndarray[Any, Any]]:
        """Return what `format`'s artifact answered to all rows in its own runtime; nothing for NO_FORMAT."""
        specs = () if format == NO_FORMAT else self.model.outputs
        return {spec.name: self._arrays[f"{format}:{spec.name}"] for spec in specs}


def golden_rows(request: int, batch_size: int, count: int) -> list[int]:
    """Return the golden rows that request number `request` of a batch size holds."""
    return [(request * batch_size + at) % count for at in range(batch_size)]


def _check_version(path: Path, content: object) -> None:
    version = content.get("schema_version") if isinstance(content, dict) else None
    if version != SCHEMA_VERSION:
        raise UsageError(f"{path}: schema_version: is {version!r}, this bakeoff reads {SCHEMA_VERSION}; export again")
