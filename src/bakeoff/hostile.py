"""What a results.json may say, since anybody may have written it: names that stay names, and never lead elsewhere."""

from __future__ import annotations

import re
from pathlib import Path

from bakeoff.errors import UsageError
from bakeoff.types import Report

NAME = re.compile(r"\w[\w@.-]{0,200}")
"""A model, target, format, workload or endpoint, and a trial's id, which is a file's name in samples/."""
NAMES = ("trial_id", "endpoint", "model", "target", "format", "workload", "wire")


def check_names(path: Path, report: Report) -> None:
    """Raise UsageError naming the file and the key where a name of a report could be a path, markup or an option."""
    lists = {
        "models": (report.models, ("name",)),
        "targets": (report.targets, ("name",)),
        "artifacts": (report.artifacts, ("model", "format")),
        "measurements": (report.measurements, NAMES),
    }
    for key, (items, fields) in lists.items():
        for at, item in enumerate(items):
            for field in fields:
                check_name(f"{path}: {key}.{at}.{field}", getattr(item, field))


def check_name(where: str, name: str) -> None:
    """Raise UsageError where a name is none."""
    if not NAME.fullmatch(name):
        raise UsageError(f"{where}: is {name[:100]!r}; allowed: letters, digits, @ . _ - (200 at most)")
