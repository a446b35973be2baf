"""Artifacts on disk: what a manifest says, whether one is up to date, and writing so that nobody sees a half."""

from __future__ import annotations

import gzip
import hashlib
import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from sources import hash_file

SCHEMA_VERSION = 1
MANIFEST = "manifest.json"
GOLDEN = "golden.npz"
MODEL = "model.json"
MISSING = "missing.json"
"""The formats that were tried and can't be had, with the reason: {FORMAT: {"reason", "op"}}."""
TRIED = ".tried.json"
"""Of those that will fail again, what they were tried with: {FORMAT: hash}."""
CANARY = "canary.json"
"""The first golden input as a JSON request in rows, for health checks that have neither numpy nor bakeoff."""


def read_table(path: Path) -> dict[str, Any]:
    """Read a JSON object; empty where there is none that can be read."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def write_entry(path: Path, key: str, value: Any) -> None:
    """Set an entry of a JSON object on disk; None takes it away. Without entries there is no file."""
    table = {name: entry for name, entry in read_table(path).items() if name != key}
    table |= {} if value is None else {key: value}
    if table:
        write_json(path, dict(sorted(table.items())))
    else:
        path.unlink(missing_ok=True)


def is_complete(folder: Path, manifest: dict[str, Any]) -> bool:
    """Tell whether an artifact still has all its files."""
    paths = [(folder / file["path"], file["size_bytes"]) for file in manifest["files"]]
    return all(path.is_file() and path.stat().st_size == size for path, size in paths)


def describe_files(folder: Path, main_file: str) -> dict[str, Any]:
    """Give the files of an artifact, and size and hash of the part that is deployed (a file or a folder).

    The hash of a file is its own, that of a folder is over the paths and hashes of its files.
    """
    files = [
        {"path": path.relative_to(folder).as_posix(), "size_bytes": path.stat().st_size, "sha256": hash_file(path)}
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    ]
    deployed = [file for file in files if file["path"] == main_file or file["path"].startswith(f"{main_file}/")]
    if not deployed:
        raise FileNotFoundError(f"the exporter left no {main_file} in {folder}")
    listing = "".join(f"{file['path']}\0{file['sha256']}\n" for file in deployed)
    return {
        "file": main_file,
        "files": files,
        "size_bytes": sum(file["size_bytes"] for file in deployed),
        "gzip_bytes": sum(len(gzip.compress((folder / file["path"]).read_bytes(), 9, mtime=0)) for file in deployed),
        "sha256": (
            deployed[0]["sha256"] if (folder / main_file).is_file() else hashlib.sha256(listing.encode()).hexdigest()
        ),
    }


def write_json(path: Path, content: dict[str, Any]) -> None:
    """Write JSON so that readers see the old file or the new one."""
    with _replacing(path) as file:
        file.write((json.dumps(content, indent=2) + "\n").encode())


def write_arrays(path: Path, arrays: dict[str, np.ndarray]) -> None:
    """Write an .npz so that readers see the old file or the new one."""
    with _replacing(path) as file:
        np.savez(file, **arrays)


@contextmanager
def _replacing(path: Path) -> Iterator[BinaryIO]:
    """Give a file to write that takes the path's place once it is whole, and is gone if it can't be."""
    partial = path.with_name(f".{path.name}.partial")
    try:
        with partial.open("wb") as file:
            yield file
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def replace_folder(new: Path, target: Path) -> None:
    """Put a finished folder in another's place."""
    if target.exists():
        shutil.rmtree(target)
    new.replace(target)
