"""Exporting: runs models/export.py in its own environment and follows what it says."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from bakeoff.catalog import ModelSource, find_model
from bakeoff.errors import BakeoffError, UsageError
from bakeoff.files import ARTIFACTS, ROOT, STATE
from bakeoff.processes import child_environment, confined, log_end, spawn, terminate
from bakeoff.record import record_artifact, record_source, require_own
from bakeoff.show import Show
from bakeoff.venvs import ensure_venv

REQUIREMENTS = ROOT / "models" / "requirements.txt"
HF_REQUIREMENTS = REQUIREMENTS.with_name("requirements-hf.txt")
"""What hf: models need on top."""
BAD_FOLDER = 2
"""The export's exit status where the model's folder doesn't keep the contract, or the arguments aren't right."""


@dataclass(frozen=True, slots=True)
class ExportOptions:
    """Which formats (none: all), weights from a file, and whether to export what is up to date.

    `trust`: artifacts that are up to date, but that this checkout's export didn't write, are taken too.
    """

    formats: tuple[str, ...] = ()
    weights: Path | None = None
    force: bool = False
    trust: bool = False


def export_model(model: str, options: ExportOptions, show: Show) -> tuple[Path, list[str]]:
    """Export a model (find_model tells which); return its artifacts' folder and a line for each format that failed.

    Raises BakeoffError with the end of the log when the export as a whole fails, UsageError for a bad model folder.
    """
    found = find_model(model)
    source = source_of(found)
    requirements = (REQUIREMENTS,) if found.folder else (REQUIREMENTS, HF_REQUIREMENTS)
    python = ensure_venv(*requirements, say=show.say)
    argv = [str(python), str(ROOT / "models" / "export.py"), "--model-folder", source, "--out"]
    argv += [str(ARTIFACTS), *export_arguments(options)]
    argv += ["--weights", str(options.weights.resolve())] if options.weights else []
    folder, made = ARTIFACTS / found.name, list[str]()
    try:
        failed = follow_export(confined(argv), found.name, child_environment(), show, made)
    finally:
        for format in made:
            record_artifact(folder / format)
    record_source(source)
    if not options.trust:
        require_own(folder)
    return folder, failed


def source_of(model: ModelSource) -> str:
    """Return what a model is exported from; raise UsageError where only its artifacts are here."""
    if model.source is None:
        raise UsageError(f"{model.name} is no model of the zoo: give the path of the folder that holds its model.py")
    return model.source


def export_arguments(options: ExportOptions) -> list[str]:
    """Return what export.py is told beyond where the model is."""
    return [word for format in options.formats for word in ("--format", format)] + ["--force"] * options.force


def follow_export(
    argv: list[str], model: str, environment: Mapping[str, str], show: Show, made: list[str] | None = None
) -> list[str]:
    """Run an export to its end; return a line for each format that failed, none where it could do without them.

    The formats that it made are added to `made`. Raises UsageError where the model's folder doesn't keep the contract,
    BakeoffError where it failed otherwise.
    """
    log = STATE / "logs" / f"export-{model}.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    show.say(f"export {model}")
    with log.open("wb") as noise:
        process = spawn(argv, noise, ROOT, environment, stdin=subprocess.PIPE)
        try:
            failed, broken = _follow(process.stdout or (), model, show, [] if made is None else made)
            status = process.wait()
        finally:
            terminate(process)
    kind = UsageError if status == BAD_FOLDER else BakeoffError
    if broken is not None:
        raise kind(f"exporting {model} failed: {broken}")
    if status == BAD_FOLDER or (status != 0 and not failed):
        raise kind(f"exporting {model} failed (whole log: {log}):\n{log_end(log)}")
    return failed if status else []


def _follow(lines: Iterable[bytes], model: str, show: Show, made: list[str]) -> tuple[list[str], str | None]:
    """Show what an export says; return a line for each format that failed, and why the model as a whole did."""
    failed: list[str] = []
    broken = None
    for line in lines:
        event = json.loads(line)
        what = f"{model} {event['format']}" if event.get("format") else model
        if event["event"] == "start":
            show.say(f"export {what}")
        elif event["event"] == "done":
            size = f", {event['size_bytes']:,} bytes" if event.get("size_bytes") else ""
            show.note(f"exported {what} in {event['seconds']:.1f} s{size}")
            if event.get("format"):
                made.append(event["format"])
        elif event["event"] == "failed":
            if not event.get("format"):  # the model as a whole: what stands there from before is not this model
                broken = event["message"]
                continue
            failed.append(f"export of {what} failed: {event['message']}")
            show.note(failed[-1])
    return failed, broken
