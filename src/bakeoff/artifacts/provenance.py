"""Which artifacts this checkout's export wrote: TorchScript, archives and SavedModels are programs to who loads them.

A private folder holds an empty file for each, called as its digest, so that exports at the same time need no lock.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

from bakeoff.artifacts.checks import hash_file
from bakeoff.errors import UsageError
from bakeoff.host.files import STATE

EXPORTED = STATE / "exported"
MANIFEST = "manifest.json"


def record_artifact(folder: Path, record: Path = EXPORTED) -> None:
    """Write down that an artifact is our own, as it is now."""
    _keep(_digest(folder), record)


def record_source(source: str, record: Path = EXPORTED) -> None:
    """Write down that the user had a model exported from here."""
    _keep(_digest_text(source), record)


def is_known_source(source: str, record: Path = EXPORTED) -> bool:
    """Tell whether the user had a model exported from here before."""
    return (record / _digest_text(source)).exists()


def require_own(model_dir: Path, record: Path = EXPORTED) -> None:
    """Raise UsageError where artifacts/MODEL holds an artifact that is not as this checkout's export wrote it."""
    for manifest in sorted(model_dir.glob(f"*/{MANIFEST}")):
        if not (record / _digest(manifest.parent)).exists():
            raise UsageError(
                f"{manifest.parent}: was not exported by this checkout, or was changed since, and loading it may run "
                f"code; export it again (`scripts/bakeoff export --model {model_dir.name} --force`), or add --trust"
            )


def _keep(digest: str, record: Path) -> None:
    record.mkdir(parents=True, exist_ok=True, mode=0o700)
    (record / digest).touch()


def _digest(folder: Path) -> str:
    """Return a hash over the paths and the contents of all files of a folder."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return _digest_text("".join(f"{path.relative_to(folder).as_posix()}\0{hash_file(path)}\n" for path in files))


def _digest_text(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()
