"""The import rule: modules know only what lies below them, and each program only what it may."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SRC = ROOT / "src" / "bakeoff"

# Each level may import from itself only within a package, and from all levels before it.
LEVELS = (
    {"errors"},
    {"schema"},
    {"host"},
    {"artifacts", "wire", "analysis"},
    {"measure"},
    {"results", "sizes", "platforms"},
    {"experiment", "report"},
    {"cli"},
    {"__main__"},
)
LEVEL_OF = {name: level for level, names in enumerate(LEVELS) for name in names}
FRAMEWORKS = {"torch", "tensorflow", "locust", "gevent", "flask", "keras", "tflite_runtime", "ai_edge_litert"}
FRAMEWORKS |= {"onnxruntime", "executorch"}
PROGRAMS = ("models", "engines", "serving", "loadtest")
PROGRAMS_MAY = {"bakeoff.schema", "bakeoff.wire", "bakeoff.measure.schedule", "bakeoff.measure.samples"}


def imported(path: Path) -> list[str]:
    names = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names += [f"{node.module}.{alias.name}" for alias in node.names]
    return names


def sources(folder: Path) -> list[Path]:
    return [path for path in sorted(folder.rglob("*.py")) if not path.name.endswith("_pb2.py")]


def identifier(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("path", sources(SRC), ids=identifier)
def test_modules_import_only_from_lower_levels(path: Path) -> None:
    own = path.relative_to(SRC).parts[0].removesuffix(".py")
    for name in imported(path):
        parts = name.split(".")
        assert parts[0] not in FRAMEWORKS, f"src never imports {parts[0]}"
        if parts[0] == "grpc":
            assert own in {"wire", "verify"}
        if parts[0] != "bakeoff" or len(parts) < 2 or own == "__init__":
            continue
        other = parts[1]
        if other in LEVEL_OF and other != own:
            assert LEVEL_OF[other] < LEVEL_OF[own], f"{own} may not import {other}"


@pytest.mark.parametrize("path", [path for folder in PROGRAMS for path in sources(ROOT / folder)], ids=identifier)
def test_programs_import_only_what_they_may(path: Path) -> None:
    for name in imported(path):
        if name.startswith("bakeoff"):
            assert any(name == allowed or name.startswith(allowed + ".") for allowed in PROGRAMS_MAY), name


def test_every_module_has_a_level() -> None:
    modules = {path.relative_to(SRC).parts[0].removesuffix(".py") for path in sources(SRC)} - {"__init__"}
    assert modules == set(LEVEL_OF)


def test_nothing_imports_the_programs() -> None:
    for folder in PROGRAMS:
        assert not list((ROOT / folder).rglob("__init__.py"))
