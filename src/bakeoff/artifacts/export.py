"""Exporting: runs models/export.py in its own environment and follows what it says."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from bakeoff.artifacts.provenance import record_artifact, record_source, require_own
from bakeoff.errors import BakeoffError, UsageError, reason_of
from bakeoff.host.catalog import ModelSource, find_model
from bakeoff.host.files import ARTIFACTS, ROOT, STATE, as_json, read_json, write_atomic
from bakeoff.host.processes import child_environment, confined, log_end, spawn, terminate
from bakeoff.host.progress import Show
from bakeoff.host.venvs import ensure_venv
from bakeoff.schema import FORMATS, UNSERVED_FORMATS

REQUIREMENTS = ROOT / "models" / "requirements.txt"
HF_REQUIREMENTS = REQUIREMENTS.with_name("requirements-hf.txt")
"""What hf: models need on top."""
BAD_FOLDER = 2
"""The export's exit status where the model's folder doesn't keep the contract, or the arguments aren't right."""
REMEDY = "Linux or macOS, a package index within reach and 2 GB of disk, then scripts/bakeoff export --format "


@dataclass(frozen=True, slots=True)
class ExportOptions:
    """Which formats (none: all but those to skip), weights from a file, and whether to export what is up to date.

    `trust`: artifacts that are up to date, but that this checkout's export didn't write, are taken too.
    """

    formats: tuple[str, ...] = ()
    weights: Path | None = None
    force: bool = False
    skip: tuple[str, ...] = UNSERVED_FORMATS
    trust: bool = False

    @property
    def apart(self) -> tuple[str, ...]:
        """The formats among them that are made in an environment of their own."""
        wanted = self.formats or tuple(format for format in FORMATS if format not in self.skip)
        return tuple(format for format in wanted if own_requirements(format).exists())


def export_model(model: str, options: ExportOptions, show: Show) -> tuple[Path, list[str]]:
    """Export a model (find_model tells which); return its artifacts' folder and a line for each format that failed.

    Raises BakeoffError with the end of the log when the export as a whole fails, UsageError for a bad model folder.
    """
    found = find_model(model)
    source = source_of(found)
    told = [str(ROOT / "models" / "export.py"), "--model-folder", source, "--out"]
    told += [str(ARTIFACTS), *export_arguments(options)]
    told += ["--weights", str(options.weights.resolve())] if options.weights else []
    extras = () if found.folder else (HF_REQUIREMENTS,)
    python = ensure_venv(REQUIREMENTS, *extras, say=show.say)
    failed = _export_here([str(python), *told], found.name, show)
    for format in options.apart:
        failed += _export_apart(format, found, told, options, show)
    record_source(source)
    if not options.trust:
        require_own(ARTIFACTS / found.name)
    return ARTIFACTS / found.name, failed


def environments_of(model: str, options: ExportOptions) -> list[tuple[Path, ...]]:
    """Return the requirement files of each environment that exporting a model takes."""
    extras = () if find_model(model).folder else (HF_REQUIREMENTS,)
    return [(REQUIREMENTS, *extras), *((own_requirements(format), *extras) for format in options.apart)]


def _export_here(argv: list[str], model: str, show: Show) -> list[str]:
    """Run one export on this machine, and write down that what it made is our own."""
    made = list[str]()
    try:
        return follow_export(confined(argv), model, child_environment(), show, made)
    finally:
        for format in made:
            record_artifact(ARTIFACTS / model / format)


def source_of(model: ModelSource) -> str:
    """Return what a model is exported from; raise UsageError where only its artifacts are here."""
    if model.source is None:
        raise UsageError(f"{model.name} is no model of the zoo: give the path of the folder that holds its model.py")
    return model.source


def _export_apart(format: str, model: ModelSource, told: list[str], options: ExportOptions, show: Show) -> list[str]:
    """Export to a format in its own environment; where that can't be made, the format is missing, with the reason."""
    extras = () if model.folder else (HF_REQUIREMENTS,)
    try:
        python = ensure_venv(own_requirements(format), *extras, say=show.say)
    except BakeoffError as error:
        why = " ".join(str(value) for value in reason_of(error).values.values()).splitlines()[-1].strip()
        what = own_requirements(format).relative_to(ROOT)
        reason = f"{what} can't be installed here ({why}). Remedy: {REMEDY}{format}"
        note_missing(ARTIFACTS / model.name, format, reason)
        line = f"export of {model.name} {format} failed: {reason}"
        show.note(line)
        return [line] if format in options.formats else []
    return _export_here([str(python), *told, "--environment", format], model.name, show)


def own_requirements(format: str) -> Path:
    """Return the requirements of a format's own environment; there is no such file where it has none."""
    return ROOT / "models" / format / "requirements.txt"


def note_missing(folder: Path, format: str, reason: str) -> None:
    """Write down in a model's missing.json why a format isn't there, and remove what stands there from before."""
    path = folder / "missing.json"
    table = read_json(path) if path.exists() else {}
    shutil.rmtree(folder / format, ignore_errors=True)
    write_atomic(path, as_json({**table, format: {"reason": reason, "op": None}}))


def export_arguments(options: ExportOptions) -> list[str]:
    """Return what export.py is told beyond where the model is."""
    words = [word for format in options.formats for word in ("--format", format)]
    if not options.formats:
        words += [word for format in options.skip for word in ("--skip", format)]
    return words + ["--force"] * options.force


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
        raise kind(f"exporting {model} ended with status {status} (whole log: {log}):\n{log_end(log)}")
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
