"""What files of an export may say, since anybody may have written them."""

from __future__ import annotations

import hashlib
import math
import re
import struct
import zipfile
import zlib
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from bakeoff.errors import UsageError
from bakeoff.schema import Model, TensorSpec

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,100}")
"""A model's name: it stands in URLs, on command lines and in files' names."""
TENSOR_NAME = re.compile(r"\w[\w.\-/]{0,200}")
DTYPES = frozenset({"bool", "float16", "float32", "float64", "object"}) | {
    f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64)
}
AGAIN = "export it again: `scripts/bakeoff export --force`"


def check_model(path: Path, model: Model) -> None:
    """Raise UsageError naming the file and the key where a model can't be as it is described."""
    if not NAME.fullmatch(model.name):
        raise UsageError(f"{path}: name: is {model.name[:100]!r}; allowed: letters, digits, _ and -")
    for key in ("atol", "rtol"):
        if not 0 <= getattr(model, key) < math.inf:
            raise UsageError(f"{path}: {key}: is {getattr(model, key)}; allowed: 0 or more")
    if min(model.lengths, default=1) < 1:
        raise UsageError(f"{path}: lengths: are {list(model.lengths)}; allowed: 1 or more")
    for side, specs in (("inputs", model.inputs), ("outputs", model.outputs)):
        if not specs or len({spec.name for spec in specs}) != len(specs):
            raise UsageError(f"{path}: {side}: there must be one or more, of different names")
        for at, spec in enumerate(specs):
            _check_spec(f"{path}: {side}.{at}", spec)


def _check_spec(where: str, spec: TensorSpec) -> None:
    if not TENSOR_NAME.fullmatch(spec.name):
        raise UsageError(f"{where}.name: is {spec.name[:100]!r}; allowed: letters, digits, _ . - and /")
    if spec.dtype not in DTYPES:
        raise UsageError(f"{where}.dtype: is {spec.dtype[:100]!r}; allowed: {', '.join(sorted(DTYPES))}")
    if not spec.shape or any(size is not None and size < 1 for size in spec.shape):
        raise UsageError(f"{where}.shape: is {list(spec.shape)}; allowed: sizes of 1 or more, or null for a free one")


def load_arrays(path: Path) -> dict[str, np.ndarray[Any, Any]]:
    """Return the arrays of an .npz, none of which is unpickled; raise UsageError where it can't be read."""
    try:
        with np.load(path, allow_pickle=False) as arrays:
            return {name: arrays[name] for name in arrays.files}
    except FileNotFoundError:
        raise UsageError(f"{path}: no such file; {AGAIN}") from None
    # What numpy, zipfile and zlib say of a file that is cut off or none of theirs.
    except (
        OSError,
        ValueError,
        EOFError,
        LookupError,
        AttributeError,
        TypeError,
        OverflowError,
        MemoryError,
        NotImplementedError,
        RuntimeError,
        zipfile.BadZipFile,
        zlib.error,
        struct.error,
    ) as error:
        raise UsageError(f"{path}: can't be read ({error}); {AGAIN}") from None


def check_array(where: str, spec: TensorSpec, array: np.ndarray[Any, Any]) -> None:
    """Raise UsageError unless an array is one of the spec's dtype and shape."""
    if array.dtype != np.dtype(spec.dtype) or not spec.fits(array.shape):
        says = f"is {array.dtype} {list(array.shape)}, the model says {spec.dtype} {list(spec.shape)}"
        raise UsageError(f"{where}: {says}; {AGAIN}")


def check_files(folder: Path, manifest: dict[str, Any]) -> None:
    """Raise UsageError unless the files of an artifact are those of its manifest."""
    path = folder / "manifest.json"
    try:
        told = {str(file["path"]): str(file["sha256"]) for file in manifest["files"]}
    except (KeyError, TypeError) as error:
        raise UsageError(f"{path}: files: {error} is missing or of the wrong kind; {AGAIN}") from None
    for name, sha256 in told.items():
        check_inside(f"{path}: files", name)
        try:
            found = hash_file(folder / name)
        except OSError as error:
            raise UsageError(f"{folder / name}: {error.strerror}, but {path} lists it; {AGAIN}") from None
        if found != sha256:
            raise UsageError(f"{folder / name}: is not the file that {path} lists; {AGAIN}")


def check_inside(where: str, name: str) -> None:
    """Raise UsageError where a file's name leads out of its folder."""
    parts = PurePosixPath(name)
    if not name or parts.is_absolute() or ".." in parts.parts or not name.isprintable():
        raise UsageError(f"{where}: {name[:100]!r} is no file below the manifest's folder; {AGAIN}")


def hash_file(path: Path) -> str:
    """Return a file's SHA-256 in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
