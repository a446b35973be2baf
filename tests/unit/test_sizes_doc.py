"""docs/sizes.md describes each field of sizes.json, and none that isn't there."""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path

import pytest

from bakeoff.sizes import SizeReport, SizeRow, Timing

TEXT = (Path(__file__).resolve().parents[2] / "docs" / "sizes.md").read_text(encoding="utf-8")


def described(heading: str) -> list[list[str]]:
    """Return the rows of a section's table of fields."""
    section = re.split(r"^## ", TEXT, flags=re.MULTILINE)
    (body,) = (part for part in section if part.startswith(f"{heading}\n"))
    return [[c.strip() for c in line.strip("|").split(" | ")] for line in body.splitlines() if line.startswith("| `")]


@pytest.mark.parametrize(("heading", "kind"), [("Rows", SizeRow), ("Timing", Timing)])
def test_each_field_is_described_once_in_order(heading: str, kind: type) -> None:
    rows = described(heading)
    assert [row[0].strip("`") for row in rows] == [field.name for field in fields(kind)]
    assert all(len(row) == 3 and all(row) for row in rows)


def test_the_document_itself_is_described() -> None:
    for field in fields(SizeReport):
        assert f'"{field.name}":' in TEXT


def test_links_lead_somewhere() -> None:
    headings = {h.lower().replace(" ", "-") for h in re.findall(r"^## (.+)$", TEXT, flags=re.MULTILINE)}
    assert set(re.findall(r"\]\(#([\w-]+)\)", TEXT)) <= headings
