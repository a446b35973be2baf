"""`bakeoff compare` as a pull request sees it: exit status, and what it prints in each form."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from recorded_runs import MACHINE, recorded_run

from bakeoff.cli import main
from bakeoff.report.words import reason_text
from bakeoff.results.store import write_results
from bakeoff.schema import Report

EQUAL = {"base": 1.0, "a": 1.0, "b": 1.0}
OLD = recorded_run(EQUAL)
AGAIN = recorded_run(EQUAL, seed=2)
SLOWER = recorded_run(EQUAL | {"a": 1.3}, seed=2)
ELSEWHERE = MACHINE | {"cpu": "another"}

Said = tuple[int, str, str]
Compare = Callable[..., Said]


@pytest.fixture
def compare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Compare:
    """Compare two reports by the command; return its exit status, stdout and stderr."""

    def run(new: Report, old: Report, *options: str) -> Said:
        write_results(tmp_path / "new", new, reason_text)
        write_results(tmp_path / "old", old, reason_text)
        return run_compare(tmp_path, *options)

    def run_compare(folder: Path, *options: str) -> Said:
        arguments = ["bakeoff", "compare", str(folder / "new"), str(folder / "old"), *options]
        monkeypatch.setattr(sys, "argv", arguments)
        with pytest.raises(SystemExit) as ended:
            main()
        said = capsys.readouterr()
        return int(ended.value.code or 0), said.out, said.err

    return run


def test_a_repetition_passes(compare: Compare) -> None:
    status, out, _ = compare(AGAIN, OLD)
    assert status == 0 and out.endswith("no regression (3 inconclusive)\n")
    assert "slower" not in [cell.strip() for line in out.splitlines() for cell in line.split("│")]


def test_a_slower_endpoint_fails_and_its_line_says_how_much(compare: Compare) -> None:
    status, out, _ = compare(SLOWER, OLD)
    assert status == 1 and out.endswith("REGRESSION (2, 2 inconclusive)\n")
    assert "regression: m a c1 p50 got slower: 1." in out


def test_another_machine_is_refused_with_the_reason(compare: Compare) -> None:
    status, out, _ = compare(replace(AGAIN, machine=ELSEWHERE), OLD)
    assert status == 2
    assert "can't be compared: other machine: cpu (another, was a CPU)\n" in out


@pytest.mark.parametrize(("new", "status"), [(AGAIN, 0), (SLOWER, 1)])
def test_relative_to_a_reference_another_machine_is_not(compare: Compare, new: Report, status: int) -> None:
    elsewhere = replace(new, machine=ELSEWHERE)
    found, out, _ = compare(elsewhere, OLD, "--relative", "--reference", "base")
    assert found == status and "base" in out


def test_a_reference_without_relative_is_refused(compare: Compare) -> None:
    status, _, err = compare(AGAIN, OLD, "--reference", "base")
    assert status == 2 and "--reference: goes with --relative only" in err


@pytest.mark.parametrize(("text", "says"), [(None, "no such file"), ("{", "Expecting"), ("[]", "schema_version")])
def test_a_broken_folder_is_named(
    text: str | None, says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    write_results(tmp_path / "new", AGAIN, reason_text)
    broken = tmp_path / "old" / "results.json"
    if text is not None:
        broken.parent.mkdir()
        broken.write_text(text, encoding="utf-8")
    monkeypatch.setattr(sys, "argv", ["bakeoff", "compare", str(tmp_path / "new"), str(tmp_path / "old")])
    with pytest.raises(SystemExit, match="2"):
        main()
    said = capsys.readouterr().err
    assert str(broken) in said and says in said


def test_the_form_for_a_pull_request_is_a_table_and_a_line_for_each_reason(compare: Compare) -> None:
    status, out, _ = compare(SLOWER, OLD, "--output", "github")
    lines = out.splitlines()
    assert status == 1 and lines[0] == "### bakeoff compare: REGRESSION (2, 2 inconclusive)"
    assert sum(line.startswith("- regression: ") for line in lines) == 2
    rows = [line for line in lines if line.startswith("| m | ")]
    assert rows[0].startswith("| m | a | c") and rows[0].split(" | ")[3] == "slower"
    assert len(rows) == 6 and len({row.count("|") for row in rows}) == 1


def test_hostile_names_stay_text_in_a_pull_request(compare: Compare) -> None:
    hostile = recorded_run({"base": 1.0, "<img src=x>|": 1.0})
    _, out, _ = compare(hostile, hostile, "--output", "github")
    assert "<img" not in out and "&lt;img src=x>\\|" in out


def test_the_form_for_programs_has_everything(compare: Compare) -> None:
    status, out, _ = compare(SLOWER, OLD, "--output", "json")
    said = json.loads(out)
    assert (said["status"], len(said["regressions"]), said["reasons"]) == (status, 2, [])
    assert {c["verdict"] for c in said["comparisons"] if c["a"] == "a" and c["verdict"]} == {"slower"}


def test_an_unknown_form_is_refused_with_those_there_are(compare: Compare) -> None:
    status, _, err = compare(AGAIN, OLD, "--output", "xml")
    assert status == 2 and "allowed: github, json, text" in err


def test_the_help_teaches(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys, "argv", ["bakeoff", "compare", "--help"])
    with pytest.raises(SystemExit, match="0"):
        main()
    out = capsys.readouterr().out
    for words in ("--restart-between-rounds", "Exit status: 0", "--relative", "github", "5%"):
        assert words in out
