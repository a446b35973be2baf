"""results.json: writing, reading and its JSON schema."""

from __future__ import annotations

import fcntl
import json
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from bakeoff.errors import UsageError
from bakeoff.host.files import as_json, read_json, validated, write_atomic
from bakeoff.results.migrate import migrate
from bakeoff.results.recompute import summarize_report
from bakeoff.schema import Reason, Report

SCHEMA_VERSION = 2
NAME = "results.json"
LOCK = ".lock"
REASON_KEYS = {"code", "values", "cause"}
TRIAL_ID = re.compile(r"\w[\w@.-]{0,240}")


Words = Callable[[Reason], str]
"""Says a reason in words."""


def write_results(folder: Path, report: Report, words: Words) -> None:
    """Write results.json atomically, each reason with its words beside its code."""
    write_atomic(folder / NAME, told(report, words))


def told(value: object, words: Words) -> str:
    """Return dataclasses, mappings and sequences as JSON in which reasons have their words, as `text`."""
    content = json.loads(as_json(value))
    _add_words(content, words)
    return as_json(content)


def _add_words(content: Any, words: Words) -> None:
    if isinstance(content, list):
        for item in content:
            _add_words(item, words)
    elif isinstance(content, dict):
        for item in content.values():
            _add_words(item, words)
        if content.keys() == REASON_KEYS:
            content["text"] = words(_reason_of(content))


def _reason_of(content: dict[str, Any]) -> Reason:
    cause = content["cause"]
    return Reason(content["code"], content["values"], _reason_of(cause) if cause else None)


def read_results(folder: Path) -> Report:
    """Read results.json; raise UsageError where it is missing, broken or of another schema version."""
    path = folder / NAME
    content = read_json(path)
    version = content.get("schema_version") if isinstance(content, dict) else None
    if isinstance(version, int) and version > SCHEMA_VERSION:
        says = f"is {version}, of a later bakeoff; this one reads 1 to {SCHEMA_VERSION}"
        raise UsageError(f"{path}: schema_version: {says}")
    if version not in (1, SCHEMA_VERSION):
        raise UsageError(f"{path}: schema_version: is {version!r}; allowed: 1 to {SCHEMA_VERSION}")
    report = _migrated(path, content) if version == 1 else validated(Report, content, path)
    _check_trials(path, report)
    return report


def _migrated(path: Path, content: dict[str, Any]) -> Report:
    """Return a report of schema 1, summarised anew by the trials that count today."""
    try:
        report = validated(Report, migrate(content), path)
        return summarize_report(report, report.measurements, report.reference)
    except (AttributeError, KeyError, TypeError, ValueError, ArithmeticError) as error:
        raise UsageError(f"{path}: is no results.json of schema 1: {error!r}") from None


def _check_trials(path: Path, report: Report) -> None:
    """Raise UsageError where a trial's id can't be its file's name in samples/: anybody may have written it."""
    for at, measurement in enumerate(report.measurements):
        if not TRIAL_ID.fullmatch(measurement.trial_id):
            where = f"{path}: measurements.{at}.trial_id"
            raise UsageError(f"{where}: is {measurement.trial_id[:100]!r}; allowed: letters, digits, @ . _ and -")


def refuse_used(folder: Path) -> None:
    """Raise UsageError where a folder already holds a run."""
    if (folder / NAME).exists():
        raise UsageError(
            f"{folder} already holds a run; go on with it by --resume {folder}, or name another folder with --out"
        )


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Keep other runs out of a folder; raise UsageError where one is writing into it. A killed one holds no lock."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / LOCK).open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise UsageError(f"{folder}: another run is writing into it") from None
        yield
        (folder / LOCK).unlink(missing_ok=True)


def json_schema() -> dict[str, Any]:
    """Return the JSON schema of results.json; docs/results.schema.json is this, kept by a test."""
    schema = TypeAdapter(Report).json_schema(mode="serialization")
    schema["$defs"]["Reason"]["properties"]["text"] = {"title": "Text", "type": "string"}
    return schema | {"$schema": "https://json-schema.org/draft/2020-12/schema"}


def schema_text() -> str:
    """Return the schema as docs/results.schema.json holds it."""
    return json.dumps(json_schema(), indent=1, sort_keys=True) + "\n"


if __name__ == "__main__":
    sys.stdout.write(schema_text())
