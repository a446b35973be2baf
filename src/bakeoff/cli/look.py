"""Commands that only look: report, targets, models; and what `doctor` says of what can run."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Annotated, Any

import typer

from bakeoff.artifacts.export import REQUIREMENTS as EXPORT_REQUIREMENTS
from bakeoff.artifacts.golden import load_artifacts, load_model
from bakeoff.cli import options as o
from bakeoff.cli.terminal import print_rows, tell
from bakeoff.errors import BakeoffError
from bakeoff.host.catalog import SERVING, list_exported, list_models, load_targets
from bakeoff.host.files import ARTIFACTS
from bakeoff.host.venvs import is_ready
from bakeoff.measure.generator import REQUIREMENTS as LOAD_REQUIREMENTS
from bakeoff.platforms import docker_engine
from bakeoff.platforms.local import missing_prerequisite
from bakeoff.report import write_report
from bakeoff.report.cells import Table
from bakeoff.report.words import reason_text
from bakeoff.results.recompute import find_changes, recount_report
from bakeoff.results.store import locked, read_results, write_results
from bakeoff.schema import Target

NONE: frozenset[str] = frozenset()


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
    columns = ("name", "framework", "server", "formats (default first)", "wires", "can run here")
    cells = tuple(
        (
            row["name"],
            row["framework"],
            row["server"],
            ", ".join(row["formats"]),
            ", ".join(row["wires"]),
            f"no: {row['unavailable']}" if row["unavailable"] else "yes",
        )
        for row in rows
    )
    print_rows(rows, Table("Targets", "A folder of serving/ each.", columns, cells, NONE), json)


def models(json: o.AsJson = False) -> None:
    """List the models of the zoo and those exported from elsewhere, and what is exported of each."""
    rows: list[dict[str, Any]] = []
    for name in dict.fromkeys([*list_models(), *list_exported()]):
        folder = ARTIFACTS / name
        exported = [artifact.format for artifact in load_artifacts(folder)]
        inputs = [f"{i.name} {i.dtype} {list(i.shape)}" for i in load_model(folder).inputs] if exported else []
        rows.append({"name": name, "inputs": inputs, "exported": exported})
    cells = tuple((r["name"], "; ".join(r["inputs"]), ", ".join(r["exported"]) or "nothing yet") for r in rows)
    table = Table(
        "Models",
        "Folders of models/zoo/, and models that were exported from another folder.",
        ("name", "inputs", "exported"),
        cells,
        NONE,
    )
    print_rows(rows, table, json)


def find_runnable() -> list[dict[str, object]]:
    """Return what can run on this machine, and the remedy for what can't."""
    rows = [_tool("taskset", "servers and load share CPUs: install util-linux"), _disk(), _engine()]
    for name, requirements in (("export", EXPORT_REQUIREMENTS), ("load generator", LOAD_REQUIREMENTS)):
        rows.append({"what": name, "ok": True, "says": _environment(requirements), "remedy": None})
    return rows + [_target(target) for target in load_targets().values()]


def runnable_table(rows: list[dict[str, object]]) -> Table:
    """Return what can run here as a table."""
    cells = tuple((str(r["what"]), "yes" if r["ok"] else "no", str(r["says"]), str(r["remedy"] or "")) for r in rows)
    columns = ("what", "ok", "what was found", "remedy")
    return Table("What can run here", "Nothing was started or installed.", columns, cells, NONE)


def _tool(command: str, remedy: str) -> dict[str, object]:
    path = shutil.which(command)
    return {"what": command, "ok": path is not None, "says": path or "not on PATH", "remedy": None if path else remedy}


def _engine() -> dict[str, object]:
    try:
        docker_engine.require_engine()
    except BakeoffError as error:
        remedy = "only --platform docker needs it"
        return {"what": "docker", "ok": False, "says": str(error).removeprefix("--platform docker: "), "remedy": remedy}
    return {
        "what": "docker",
        "ok": True,
        "says": f"Docker {docker_engine.client().version()['Version']}",
        "remedy": None,
    }


def _disk() -> dict[str, object]:
    free = shutil.disk_usage(ARTIFACTS.parent).free
    enough = free > 8e9
    remedy = None if enough else "the environments of all targets take about 8 GB"
    return {"what": "disk", "ok": enough, "says": f"{free / 1e9:.0f} GB free", "remedy": remedy}


def _target(target: Target) -> dict[str, object]:
    missing = missing_prerequisite(target)
    if missing:
        remedy = reason_text(missing.remedy) if missing.remedy else None
        return {"what": target.name, "ok": False, "says": reason_text(missing.reason), "remedy": remedy}
    says = "needs no environment"
    if target.requirements:
        says = _environment(SERVING / target.name / target.requirements)
    return {"what": target.name, "ok": True, "says": says, "remedy": None}


def _environment(requirements: Path) -> str:
    return "environment ready" if is_ready(requirements) else "environment is made on first use"
