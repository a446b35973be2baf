"""What goes into an artifact, as files and their hashes. No framework is imported: skipping must be quick."""

from __future__ import annotations

import hashlib
from pathlib import Path

MODELS = Path(__file__).parent
HANDLER = MODELS.parent / "serving" / "torchserve" / "handler.py"
"""TorchServe's handler, which is packed into the .mar."""
SERVED_BY_DEFAULT = ("torchscript", "savedmodel", "tflite-fp32")
"""The formats that targets serve unless others are asked for: without one of these an export has failed."""


def format_names() -> list[str]:
    """List the formats: one file each in formats/, an underscore marks what they share."""
    return sorted(path.stem.replace("_", "-") for path in (MODELS / "formats").glob("[!_]*.py"))


def module_name(format_name: str) -> str:
    return f"formats.{format_name.replace('-', '_')}"


def model_files(folder: Path, weights: Path | None) -> list[Path]:
    """List what makes the model: model.py, the files beside it that aren't Python, the weights file that was named."""
    beside = [path for path in sorted(folder.iterdir()) if path.is_file() and path.suffix != ".py"]
    return [folder / "model.py", *beside, *([weights] if weights else [])]


def exporter_files(format_name: str) -> list[Path]:
    """List the code that makes a format."""
    files = [MODELS / "requirements.txt", MODELS / f"{module_name(format_name).replace('.', '/')}.py"]
    for pattern in ("*.py", "aten_to_tf/*.py", "formats/_*.py"):
        files += sorted(MODELS.glob(pattern))
    return files + ([HANDLER] if format_name == "torchscript" and HANDLER.is_file() else [])


def hash_files(paths: list[Path], seed: str = "") -> str:
    """Hash the names and contents of files, in the order given."""
    digest = hashlib.sha256(seed.encode())
    for path in paths:
        digest.update(f"{path.name}\0{hash_file(path)}\0".encode())
    return digest.hexdigest()


def hash_file(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
