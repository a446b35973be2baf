"""Commands that only look: report, targets, models."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from bakeoff.artifacts.golden import load_artifacts, load_model
from bakeoff.cli import options as o
from bakeoff.cli.terminal import print_rows, tell
from bakeoff.host.catalog import list_exported, list_models, load_targets
from bakeoff.host.files import ARTIFACTS
from bakeoff.platforms.local import missing_prerequisite
from bakeoff.report import write_report
from bakeoff.report.cells import tabulate
from bakeoff.report.words import reason_text
from bakeoff.results.recompute import find_changes, recount_report
from bakeoff.results.store import locked, read_results, write_results


def report(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="The folder of a run.")],
    tensorboard: Annotated[
        bool, typer.Option("--tensorboard", help="Write DIR/tensorboard too: figures over the rounds, and charts.")
    ] = False,
) -> None:
    """Make every number of a run again from its samples, and from these results.json and the report.

    What samples can't tell (machine, parity, sizes, the servers' CPU time and memory) stays as it was written down. A
    line says where a figure was not what the samples say: results.json was edited, or made by another version.
    """
    read_results(folder)  # before the lock, which makes the folder
    with locked(folder):
        stored = read_results(folder)
        recounted = recount_report(folder, stored)
        changes = find_changes(stored, recounted)
        write_results(folder, recounted, reason_text)
        write_report(folder, recounted)
        if tensorboard:
            from bakeoff.report.tensorboard import write_tensorboard  # only now: it takes a third of a second

            write_tensorboard(folder, recounted)
    if changes:
        more = f" and {len(changes) - 1} more" if len(changes) > 1 else ""
        line = f"results.json was edited or made by another version, and is put right: {changes[0]}{more}"
        tell(line)
    tell(f"report: {folder / 'report.html'}")
    if tensorboard:
        tell(f"tensorboard --logdir {folder / 'tensorboard'}")


def targets(json: o.AsJson = False) -> None:
    """List the targets: what they serve, over which protocols, and whether they can run here."""
    rows: list[dict[str, Any]] = []
    for target in load_targets().values():
        missing = missing_prerequisite(target)
        rows.append(
            {
                "name": target.name,
                "framework": target.framework,
                "server": target.server,
                "formats": list(target.formats),
                "wires": list(target.wires),
                "unavailable": reason_text(missing.reason) if missing else None,
            }
        )
    columns = {"name": "name", "framework": "framework", "server": "server", "formats (default first)": "formats"}
    columns |= {"wires": "wires", "can run here": "here"}
    cells = [row | {"here": f"no: {row['unavailable']}" if row["unavailable"] else "yes"} for row in rows]
    print_rows(rows, tabulate("Targets", "A folder of serving/ each.", cells, columns, 6), json)


def models(json: o.AsJson = False) -> None:
    """List the models of the zoo and those exported from elsewhere, and what is exported of each."""
    rows: list[dict[str, Any]] = []
    for name in dict.fromkeys([*list_models(), *list_exported()]):
        folder = ARTIFACTS / name
        exported = [artifact.format for artifact in load_artifacts(folder)]
        inputs = [f"{i.name} {i.dtype} {list(i.shape)}" for i in load_model(folder).inputs] if exported else []
        rows.append({"name": name, "inputs": inputs, "exported": exported})
    cells = [row | {"inputs": "; ".join(row["inputs"]), "exported": row["exported"] or "nothing yet"} for row in rows]
    says = "Folders of models/zoo/, and models that were exported from another folder."
    columns = {name: name for name in ("name", "inputs", "exported")}
    print_rows(rows, tabulate("Models", says, cells, columns, 3), json)
