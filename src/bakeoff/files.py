"""Where the project keeps its files, and reading and writing them safely."""

from __future__ import annotations

import json
import os
import tempfile
import tomllib
from pathlib import Path
from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError

from bakeoff.errors import UsageError

ROOT = Path(__file__).resolve().parents[2]
STATE = ROOT / ".bakeoff"
ARTIFACTS = ROOT / "artifacts"

T = TypeVar("T")


def read_toml(path: Path) -> dict[str, Any]:
    """Return a TOML file's content; raise UsageError naming the file."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UsageError(f"{path}: no such file") from None
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise UsageError(f"{path}: {error}") from None


def read_json(path: Path) -> Any:
    """Return a JSON file's content; raise UsageError naming the file."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UsageError(f"{path}: no such file") from None
    except (OSError, ValueError) as error:
        raise UsageError(f"{path}: {error}") from None


def validated(kind: type[T], content: object, path: Path) -> T:
    """Turn file content into `kind`; raise UsageError naming the file, the key and what is allowed there."""
    try:
        return TypeAdapter(kind).validate_python(content)
    except ValidationError as error:
        lines = [f"{'.'.join(str(part) for part in e['loc']) or 'file'}: {e['msg']}" for e in error.errors()]
        raise UsageError(f"{path}: " + "; ".join(lines)) from None


def as_json(value: object) -> str:
    """Return dataclasses, mappings and sequences as indented JSON."""
    return TypeAdapter(type(value)).dump_json(value, indent=1).decode() + "\n"


def write_atomic(path: Path, text: str) -> None:
    """Write a file so that a reader sees the old one or the new one, never half."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(text)
    temporary = Path(name)
    temporary.chmod(0o644)
    temporary.replace(path)
