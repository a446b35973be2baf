"""What the programs that time an engine share: their command line, golden inputs one at a time, and a clock."""

from __future__ import annotations

import argparse
import importlib
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from bakeoff.schema.engines import BY_MODULE

if TYPE_CHECKING:
    from bakeoff.schema import Model
    from engines.engine import Arrays, Engine


def parse_arguments(description: str | None) -> argparse.Namespace:
    """Parse the command line: an artifact, and the engine that computes it."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--engine", required=True, choices=sorted(BY_MODULE), help="a module of engines/")
    parser.add_argument("--model-dir", type=Path, required=True, help="artifacts/MODEL")
    parser.add_argument("--format", required=True, help="folder below it")
    parser.add_argument("--threads", type=int, required=True, help="threads of one prediction")
    return parser.parse_args()


def import_engine(module: str) -> Engine:
    """Import engines/MODULE.py, and with it the framework that it is made on."""
    return cast("Engine", importlib.import_module(f"engines.{module}"))


def find_artifact(folder: Path) -> Path:
    """Return what is deployed of artifacts/MODEL/FORMAT: the file or folder that its manifest names."""
    manifest: dict[str, Any] = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    return folder / str(manifest["file"])


def golden_rows(file: Path, source: str, names: list[str], length: int | None) -> list[Arrays]:
    """Return the golden arrays of a source ("input", "torch") and length by name, each as a batch of one."""
    end = "" if length is None else f"@{length}"
    with np.load(file, allow_pickle=False) as golden:
        stacked = {name: golden[f"{source}:{name}{end}"] for name in names}
    count = min(len(array) for array in stacked.values())
    return [{name: np.ascontiguousarray(array[i : i + 1]) for name, array in stacked.items()} for i in range(count)]


def input_rows(file: Path, model: Model) -> list[Arrays]:
    """Return the golden inputs, each as a batch of one; of a model with lengths these take turns."""
    names = [spec.name for spec in model.inputs]
    of_lengths = [golden_rows(file, "input", names, length) for length in model.lengths or (None,)]
    return [row for rows in zip(*of_lengths, strict=False) for row in rows]


def time_calls(predict: Callable[[Arrays], object], rows: list[Arrays], least_ns: int, least_calls: int) -> list[int]:
    """Return what each call took in ns, for so many ns and at least so many calls."""
    taken: list[int] = []
    end_ns = time.perf_counter_ns() + least_ns
    while len(taken) < least_calls or time.perf_counter_ns() < end_ns:
        row = rows[len(taken) % len(rows)]
        start_ns = time.perf_counter_ns()
        predict(row)
        taken.append(time.perf_counter_ns() - start_ns)
    return taken
