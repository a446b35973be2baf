"""Exporting: runs models/export.py in its own environment and follows what it says."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from bakeoff.catalog import ZOO
from bakeoff.errors import BakeoffError
from bakeoff.files import ARTIFACTS, ROOT, STATE, as_json, read_json, write_atomic
from bakeoff.processes import child_environment, confined, log_end, spawn, terminate
from bakeoff.show import Show
from bakeoff.types import EDGE_FORMATS, FORMATS
from bakeoff.venvs import ensure_venv

REQUIREMENTS = ROOT / "models" / "requirements.txt"
REMEDY = "Linux or macOS, a package index within reach and 2 GB of disk, then scripts/bakeoff export --format "


@dataclass(frozen=True, slots=True)
class ExportOptions:
    """Which formats (none: all but those to skip), weights from a file, and whether to export what is up to date."""

    formats: tuple[str, ...] = ()
    weights: Path | None = None
    force: bool = False
    skip: tuple[str, ...] = EDGE_FORMATS

    @property
    def apart(self) -> tuple[str, ...]:
        """The formats among them that are made in an environment of their own."""
        wanted = self.formats or tuple(format for format in FORMATS if format not in self.skip)
        return tuple(format for format in wanted if own_requirements(format).exists())


def export_model(model: str, options: ExportOptions, show: Show) -> tuple[Path, list[str]]:
    """Export a zoo model; return its artifacts' folder and one line for each format that failed.

    Raises BakeoffError with the end of the log when the export as a whole fails.
    """
    told = [str(ROOT / "models" / "export.py"), "--model-folder", str(ZOO / model), "--out"]
    told += [str(ARTIFACTS), *export_arguments(options)]
    told += ["--weights", str(options.weights.resolve())] if options.weights else []
    python = ensure_venv(REQUIREMENTS, say=show.say)
    failed = follow_export(confined([str(python), *told]), model, child_environment(), show)
    for format in options.apart:
        failed += _export_apart(format, model, told, options, show)
    return ARTIFACTS / model, failed


def _export_apart(format: str, model: str, told: list[str], options: ExportOptions, show: Show) -> list[str]:
    """Export to a format in its own environment; where that can't be made, the format is missing, with the reason."""
    try:
        python = ensure_venv(own_requirements(format), say=show.say)
    except BakeoffError as error:
        why = str(error).splitlines()[-1].strip()
        what = own_requirements(format).relative_to(ROOT)
        reason = f"{what} can't be installed here ({why}). Remedy: {REMEDY}{format}"
        note_missing(ARTIFACTS / model, format, reason)
        line = f"export of {model} {format} failed: {reason}"
        show.note(line)
        return [line] if format in options.formats else []
    argv = confined([str(python), *told, "--environment", format])
    return follow_export(argv, model, child_environment(), show)


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


def follow_export(argv: list[str], model: str, environment: Mapping[str, str], show: Show) -> list[str]:
    """Run an export to its end; return a line for each format that failed, none where it could do without them."""
    log = STATE / "logs" / f"export-{model}.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    show.say(f"export {model}")
    with log.open("wb") as noise:
        process = spawn(argv, noise, ROOT, environment, stdin=subprocess.PIPE)
        try:
            failed = _follow(process.stdout or (), model, show)
            status = process.wait()
        finally:
            terminate(process)
    if status != 0 and not failed:
        raise BakeoffError(f"exporting {model} failed (whole log: {log}):\n{log_end(log)}")
    return failed if status else []


def _follow(lines: Iterable[bytes], model: str, show: Show) -> list[str]:
    failed = []
    for line in lines:
        event = json.loads(line)
        what = f"{model} {event['format']}" if event.get("format") else model
        if event["event"] == "start":
            show.say(f"export {what}")
        elif event["event"] == "done":
            size = f", {event['size_bytes']:,} bytes" if event.get("size_bytes") else ""
            show.note(f"exported {what} in {event['seconds']:.1f} s{size}")
        elif event["event"] == "failed":
            if not event.get("format"):  # the model as a whole: what stands there from before is not this model
                raise BakeoffError(f"exporting {model} failed: {event['message']}")
            failed.append(f"export of {what} failed: {event['message']}")
            show.note(failed[-1])
    return failed
