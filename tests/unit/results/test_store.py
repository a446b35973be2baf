"""results.json: what is written can be read, and is what the schema in docs/ says."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import jsonschema
import pytest
from example_report import example_report

from bakeoff.errors import UsageError
from bakeoff.host.files import as_json
from bakeoff.report.words import reason_text
from bakeoff.results.store import json_schema, read_results, refuse_used, schema_text, write_results

ROOT = Path(__file__).resolve().parents[3]


def test_the_schema_in_docs_is_todays() -> None:
    remedy = "write it again: .venv/bin/python -m bakeoff.results.store > docs/results.schema.json"
    assert (ROOT / "docs" / "results.schema.json").read_text(encoding="utf-8") == schema_text(), remedy


def test_a_report_fits_the_schema_and_comes_back(tmp_path: Path) -> None:
    report = example_report()
    write_results(tmp_path, report, reason_text)
    jsonschema.validate(json.loads((tmp_path / "results.json").read_text(encoding="utf-8")), json_schema())
    assert as_json(read_results(tmp_path)) == as_json(report)


def test_the_schema_refuses_what_is_no_result() -> None:
    broken = json.loads(as_json(example_report()))
    broken["measurements"][0]["throughput_rps"] = "fast"
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(broken, json_schema())


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("{", "results.json"),
        ("[]", "schema_version"),
        ('{"schema_version": 3}', "is 3, of a later bakeoff"),
        ('{"schema_version": 2}', "seed"),
    ],
)
def test_a_broken_file_is_named(text: str, says: str, tmp_path: Path) -> None:
    (tmp_path / "results.json").write_text(text, encoding="utf-8")
    with pytest.raises(UsageError, match=says):
        read_results(tmp_path)


def test_a_later_version_with_more_fields_of_the_same_schema_can_be_read(tmp_path: Path) -> None:
    content = json.loads(as_json(example_report())) | {"joined_later": 1}
    (tmp_path / "results.json").write_text(json.dumps(content), encoding="utf-8")
    assert read_results(tmp_path).seed == example_report().seed


def test_two_runs_into_one_folder_are_refused(tmp_path: Path) -> None:
    refuse_used(tmp_path)
    write_results(tmp_path, replace(example_report(), measurements=()), reason_text)
    with pytest.raises(UsageError, match="already holds a run"):
        refuse_used(tmp_path)
