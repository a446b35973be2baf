"""Reasons in words: each code has its sentence, and no value that is unknown or strange breaks one."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from string import Formatter

import pytest

from bakeoff.report.diagnoses import DIAGNOSES
from bakeoff.report.words import SENTENCES, first_line, reason_text
from bakeoff.results import migrate
from bakeoff.schema import Reason, quoted
from bakeoff.schema.reasons import FROM_SAMPLES

ROOT = Path(__file__).resolve().parents[3]
DERIVED = {"last", "at", "interval", "limit"}


def named_in(code: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(SENTENCES[code]) if name is not None} - DERIVED


def syntax() -> Iterator[ast.AST]:
    """Yield all of the programs that give reasons, but for those that hold words."""
    for path in (*(ROOT / "src").rglob("*.py"), *(ROOT / "loadtest").glob("*.py")):
        if path.name not in ("words.py", "diagnoses.py", "migrate.py"):
            yield from ast.walk(ast.parse(path.read_text(encoding="utf-8")))


def test_every_code_that_is_given_has_a_sentence_that_says_no_more_than_its_values() -> None:
    given = 0
    for node in syntax():
        match node:
            case ast.Call(ast.Name("Reason"), [ast.Constant(str(code)), *values]):
                assert code in SENTENCES
                given += 1
                if values and isinstance(values[0], ast.Dict):
                    names = {key.value for key in values[0].keys if isinstance(key, ast.Constant)}
                    assert named_in(code) <= names or None in values[0].keys, code
    assert given > 50


def test_every_sentence_is_of_a_code_that_is_given() -> None:
    words = {node.value for node in syntax() if isinstance(node, ast.Constant) and isinstance(node.value, str)}
    worker = {code for code in SENTENCES if code.startswith("load_worker_")}
    assert SENTENCES.keys() - worker <= words | migrate.SENTENCES.keys() and SENTENCES.keys() >= FROM_SAMPLES


def test_no_code_has_two_sentences() -> None:
    assert SENTENCES.items() >= DIAGNOSES.items()


@pytest.mark.parametrize("code", SENTENCES)
def test_what_is_unknown_is_called_so_and_breaks_no_sentence(code: str) -> None:
    said = reason_text(Reason(code, dict.fromkeys(named_in(code))))
    assert said and "None" not in said and " 0" not in said


@pytest.mark.parametrize(
    ("reason", "text"),
    [
        (
            Reason("load_busy", {"percent": 91.4, "limit_percent": 80.0}),
            "the load generator used 91% of its CPU time, more than 80%: give it more CPUs and --load-workers",
        ),
        (
            Reason("late", {"ms": 12.34, "limit_ms": 1.0}),
            "1% of the requests started more than 12 ms late; the limit is 1 ms",
        ),
        (
            Reason("steal", {"percent": 9.04, "limit_percent": 3.0}),
            "the hypervisor took 9.0% of the CPU time (steal), more than 3%",
        ),
        (
            Reason("parity_failed", {"what": "a-rest", "batch": 3, "length": 8, "error": 0.5}),
            "a-rest failed parity at batch 3, length 8: 0.5",
        ),
        (
            Reason("parity_failed", {"what": "a-rest", "batch": 1}, Reason("not_finite")),
            "a-rest failed parity at batch 1: the answer holds NaN or Infinity",
        ),
        (
            Reason("target_failed", {"target": "t"}, Reason("of_model", {"model": "m"}, quoted("it died"))),
            "t failed: m: it died",
        ),
        (Reason("text", {"text": "{0.__class__} {x}"}), "{0.__class__} {x}"),
    ],
)
def test_sentences(reason: Reason, text: str) -> None:
    assert reason_text(reason) == text


def test_a_log_stays_off_the_first_line() -> None:
    ended = Reason("server_exited", {"target": "t", "status": 3, "log": "loading\nout of memory"})
    assert first_line(ended) == "t ended with status 3 before it was ready: out of memory"
    assert "loading" in reason_text(ended)
    assert first_line(None) == "no reason was written down"


def test_what_another_version_or_a_forger_wrote_is_shown_as_it_is() -> None:
    assert reason_text(Reason("later", {"x": 1})) == "later, x: 1"
    assert reason_text(Reason("steal", {"percent": "lots"})) == "steal, percent: lots"
