"""`bakeoff compare`: the gate between two runs."""

from __future__ import annotations

import sys
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from bakeoff.cli.terminal import print_table
from bakeoff.errors import UsageError, printable, require_known
from bakeoff.report.gate import headline, outcome_lines, outcome_tables, render_github
from bakeoff.report.words import reason_text
from bakeoff.results.gate import judge_runs
from bakeoff.results.store import read_results, told

OUTPUTS = ("text", "json", "github")
Relative = Annotated[
    bool, typer.Option("--relative", help="Compare ratios between endpoints within each run: for runs of two machines.")
]
Reference = Annotated[
    str | None,
    typer.Option("--reference", metavar="ID", help="The endpoint those ratios are to. [default: OLD's reference]"),
]
Output = Annotated[
    str, typer.Option("--output", metavar="FORM", help="text, json, or github: Markdown for a pull request.")
]


def compare(
    new: Annotated[Path, typer.Argument(metavar="NEW", help="The folder of the new run.")],
    old: Annotated[Path, typer.Argument(metavar="OLD", help="The folder of the run to compare it with: the baseline.")],
    relative: Relative = False,
    reference: Reference = None,
    output: Output = "text",
) -> None:
    """Say what got faster, slower, bigger or less accurate from one run to another, and fail on a regression.

    Both runs are made with `bakeoff run --restart-between-rounds`, five rounds or more, on the same machine with the
    same configuration: the luck of a process would pass for a difference otherwise. Runs of two machines can only be
    compared with --relative: what counts then is how each endpoint stands to the reference within its own run.

    A regression: the metric that a workload is judged by (its `judged_by`) is worse by more than 5%, with the whole
    interval beyond that; an endpoint with valid trials in OLD has none in NEW, an artifact isn't exported any more, is
    more than 5% bigger, or its accuracy fell by more than 0.01. Environments and images that grew are shown and are
    none.

    \b
    In a pull request:
      scripts/bakeoff run --restart-between-rounds --out results/new
      scripts/bakeoff compare results/new results/baseline --output github

    Exit status: 0 no regression; 1 a regression; 2 the runs can't be compared (each reason is a line), no verdict is
    possible with so few rounds, or a folder holds no run.
    """
    require_known("--output", [output], OUTPUTS)
    if reference is not None and not relative:
        raise UsageError("--reference: goes with --relative only; without it each endpoint is compared with itself")
    outcome = judge_runs(read_results(new), read_results(old), relative, reference)
    if output == "github":
        sys.stdout.write(printable(render_github(outcome)))
    elif output == "json":
        content = {"status": outcome.status, "says": headline(outcome), **asdict(outcome)}
        sys.stdout.write(printable(told(content, reason_text)))
    else:
        for table in outcome_tables(outcome):
            print_table(table)
        sys.stdout.write("".join(f"{printable(line)}\n" for line in [*outcome_lines(outcome), headline(outcome)]))
    raise typer.Exit(outcome.status)
