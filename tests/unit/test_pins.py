"""What is installed or pulled is pinned: the same tomorrow as today."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PINNED = re.compile(r"[A-Za-z0-9._-]+(\[[a-z,]+\])?==[0-9][0-9A-Za-z.]*(\s*;.*)?")
REQUIREMENTS = sorted(
    path
    for folder in ("benchmarks", "edge", "loadtest", "models", "serving", "tests")
    for path in (ROOT / folder).rglob("requirements*.txt")
)


def test_there_are_requirement_files() -> None:
    assert len(REQUIREMENTS) >= 12


@pytest.mark.parametrize("path", REQUIREMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_requirement_is_pinned(path: Path) -> None:
    lines = [line.partition("#")[0].strip() for line in path.read_text(encoding="utf-8").splitlines()]
    loose = [line for line in lines if line and not line.startswith("-r ") and not PINNED.fullmatch(line)]
    assert not loose


def test_the_commands_own_requirements_are_pinned() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    extras = [each for group in project["project"]["optional-dependencies"].values() for each in group]
    for requirement in [*project["project"]["dependencies"], *extras, *project["build-system"]["requires"]]:
        assert PINNED.fullmatch(requirement), requirement


def test_images_have_a_tag_that_is_not_latest() -> None:
    lines = (ROOT / ".env").read_text(encoding="utf-8").splitlines()
    images = [line.partition("=")[2] for line in lines if "_IMAGE=" in line and not line.startswith("#")]
    assert len(images) >= 2
    for image in images:
        assert re.fullmatch(r"[\w./-]+:[\w.-]+(@sha256:[0-9a-f]{64})?", image) and ":latest" not in image, image
