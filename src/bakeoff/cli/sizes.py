"""`bakeoff sizes`: the edge-model size report."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from bakeoff.artifacts.golden import load_artifacts, load_missing, load_model
from bakeoff.artifacts.provenance import require_own
from bakeoff.cli import options as o
from bakeoff.cli.terminal import print_table, progress
from bakeoff.errors import BakeoffError, UsageError, printable, require_known
from bakeoff.host.catalog import list_exported
from bakeoff.host.files import ARTIFACTS
from bakeoff.report.sizes import size_tables
from bakeoff.report.words import reason_text
from bakeoff.schema import FORMATS, Reason
from bakeoff.sizes import SizeReport, make_size_report, size_json, write_sizes
from bakeoff.sizes.measuring import measure_artifacts
from bakeoff.sizes.records import load_measured


def sizes(
    model: Annotated[list[str], typer.Option("--model", help="A model; again for more. [default: all exported]")] = [],  # noqa: B006
    format: Annotated[list[str], typer.Option("--format", help="A format; again for more. [default: all]")] = [],  # noqa: B006
    measure: Annotated[
        bool, typer.Option("--measure", help="Measure load time, latency, memory and the runtimes' sizes first.")
    ] = False,
    trust: o.Trust = False,
    json: o.AsJson = False,
    out: Annotated[Path | None, typer.Option(metavar="DIR", help="Write sizes.json and sizes.csv there too.")] = None,
) -> None:
    """Show what each exported format weighs, costs in process and answers, and which is best at what.

    It exports nothing: `bakeoff export` does. What --measure finds is kept beside the artifacts for later reports.
    Exit status: 1 where a measurement failed; that a runtime can't load an artifact is a result.
    """
    require_known("--format", format, FORMATS)
    names = [named.name for named in o.named_models(model)] or list_exported()
    for name in names if not trust else ():
        require_own(ARTIFACTS / name)
    failed: list[Reason] = []
    if measure:
        chosen = [a for name in names for a in load_artifacts(ARTIFACTS / name) if not format or a.format in format]
        with progress() as show:
            failed = measure_artifacts(chosen, show)
    report = exported_sizes(names, format)
    if not report.rows:
        what = " ".join([*model, *format]) or "nothing"
        raise UsageError(
            f"{ARTIFACTS}: {what} is{' not' if model or format else ''} exported yet; run `scripts/bakeoff export`"
        )
    if out is not None:
        write_sizes(out, report, reason_text)
    print_sizes(report, json)
    if failed:
        lines = [f"- {reason_text(reason)}" for reason in failed]
        raise BakeoffError("\n".join(["not everything could be measured:", *lines]))


def exported_sizes(models: list[str], formats: list[str]) -> SizeReport:
    """Return the size report of what is exported of these models, with the rows of these formats; none: all."""
    folders = [ARTIFACTS / name for name in models if (ARTIFACTS / name / "model.json").exists()]
    artifacts = [artifact for folder in folders for artifact in load_artifacts(folder)]
    missing = [row for folder in folders for row in load_missing(folder, folder.name)]
    measured = [row for folder in folders for row in load_measured(folder)]
    report = make_size_report([load_model(folder) for folder in folders], artifacts, measured, missing)
    return replace(report, rows=[row for row in report.rows if not formats or row.format in formats])


def print_sizes(report: SizeReport, as_json_text: bool) -> None:
    """Print the size report: as JSON to stdout, or its answers and tables."""
    if as_json_text:
        sys.stdout.write(printable(size_json(report, reason_text)))
        return
    for name, lines in report.answers.items():
        sys.stdout.write("".join(f"{printable(line)}\n" for line in [name, *(f"  {line}" for line in lines)]))
    sys.stdout.write("\n")
    for table in size_tables(report):
        print_table(table)
