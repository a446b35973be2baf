"""docs/results.md describes each field there is, and none that isn't."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from example_report import example_report

from bakeoff.measure.samples import SCHEMA
from bakeoff.report.csv import columns, figure_metrics, ratio_metrics
from bakeoff.results.store import json_schema
from bakeoff.schema.metrics import shown_in

TEXT = (Path(__file__).resolve().parents[2] / "docs" / "results.md").read_text(encoding="utf-8")
KINDS: dict[str, Any] = {"Report": json_schema(), **json_schema()["$defs"]}


def described() -> dict[str, list[list[str]]]:
    """Return the rows of each section's table, by the section's heading."""
    found = {}
    for section in re.split(r"^## ", TEXT, flags=re.MULTILINE)[1:]:
        heading, _, body = section.partition("\n")
        lines = [line for line in body.splitlines() if line.startswith("| `")]
        found[heading] = [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines]
    return found


def names_in(heading: str) -> list[str]:
    return [row[0].strip("`") for row in described()[heading]]


def test_there_is_a_section_for_each_type_for_the_samples_and_for_the_csv() -> None:
    assert sorted(described()) == sorted([*KINDS, "Samples", "results.csv"])


@pytest.mark.parametrize("kind", KINDS)
def test_each_field_of_a_type_is_described_once(kind: str) -> None:
    assert sorted(names_in(kind)) == sorted(KINDS[kind]["properties"])


def test_each_column_of_the_samples_is_described_in_order() -> None:
    assert names_in("Samples") == SCHEMA.names


def test_each_column_of_the_csv_is_described_in_order() -> None:
    assert names_in("results.csv") == columns(example_report())


def test_each_metric_is_described_as_its_row_does() -> None:
    rows = {row[0].strip("`"): row[1:] for row in described()["results.csv"]}
    for metric in figure_metrics():
        assert rows[metric.column] == [metric.unit, metric.says]
    for metric in ratio_metrics(example_report()):
        above = "slower" if metric.better == "less" else "faster"
        assert rows[f"{metric.name}_ratio"][1] == f"of the {metric.name} to the reference's: above 1 is {above}"
    (compared,) = (row[2] for row in described()["Comparison"] if row[0] == "`metric`")
    assert all(metric.name in compared for metric in shown_in("ratios"))


@pytest.mark.parametrize("heading", described())
def test_each_description_has_a_unit_and_says_something(heading: str) -> None:
    for row in described()[heading]:
        assert len(row) == 3 and all(row), row


def test_links_between_types_lead_somewhere() -> None:
    linked = set(re.findall(r"\]\(#(\w+)\)", TEXT))
    assert linked <= {kind.lower() for kind in KINDS}
