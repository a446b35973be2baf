"""What the export left on disk: model.json, golden.npz and the manifests."""

from __future__ import annotations

import random
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from bakeoff.artifacts.checks import AGAIN, check_array, check_files, check_inside, check_model, load_arrays
from bakeoff.errors import UsageError
from bakeoff.host.files import read_json, validated
from bakeoff.schema import NO_FORMAT, Artifact, MissingArtifact, Model, Parity, Reason, quoted

SCHEMA_VERSION = 1


def load_model(folder: Path) -> Model:
    """Return the model that artifacts/NAME describes; raise UsageError where its model.json is missing or wrong."""
    path = folder / "model.json"
    model = validated(Model, _read(path), path)
    check_model(path, model)
    return model


def load_artifact(folder: Path) -> Artifact:
    """Return the artifact in artifacts/MODEL/FORMAT; raise UsageError where its manifest is missing or wrong."""
    path = folder / "manifest.json"
    content = _read(path)
    try:
        fields: dict[str, Any] = {
            key: content[key]
            for key in ("model", "format", "size_bytes", "gzip_bytes", "sha256", "accuracy", "export_seconds")
        }
        fields |= {key: content.get(key) for key in ("zstd_bytes", "weights_bytes", "fidelity")}  # new: may be missing
        parity = [
            {"model": content["model"], "format": content["format"], "kind": "format", "endpoint": None, **_said(row)}
            for row in content["parity"]
        ]
        check_inside(f"{path}: file", str(content["file"]))
        fields |= {"path": str(folder / content["file"]), "parity": validated(tuple[Parity, ...], parity, path)}
    except (KeyError, TypeError) as error:
        raise UsageError(f"{path}: {error} is missing or of the wrong kind; export again with --force") from None
    return validated(Artifact, fields, path)


def _said(row: dict[str, Any]) -> dict[str, Any]:
    """Return a manifest's row of parity with what its library said as a reason."""
    text = {**row}.get("message")
    return row | ({"message": {"code": "text", "values": {"text": text}}} if text is not None else {})


def load_artifacts(folder: Path) -> list[Artifact]:
    """Return all artifacts of artifacts/MODEL, in alphabetical order of their formats."""
    return [load_artifact(path.parent) for path in sorted(folder.glob("*/manifest.json"))]


def verify_files(folder: Path) -> None:
    """Raise UsageError unless every artifact in artifacts/MODEL has just the files of its manifest."""
    for path in sorted(folder.glob("*/manifest.json")):
        check_files(path.parent, read_json(path))


@dataclass(frozen=True, slots=True)
class _Missing:
    """What an export says of a format that it could not make, and which package that Python could not have."""

    reason: str
    package: str | None = None
    python: str | None = None

    def as_reason(self) -> Reason:
        if self.package is None:
            return quoted(self.reason)
        return Reason("package_missing", {"package": self.package, "python": self.python})


def load_missing(folder: Path, model: str) -> list[MissingArtifact]:
    """Return the formats that a model could not be made in; raise UsageError where missing.json is wrong."""
    path = folder / "missing.json"
    if not path.exists():
        return []
    rows = validated(dict[str, _Missing], read_json(path), path)
    return [MissingArtifact(model, format, row.as_reason()) for format, row in sorted(rows.items())]


class Golden:
    """Golden inputs and outputs of a model: PyTorch's, and each artifact's own.

    Rows are numbered through all lengths, one length after the other; those of one batch are of one length.
    """

    def __init__(self, path: Path, model: Model) -> None:
        self.path = path
        self.model = model
        self._arrays = load_arrays(path)
        lengths: tuple[int | None, ...] = model.lengths or (None,)
        self._sizes: dict[int | None, int] = {}
        for length in lengths:
            inputs = {spec: self._array(f"input:{spec.name}{at_length(length)}") for spec in model.inputs}
            for spec, array in inputs.items():
                check_array(f"{path}: input:{spec.name}{at_length(length)}", spec, array)
            counts = {len(array) for array in inputs.values()}
            if len(counts) != 1 or 0 in counts:
                raise UsageError(f"{path}: the inputs have {sorted(counts)} rows, and need the same number; {AGAIN}")
            self._sizes[length] = counts.pop()
        self.count = sum(self._sizes.values())

    def inputs(self, rows: list[int]) -> dict[str, np.ndarray[Any, Any]]:
        """Return the golden inputs of these rows, stacked on the batch dimension."""
        length, own = self.place(rows)
        return {spec.name: self._arrays[f"input:{spec.name}{at_length(length)}"][own] for spec in self.model.inputs}

    def outputs(self, format: str) -> dict[str, np.ndarray[Any, Any]]:
        """Return what `format`'s artifact answered to all rows in its own runtime; nothing for NO_FORMAT.

        By the output's name, with @LENGTH behind it where the model has lengths.
        """
        names = [] if format == NO_FORMAT else [spec.name for spec in self.model.outputs]
        keys = [f"{name}{at_length(length)}" for length in self._sizes for name in names]
        return {key: self._array(f"{format}:{key}") for key in keys}

    def _array(self, key: str) -> np.ndarray[Any, Any]:
        if key not in self._arrays:
            raise UsageError(f"{self.path}: lacks {key}; {AGAIN}")
        return self._arrays[key]

    def place(self, rows: list[int]) -> tuple[int | None, list[int]]:
        """Return the length of these rows (None: the model has no lengths) and their numbers within it."""
        first = 0
        for length, size in self._sizes.items():
            if first <= rows[0] < first + size:
                own = [row - first for row in rows]
                if not all(0 <= row < size for row in own):
                    raise ValueError(f"rows {rows} are of several lengths")
                return length, own
            first += size
        raise ValueError(f"rows {rows} are not among the {self.count} golden ones")

    def rows_of(self, request: int, batch_size: int) -> list[int]:
        """Return the rows that request number `request` of a batch size holds.

        Requests take the lengths in turn: every block of as many requests as there are lengths has each once, in an
        order drawn for the block, the same in every run.
        """
        lengths = list(self._sizes)
        block, at = divmod(request, len(lengths))
        length = random.Random(block).sample(lengths, len(lengths))[at]
        size = self._sizes[length]
        first = sum(self._sizes[other] for other in lengths[: lengths.index(length)])
        return [first + (block * batch_size + row) % size for row in range(batch_size)]


def at_length(length: int | None) -> str:
    """Return what a golden array's key ends with."""
    return "" if length is None else f"@{length}"


def _read(path: Path) -> Any:
    """Return a file's content; raise UsageError unless it is of the version that is read here."""
    content = read_json(path)
    version = content.get("schema_version") if isinstance(content, dict) else None
    if version != SCHEMA_VERSION:
        raise UsageError(f"{path}: schema_version: is {version!r}, this bakeoff reads {SCHEMA_VERSION}; export again")
    return content
