"""Where the project keeps its files, and reading and writing them safely."""

from __future__ import annotations

import json
import os
import tempfile
import tomllib
from collections.abc import Callable
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any, TypeVar, get_args, get_type_hints

from pydantic import TypeAdapter, ValidationError
from pydantic_core import ErrorDetails

from bakeoff.errors import UsageError, one_of

ROOT = Path(__file__).resolve().parents[3]
STATE = ROOT / ".bakeoff"
ARTIFACTS = ROOT / "artifacts"

T = TypeVar("T")


def read_toml(path: Path) -> Any:
    """Return a TOML file's content; raise UsageError naming the file."""
    return _read(path, tomllib.loads)


def read_json(path: Path) -> Any:
    """Return a JSON file's content; raise UsageError naming the file."""
    return _read(path, json.loads)


def _read(path: Path, parse: Callable[[str], Any]) -> Any:
    try:
        return parse(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UsageError(f"{path}: no such file") from None
    except (OSError, ValueError, RecursionError) as error:
        raise UsageError(f"{path}: {error}") from None


def validated(kind: type[T], content: object, path: Path, within: str = "") -> T:
    """Turn file content into `kind`; raise UsageError naming the file, the key and what is allowed there.

    `within` is written before the key: where in the file the content stands.
    """
    try:
        return TypeAdapter(kind).validate_python(content)
    except ValidationError as error:
        raise UsageError(f"{path}: " + "; ".join(within + _explain(kind, e) for e in error.errors())) from None


def _explain(kind: object, error: ErrorDetails) -> str:
    """Return one line for a wrong value; an unknown key is told with those that are known in its place."""
    place = ".".join(str(part) for part in error["loc"]) or "file"
    if error["type"] != "unexpected_keyword_argument":
        return f"{place}: {error['msg']}"
    for part in error["loc"][:-1]:
        kind = get_args(kind)[0] if isinstance(part, int) else get_type_hints(kind)[part]
    known = [field.name for field in fields(kind)] if is_dataclass(kind) else []
    return f"{place}: is an unknown key; allowed: {one_of(known)}"


def as_json(value: object) -> str:
    """Return dataclasses, mappings and sequences as indented JSON."""
    return TypeAdapter(type(value)).dump_json(value, indent=1).decode() + "\n"


def write_atomic(path: Path, text: str) -> None:
    """Write a file so that a reader sees the old one or the new one, never half."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    temporary = Path(name)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
        temporary.chmod(0o644)
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
