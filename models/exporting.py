"""Make one artifact, checked; and the files that speak of all artifacts of a model."""

from __future__ import annotations

import importlib
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from types import ModuleType
from typing import Any

import artifact_tree as tree
import numpy as np
from aten_to_tf.errors import ConversionError
from fidelity import describe_fidelity
from parity import Reference, check_parity
from sources import environment_of, format_names, module_name
from user_code import ModelError
from weighing import weigh
from zoo_model import Predict, ZooModel

from bakeoff.schema import EXACT_FORMATS
from bakeoff.schema.engines import BY_MODULE
from bakeoff.schema.formats import BY_NAME
from bakeoff.schema.model import model_from
from engines.engine import predict_by


class FormatError(Exception):
    """A framework that could not make or load a format."""


class PackageMissing(FormatError):
    """A framework that has no wheel for this Python; another Python may have it."""

    def __init__(self, package: str) -> None:
        self.package, self.python = package, f"{sys.version_info.major}.{sys.version_info.minor}"
        super().__init__(f"{package} is not installed: it has no wheels for Python {self.python}")


def load_format(name: str) -> ModuleType:
    """Import a format: export(model, folder, scratch), MAIN_FILE, PACKAGES. Raises PackageMissing."""
    try:
        return importlib.import_module(module_name(name))
    except ModuleNotFoundError as error:
        raise PackageMissing(str(error.name)) from error


def load_artifact(model: ZooModel, name: str, folder: Path) -> Predict:
    """Load an artifact of a format into the engine that proves it."""
    engine = importlib.import_module(f"engines.{BY_NAME[name].engines[0]}")
    return engine.load(folder / load_format(name).MAIN_FILE, model_from(model.description), threads=0)


@contextmanager
def partial_folder(parent: Path) -> Iterator[Path]:
    """Give a folder beside the artifacts' final places that is gone afterwards."""
    for left_over in parent.glob(".partial-*"):  # of an export that was killed
        shutil.rmtree(left_over)
    with tempfile.TemporaryDirectory(prefix=".partial-", dir=parent, ignore_cleanup_errors=True) as folder:
        yield Path(folder)


def export_format(model: ZooModel, references: Sequence[Reference], name: str, folder: Path) -> dict[str, Any]:
    """Write an artifact into a folder and check it; returns the manifest but for what identifies its sources.

    Beside the folder lies `.scratch`, for what formats share. Raises ParityError where the artifact does not hold up,
    ModelError where the user's code fails, FormatError for whatever else its framework raises.
    """
    exporter = load_format(name)
    scratch = folder.parent / ".scratch"
    scratch.mkdir(exist_ok=True)
    started = time.monotonic()
    try:
        exporter.export(model, folder, scratch)
        export_seconds = time.monotonic() - started
        predict = load_artifact(model, name, folder)
    except (ModelError, ConversionError, OSError):
        raise
    except Exception as error:  # each framework has its own
        raise FormatError(model.code.explain(error)) from error
    package = getattr(exporter, "PACKAGE", None)
    runtime = BY_MODULE[BY_NAME[name].engines[0]].name
    return {
        **tree.describe_files(folder, exporter.MAIN_FILE),
        **weigh(name, folder / exporter.MAIN_FILE),
        **({"package": package.format(model=model.name)} if package else {}),
        "versions": {name: version(name) for name in exporter.PACKAGES},
        "parity": check_parity(model, references, predict, runtime, name in EXACT_FORMATS),
        "fidelity": describe_fidelity((r.outputs, predict_by(predict, r.inputs, batch=1)) for r in references),
        "accuracy": model.evaluate(predict)["accuracy"] if model.evaluate else None,
        "export_seconds": round(export_seconds, 3),
    }


def write_model(model: ZooModel, model_sha256: str, weights: Path | None, folder: Path) -> None:
    """Write model.json, with the accuracy of PyTorch itself and the file that its weights came from, if any."""
    measured = model.evaluate(model.predict) if model.evaluate else {"accuracy": None, "samples": None}
    description = {
        "schema_version": tree.SCHEMA_VERSION,
        **model.description,
        "sha256": model_sha256,
        "parameters": sum(parameter.numel() for parameter in model.network.parameters()),
        "accuracy": measured["accuracy"],
        "accuracy_samples": measured["samples"],
        "weights": str(weights.resolve()) if weights else None,
        "untrained": model.contract.untrained and weights is None,
    }
    tree.write_json(folder / tree.MODEL, description)


def write_golden(model: ZooModel, references: Sequence[Reference], folder: Path) -> None:
    """Write inputs, PyTorch's outputs, and those of every artifact that is there, sample by sample; and the canary.

    Of a model with lengths each key has @LENGTH behind it. What has an environment of its own can't be run in this one,
    and is not served: it isn't in there.
    """
    runnable = [name for name in format_names() if environment_of(name) is None]
    there = [name for name in runnable if tree.read_table(folder / name / tree.MANIFEST)]
    predictors = {name: load_artifact(model, name, folder / name) for name in there}
    arrays: dict[str, np.ndarray] = {}
    for reference in references:
        sources = {"input": reference.inputs, "torch": reference.outputs}
        sources |= {name: predict_by(predict, reference.inputs, batch=1) for name, predict in predictors.items()}
        behind = "" if reference.length is None else f"@{reference.length}"
        arrays |= {f"{source}:{name}{behind}": array for source, of in sources.items() for name, array in of.items()}
    row = {name: array[0].tolist() for name, array in references[0].inputs.items()}
    tree.write_json(folder / tree.CANARY, {"instances": [row if len(row) > 1 else next(iter(row.values()))]})
    tree.write_arrays(folder / tree.GOLDEN, arrays)
