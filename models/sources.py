"""What a model is exported from, and what goes into an artifact, as files and their hashes.

No framework is imported: skipping must be quick.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path

import bakeoff.schema
from bakeoff.schema.formats import BY_NAME

MODELS = Path(__file__).parent
ZOO = MODELS.resolve() / "zoo"
HF = "hf:"
"""Begins a model that Hugging Face's transformers loads."""
ENGINES = MODELS.parent / "engines"
HANDLER = MODELS.parent / "serving" / "torchserve" / "handler.py"
"""TorchServe's handler, which is packed into the .mar."""
PACKAGE = Path(bakeoff.schema.__file__).parents[1]


@dataclass(frozen=True, slots=True)
class Source:
    """Where a model is from: a folder with a model.py, or one that Hugging Face's save_pretrained() wrote."""

    folder: Path
    name: str
    is_pretrained: bool


def find_source(text: str) -> Source:
    """Return what --model-folder says; a model of Hugging Face's hub has its name there for a folder."""
    is_pretrained = text.startswith(HF)
    folder = Path(text.removeprefix(HF))
    name = folder.resolve().name
    return Source(folder, re.sub(r"[^A-Za-z0-9_-]+", "-", name).strip("-") if is_pretrained else name, is_pretrained)


def format_names() -> list[str]:
    """List the formats: one file each in formats/, an underscore marks what they share."""
    return sorted(path.stem.replace("_", "-") for path in (MODELS / "formats").glob("[!_]*.py"))


def environment_of(format_name: str) -> str | None:
    """Name a format's own environment, that of models/NAME/requirements.txt; None: it is made in that of models/."""
    return format_name if (MODELS / format_name / "requirements.txt").is_file() else None


def module_name(format_name: str) -> str:
    return f"formats.{format_name.replace('-', '_')}"


def model_files(source: Source, weights: Path | None) -> list[Path]:
    """List what makes the model: model.py, the files beside it that aren't Python, the weights file that was named."""
    code = [source.folder / "model.py"]
    if source.folder.resolve().parent == ZOO:
        code += sorted(ZOO.glob("*.py"))  # what its folders share
    if source.is_pretrained:
        code = [MODELS / "requirements-hf.txt", *sorted((MODELS / "hf").glob("*.py"))]
    beside = [path for path in sorted(source.folder.iterdir()) if path.is_file() and path.suffix != ".py"]
    return [*code, *beside, *([weights] if weights else [])]


def exporter_files(format_name: str) -> list[Path]:
    """List the code that makes a format."""
    requirements = MODELS / (environment_of(format_name) or "") / "requirements.txt"
    files = [requirements, MODELS / f"{module_name(format_name).replace('.', '/')}.py"]
    for pattern in ("*.py", "aten_to_tf/*.py", "formats/_*.py"):
        files += sorted(MODELS.glob(pattern))
    files.append(ENGINES / f"{BY_NAME[format_name].engines[0]}.py")  # it proves the format
    return files + (list(packed_files().values()) if format_name == "torchscript" else [])


def packed_files() -> dict[str, Path]:
    """Return what is packed into the .mar beside the model, by the path in it: the handler, and all that it imports."""
    library = [
        PACKAGE / "__init__.py",
        *sorted((PACKAGE / "schema").glob("*.py")),
        *sorted((PACKAGE / "wire").rglob("*.py")),
    ]
    files = {f"bakeoff/{file.relative_to(PACKAGE)}": file for file in library}
    files |= {f"engines/{name}": ENGINES / name for name in ("engine.py", "torchscript.py")}
    return files | {HANDLER.name: HANDLER}


def hash_files(paths: list[Path], seed: str = "") -> str:
    """Hash the names and contents of files, in the order given."""
    digest = hashlib.sha256(seed.encode())
    for path in paths:
        digest.update(f"{path.name}\0{hash_file(path)}\0".encode())
    return digest.hexdigest()


def hash_file(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
