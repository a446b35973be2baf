"""report.md as GitHub reads it: tables stay tables, and what is hostile stays text."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from example_report import example_report
from markdown_it import MarkdownIt
from markdown_it.token import Token
from recorded_runs import recorded_run

from bakeoff.analysis.compare import compare_endpoints
from bakeoff.analysis.summary import summarize_rounds
from bakeoff.report.markdown import escape, render_markdown, short_table
from bakeoff.schema import Report, quoted

GITHUB = MarkdownIt("commonmark").enable("table")
OURS = re.compile(r"</?(details|summary)>")
HOSTILE = (
    "<script>alert(1)</script>|x",
    "a\n| b | c |\n\n# heading\n\n<img src=x onerror=alert(1)>",
    "![pixel](http://127.0.0.1/x.png) [here](javascript:alert(1))",
    "```\n</details><iframe>",
    "a\\|b \u2028| c \x85 &lt;b&gt; `|`",
)


def tokens(text: str) -> list[Token]:
    """Return all tokens, those within a line too."""
    blocks = GITHUB.parse(text)
    return blocks + [child for block in blocks for child in block.children or []]


def texts(text: str) -> str:
    """Return what a reader sees, without line breaks."""
    return " ".join(token.content for token in tokens(text) if token.type in ("text", "text_special", "fence"))


def hostile(text: str) -> Report:
    report = example_report(name=text, reason=text)
    trial, invalid = report.measurements
    return replace(
        report,
        command=text,
        machine={"cpu": text, "cpus": 2, "os": text},
        measurements=(replace(trial, endpoint=text), replace(invalid, trial_id=text, reasons=(quoted(text),))),
        summary=(replace(report.summary[0], endpoint=text),),
        targets=(*report.targets, replace(report.targets[1], name=text, remedy=quoted(text))),
    )


def shape(report: Report) -> list[tuple[str, str]]:
    """Return the document's outline: what blocks it has, and in a table how many cells."""
    return [(t.type, t.tag) for t in GITHUB.parse(render_markdown(report)) if t.type != "inline"]


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_changes_no_block_and_makes_no_markup(text: str) -> None:
    assert shape(hostile(text)) == shape(hostile("harmless"))
    for token in tokens(render_markdown(hostile(text))):
        assert token.type not in ("link_open", "image", "html_inline")
        if token.type == "html_block":
            assert not OURS.sub("", token.content).replace("Invalid", "").count("<")


@pytest.mark.parametrize("text", HOSTILE)
def test_escaped_text_is_read_as_it_was(text: str) -> None:
    (paragraph,) = [token for token in GITHUB.parse(f"x{escape(text)}") if token.type == "inline"]
    said = "".join(child.content for child in paragraph.children or [])
    assert said.split() == f"x{text}".replace("\x85", " ").split()


def test_the_command_is_quoted_whole() -> None:
    report = replace(example_report(), command="bakeoff run --out ```x``` --quick")
    fences = [token.content.strip() for token in GITHUB.parse(render_markdown(report)) if token.type == "fence"]
    assert fences == ["bakeoff run --out ```x``` --quick"]


def test_what_was_not_measured_stands_before_what_was() -> None:
    text = render_markdown(example_report())
    assert text.index("**tfserving** is unavailable: the command x is not on PATH (install it)") < text.index("## ")
    assert "1 of 2 trials are invalid" in text and "no request succeeded" in text


def test_the_long_tables_are_folded_and_none_is_lost() -> None:
    text = render_markdown(example_report())
    opened = text[: text.index("<details>")]
    assert "digits\\_cnn" not in text and "## digits_cnn: latency and throughput" in opened
    for folded in ("Targets", "Edge-model sizes", "Load and floors", "Proof of sameness", "What the runtimes load"):
        assert folded not in opened and text.count(f"<summary>{folded}</summary>") == 1
    assert text.count("<details>") == text.count("</details>")


def test_the_short_answer_is_the_pages_and_never_a_floor() -> None:
    slowdowns = {"a": 2.0, "b": 1.0, "nothing": 0.1}
    trials = tuple(
        replace(m, target={"nothing": "echo"}.get(m.endpoint, m.endpoint)) for m in recorded_run(slowdowns).measurements
    )
    report = recorded_run(slowdowns, measurements=trials, summary=tuple(summarize_rounds(trials)))
    rows = short_table(report).rows
    assert [row[:2] for row in rows] == [
        ("m", "Answers fastest"),
        ("m", "Serves most"),
        ("m", "Smallest artifact"),
    ]
    for row in rows[:2]:
        assert (
            row[2].startswith("b over ")
            and row[2].endswith("; ahead of the only other.")
            and row[3].startswith("Sure: ")
        )
    assert rows[2][2].startswith("tflite-int8, 64.7 kB: ")


def test_nothing_measured_is_said() -> None:
    report = replace(example_report(), models=(), measurements=(), summary=())
    assert "nothing measured" in render_markdown(report).splitlines()[0]


def test_verdicts_are_in_sight_and_ratios_without_one_are_folded() -> None:
    run = recorded_run({"base": 1.0, "a": 2.0, "b": 1.0})
    report = replace(
        run,
        summary=tuple(summarize_rounds(run.measurements)),
        comparisons=tuple(compare_endpoints(run.measurements, "base")),
    )
    opened, _, folded = render_markdown(report).partition("<details>")
    verdicts = [
        line for line in opened.partition("## Verdicts against base")[2].splitlines() if line.startswith("| m |")
    ]
    assert len(verdicts) == 4 and all("slower" in line for line in verdicts[:2])
    assert "<summary>Compared with base</summary>" in folded and "Compared with" not in opened
    no_verdicts = replace(report, comparisons=tuple(replace(c, verdict=None) for c in report.comparisons))
    assert "Verdicts against" not in render_markdown(no_verdicts)
