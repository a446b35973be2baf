"""Make one artifact, checked; and the files that speak of all artifacts of a model."""

from __future__ import annotations

import importlib
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

import artifact_tree as tree
import numpy as np
from parity import Reference, check_parity, predict_by
from sources import environment_of, format_names, module_name
from zoo_model import ZooModel


def load_format(name: str) -> ModuleType:
    """Import a format: export(model, folder, scratch), load(model, folder), MAIN_FILE, RUNTIME, PACKAGES, IS_EXACT."""
    return importlib.import_module(module_name(name))


@contextmanager
def partial_folder(parent: Path) -> Iterator[Path]:
    """Give a folder beside its final place that is gone afterwards, unless it was moved there."""
    for left_over in parent.glob(".partial-*"):  # of an export that was killed
        shutil.rmtree(left_over)
    folder = Path(tempfile.mkdtemp(prefix=".partial-", dir=parent))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def export_format(model: ZooModel, reference: Reference, name: str, folder: Path) -> dict[str, Any]:
    """Write an artifact into a folder and check it; returns the manifest but for what identifies its sources.

    Beside the folder lies `.scratch`, for what formats share. Raises ParityError where an exact format is not exact.
    """
    exporter = load_format(name)
    scratch = folder.parent / ".scratch"
    scratch.mkdir(exist_ok=True)
    started = time.monotonic()
    exporter.export(model, folder, scratch)
    export_seconds = time.monotonic() - started
    predict = exporter.load(model, folder)
    package = getattr(exporter, "PACKAGE", None)
    return {
        **tree.describe_files(folder, exporter.MAIN_FILE),
        **({"package": package.format(model=model.name)} if package else {}),
        "versions": tree.package_versions(exporter.PACKAGES),
        "parity": check_parity(model, reference, predict, exporter.RUNTIME, exporter.IS_EXACT),
        "accuracy": model.evaluate(predict)["accuracy"] if model.evaluate else None,
        "export_seconds": round(export_seconds, 3),
    }


def write_model(model: ZooModel, model_sha256: str, weights: Path | None, folder: Path) -> None:
    """Write model.json, with the accuracy of PyTorch itself and the file that its weights came from, if any."""
    measured = model.evaluate(model.predict) if model.evaluate else {"accuracy": None, "samples": None}
    description = {
        "schema_version": tree.SCHEMA_VERSION,
        "name": model.name,
        "sha256": model_sha256,
        "inputs": model.inputs,
        "outputs": model.outputs,
        "atol": model.atol,
        "rtol": model.rtol,
        "parameters": sum(parameter.numel() for parameter in model.network.parameters()),
        "accuracy": measured["accuracy"],
        "accuracy_samples": measured["samples"],
        "weights": str(weights.resolve()) if weights else None,
    }
    tree.write_json(folder / tree.MODEL, description)


def write_golden(model: ZooModel, reference: Reference, folder: Path) -> None:
    """Write inputs, PyTorch's outputs, and those of every artifact that is there, sample by sample; and the canary.

    What has an environment of its own can't be run in this one, and is not served: it isn't in there.
    """
    arrays: dict[str, np.ndarray] = {f"input:{name}": array for name, array in reference.inputs.items()}
    arrays |= {f"torch:{name}": array for name, array in reference.outputs.items()}
    for name in format_names():
        if environment_of(name) is None and tree.read_manifest(folder / name) is not None:
            predict = load_format(name).load(model, folder / name)
            outputs = predict_by(predict, reference.inputs, batch=1)
            arrays |= {f"{name}:{output}": outputs[output] for output in reference.outputs}
    row = {name: array[0].tolist() for name, array in reference.inputs.items()}
    tree.write_json(folder / tree.CANARY, {"instances": [row if len(row) > 1 else next(iter(row.values()))]})
    tree.write_arrays(folder / tree.GOLDEN, arrays)
