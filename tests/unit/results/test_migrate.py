"""A run that was recorded with schema 1, read today: its numbers, its reasons, its page, a comparison with it."""

from __future__ import annotations

import json
import re
import shutil
import sys
from dataclasses import replace
from pathlib import Path
from string import Formatter
from typing import Any

import jsonschema
import pyarrow.parquet as pq
import pytest

from bakeoff.cli import main
from bakeoff.errors import UsageError
from bakeoff.measure.samples import META
from bakeoff.report.words import SENTENCES as WORDS
from bakeoff.report.words import reason_text
from bakeoff.results.migrate import SENTENCES, migrate, read_sentence
from bakeoff.results.recompute import find_changes, recount_report, summarize_report
from bakeoff.results.store import json_schema, read_results, told
from bakeoff.schema import Measurement, Reason, Report

RECORDED = Path(__file__).with_name("recorded")
DRIFT = "the last third's median latency "


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A folder with the recorded run, in which may be written."""
    return shutil.copytree(RECORDED, tmp_path / "run")


@pytest.fixture(scope="module")
def old() -> dict[str, Any]:
    content: dict[str, Any] = json.loads((RECORDED / "results.json").read_text(encoding="utf-8"))
    assert content["schema_version"] == 1
    return content


@pytest.fixture(scope="module")
def report() -> Report:
    return read_results(RECORDED)


def command(*arguments: object) -> int:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["bakeoff", *map(str, arguments)])
        try:
            main()
        except SystemExit as ended:
            return int(ended.code or 0)
    return 0


def drifted(old: dict[str, Any]) -> set[str]:
    """Return the trials that schema 1 excluded for a drift alone."""
    return {
        m["trial_id"] for m in old["measurements"] if m["reasons"] and all(r.startswith(DRIFT) for r in m["reasons"])
    }


def test_it_fits_todays_schema(report: Report) -> None:
    content = json.loads(told(report, reason_text))
    jsonschema.validate(content, json_schema())
    assert content["schema_version"] == 2


def test_everything_has_todays_names(report: Report) -> None:
    endpoints = {"torchserve-rest", "lean-tflite-grpc", "flask-torch-rest", "echo-tfserving-grpc"}
    assert {m.endpoint for m in report.measurements} == {s.endpoint for s in report.summary} == endpoints
    assert {c.a for c in report.comparisons} | {c.b for c in report.comparisons} <= endpoints
    assert {row.endpoint for row in report.parity} <= endpoints | {None}
    assert {row.target for row in report.in_process} == {"torchserve", "lean-tflite", "lean-litert"} | {
        "flask-torch",
        "flask-tf",
    }
    assert {"lean-tflite", "flask-tf"} <= {state.name for state in report.targets}
    config = report.config
    assert config["protocols"] == ["rest", "binary", "grpc"] and "lean-litert" in config["targets"]  # type: ignore[operator]
    assert (report.platform, config["run"]["platform"]) == ("local", "local")  # type: ignore[index]


def test_reasons_are_codes_and_a_drift_excludes_nothing_any_more(report: Report, old: dict[str, Any]) -> None:
    assert {reason.code for m in report.measurements for reason in m.reasons} == {"steal"}
    verdicts = {m.trial_id: m.verdict for m in report.measurements}
    for m in old["measurements"]:
        assert verdicts[m["trial_id"]] == ("valid" if m["trial_id"] in drifted(old) else m["verdict"])
    assert drifted(old)
    missing = next(state for state in report.targets if state.name == "tfserving")
    assert missing.reason == Reason("command_missing", {"command": "tensorflow_model_server"})
    notes = {m.breakdown.reason for m in report.measurements if m.breakdown and m.breakdown.reason}
    assert notes == {Reason("no_queue_counted")}


def test_every_number_is_that_of_its_samples(report: Report, old: dict[str, Any]) -> None:
    again = recount_report(RECORDED, report)
    assert find_changes(report, again) == []
    numbers = {m["trial_id"]: m for m in old["measurements"]}
    for m in again.measurements:
        was = numbers[m.trial_id]
        for name in ("request_count", "error_count", "throughput_rps", "drift_percent", "client_cpu_percent"):
            assert getattr(m, name) == was[name]
        for name in ("latency_ms", "service_ms"):
            assert {key: getattr(getattr(m, name), key) for key in was[name]} == was[name]


def test_under_the_old_rule_every_statement_over_the_rounds_is_the_old_one(report: Report, old: dict[str, Any]) -> None:
    """Without the drifted trials, as schema 1 had it, medians and ratios are what they were, to the last bit.

    Only intervals of two rounds are gone, which aren't given any more.
    """

    def judged(m: Measurement) -> Measurement:
        return replace(m, verdict="invalid") if m.trial_id in drifted(old) else m

    again = recount_report(RECORDED, report)
    before = summarize_report(again, [judged(m) for m in again.measurements], report.reference)
    recorded, now = migrate(old), json.loads(told(before, reason_text))
    for part, place in (("summary", ("endpoint", "workload")), ("comparisons", ("a", "b", "workload", "metric"))):
        found = {tuple(row[key] for key in place): row for row in now[part]}
        assert len(found) == len(recorded[part]) > 7
        for was in recorded[part]:
            row = found[tuple(was[key] for key in place)]
            two_rounds = row["low"] is None and was["low"] is not None
            assert {key: row[key] for key in was} == was | ({"low": None, "high": None} if two_rounds else {})
            assert not two_rounds or (row.get("endpoint", row.get("a")), row["workload"]) == ("flask-torch-rest", "c1")
    floors = {m["trial_id"]: m["floors"]["server_ms"] for m in recorded["measurements"] if m["target"] != "torchserve"}
    for m in before.measurements:
        if m.wire == "tfserving-grpc":  # the other floors aren't in this cut of the run
            assert m.floors is not None and m.floors.server_ms == floors[m.trial_id]


def test_its_report_is_made_and_leaves_a_file_of_today(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert command("report", run) == 0, capsys.readouterr().err
    assert "was edited" not in capsys.readouterr().err
    page = (run / "report.html").read_text(encoding="utf-8")
    assert "lean-tflite" in page and "the hypervisor took" in page and DRIFT not in page
    content = json.loads((run / "results.json").read_text(encoding="utf-8"))
    (reason,) = next(m["reasons"] for m in content["measurements"] if m["reasons"])
    assert (reason["code"], reason["values"]["limit_percent"]) == ("steal", 3)
    assert reason["text"].startswith("the hypervisor took ")
    assert read_results(run) == recount_report(RECORDED, read_results(RECORDED))


def test_it_can_be_compared_with_itself(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = run / "results.json"
    content = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps(content | {"restarted": True}), encoding="utf-8")
    assert command("compare", run, run, "--output", "json") == 2  # three rounds are too few for a verdict
    said = json.loads(capsys.readouterr().out)
    assert said["reasons"] == said["regressions"] == []
    assert {c["ratio"] for c in said["comparisons"]} == {1.0}
    assert {reason["code"] for reason in said["unjudged"]} == {"too_few_rounds"}
    assert all("a verdict takes" in reason["text"] for reason in said["unjudged"])


def test_what_is_no_run_of_schema_1_is_refused_by_name(tmp_path: Path) -> None:
    for content in ({"schema_version": 1}, {"schema_version": 1, "config": [], "measurements": 5}):
        (tmp_path / "results.json").write_text(json.dumps(content), encoding="utf-8")
        with pytest.raises(UsageError, match="results.json: is no results.json of schema 1"):
            read_results(tmp_path)


@pytest.mark.parametrize(
    ("sentence", "reason"),
    [
        ("no request succeeded", Reason("no_success")),
        ("7 of the checked answers were wrong", Reason("wrong_answers", {"count": 7})),
        (
            "1% of the requests started more than 1.2e+02 ms late; the limit is 1.5 ms",
            Reason("late", {"ms": 120.0, "limit_ms": 1.5}),
        ),
        (
            "1% of the requests started more than inf ms late; the limit is 1 ms",
            Reason("late", {"ms": None, "limit_ms": 1}),
        ),
        ("worker 2 of 2 ended during the trial", Reason("load_worker_ended", {"worker": 2, "workers": 2})),
        (
            "ts_x_total counted 9, 10 were sent",
            Reason("counters_differ", {"series": "ts_x_total", "counted": 9, "sent": 10}),
        ),
        ("somebody tripped over a cable", Reason("text", {"text": "somebody tripped over a cable"})),
    ],
)
def test_sentences_of_schema_1(sentence: str, reason: Reason) -> None:
    assert read_sentence(sentence) == reason


def test_each_sentence_that_is_known_gives_the_values_of_its_code() -> None:
    for code, pattern in SENTENCES.items():
        names = [name for _, name, _, _ in Formatter().parse(WORDS[code]) if name is not None]
        assert list(re.compile(pattern).groupindex) == names


def test_a_lost_part_that_old_samples_tell_in_words_is_a_code(run: Path) -> None:
    trial_id = read_results(run).measurements[0].trial_id
    path = run / "samples" / f"{trial_id}.parquet"
    table = pq.read_table(path)
    meta = json.loads(table.schema.metadata[META]) | {"lost": ["worker 2 of 2 ended during the trial"]}
    pq.write_table(table.replace_schema_metadata({META: json.dumps(meta).encode()}), path)
    trial = recount_report(run, read_results(run)).measurements[0]
    assert Reason("load_worker_ended", {"worker": 2, "workers": 2}) in trial.reasons and trial.verdict == "invalid"


@pytest.mark.parametrize("junk", [None, 5, "x", [5], [None], {"a": 1}, [{"target": 5}], [{"endpoint": []}]])
def test_what_somebody_else_wrote_is_read_or_refused(junk: object, old: dict[str, Any], tmp_path: Path) -> None:
    trial = old["measurements"][0]
    bent = [old | {key: junk} for key in old if key != "schema_version"]
    bent += [old | {"measurements": [trial | {key: junk}]} for key in trial]
    for content in bent:
        (tmp_path / "results.json").write_text(json.dumps(content), encoding="utf-8")
        try:
            read_results(tmp_path)
        except UsageError as error:
            assert "results.json" in str(error)


def test_the_options_of_a_run_get_the_names_of_today(old: dict[str, Any]) -> None:
    run = {"runtime": "attached", "workers": 3, "await_workers": 2, "named": ["tflite"]}
    config = migrate(old | {"config": old["config"] | {"run": run}})["config"]
    assert config["run"] == {
        "platform": "remote",
        "load_workers": 3,
        "await_load_workers": 2,
        "named": ["lean-tflite"],
    }
