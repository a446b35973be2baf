"""A model in a format, and how close it is to PyTorch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from bakeoff.schema.reasons import Reason


@dataclass(frozen=True, slots=True)
class Fidelity:
    """How close an artifact's answers to the golden samples are to PyTorch's, in the runtime of its export.

    `max_abs_error` and `cosine`: the worst over all samples and outputs; None: not a number. `top1`: the share of
    samples with the largest value of the first output at the same place; None where that is no row of scores.
    """

    max_abs_error: float | None
    cosine: float | None
    top1: float | None
    samples: int


@dataclass(frozen=True, slots=True)
class Artifact:
    """A model in a format, on disk, as its manifest describes it.

    `zstd_bytes`, `weights_bytes` and `fidelity` are None in what older versions exported.
    """

    model: str
    format: str
    path: str
    size_bytes: int
    gzip_bytes: int
    sha256: str
    accuracy: float | None
    export_seconds: float
    parity: tuple[Parity, ...]
    zstd_bytes: int | None = None
    weights_bytes: int | None = None
    fidelity: Fidelity | None = None


@dataclass(frozen=True, slots=True)
class MissingArtifact:
    """A format that a model could not be made in, or did not hold up in, and why."""

    model: str
    format: str
    reason: Reason


@dataclass(frozen=True, slots=True)
class Parity:
    """How far one runtime's answers are from the reference's (kind "format": PyTorch; "serving": the artifact)."""

    model: str
    format: str
    runtime: str
    kind: Literal["format", "serving"]
    endpoint: str | None
    max_abs_error: float | None
    ok: bool
    batch: int | None = None
    message: Reason | None = None
    length: int | None = None
