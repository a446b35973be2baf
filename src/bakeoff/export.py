"""Exporting: runs models/export.py in its own environment and follows what it says."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from bakeoff.catalog import ZOO
from bakeoff.errors import BakeoffError
from bakeoff.files import ARTIFACTS, ROOT, STATE
from bakeoff.processes import child_environment, confined, log_end, spawn, terminate
from bakeoff.show import Show
from bakeoff.venvs import ensure_venv

REQUIREMENTS = ROOT / "models" / "requirements.txt"


@dataclass(frozen=True, slots=True)
class ExportOptions:
    """Which formats (none: all), weights from a file, and whether to export what is up to date."""

    formats: tuple[str, ...] = ()
    weights: Path | None = None
    force: bool = False


def export_model(model: str, options: ExportOptions, show: Show) -> tuple[Path, list[str]]:
    """Export a zoo model; return its artifacts' folder and one line for each format that failed.

    Raises BakeoffError with the end of the log when the export as a whole fails.
    """
    python = ensure_venv(REQUIREMENTS, say=show.say)
    argv = [str(python), str(ROOT / "models" / "export.py"), "--model-folder", str(ZOO / model), "--out"]
    argv += [str(ARTIFACTS), *export_arguments(options)]
    argv += ["--weights", str(options.weights.resolve())] if options.weights else []
    return ARTIFACTS / model, follow_export(confined(argv), model, child_environment(), show)


def export_arguments(options: ExportOptions) -> list[str]:
    """Return what export.py is told beyond where the model is."""
    return [word for format in options.formats for word in ("--format", format)] + ["--force"] * options.force


def follow_export(argv: list[str], model: str, environment: Mapping[str, str], show: Show) -> list[str]:
    """Run an export to its end; return one line for each format that failed."""
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
    return failed


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
