"""Export a model to every format, and prove that each computes what PyTorch computes.

    PYTHONPATH=src:. python models/export.py --model-folder models/zoo/digits_cnn --out artifacts
        [--format F ...] [--skip F ...] [--environment NAME] [--weights FILE] [--force]

A model folder may lie anywhere; its name (letters, digits, _ and -) is the model's. It holds a `model.py` with

    build(weights: Path | None = None) -> nn.Module      in evaluation mode; takes the inputs in the order of INPUTS;
                                                         returns a tensor, a tuple or list of tensors in the order of
                                                         OUTPUTS, or a dict with OUTPUTS as keys
    INPUTS = [{"name": "tokens", "dtype": "int64", "shape": [None, [2, 128]], "range": [0, 999]}]
                                                         a dimension: a number (fixed), None (free) or [low, high] (free
                                                         within these bounds, inclusive); the first is the batch: None
                                                         or [1, high]. range, optional: of the values, inclusive
    OUTPUTS = ["logits"]                                 names; dtypes and shapes are found by running the network
    LENGTHS = [8, 32, 128]                               only where an input has a free dimension beyond the batch: the
                                                         lengths that everything is proved, calibrated and loaded at
    samples(n: int, seed: int) -> dict[str, ndarray]     n inputs by name, stacked on axis 0, always the same for a
                                                         seed; with LENGTHS: samples(n, seed, length)
    ATOL, RTOL                                           how far an exact format may be from PyTorch
    VARIATION = 100                                      optional: by how many tolerances outputs vary over the samples
    UNTRAINED = True                                     optional: build() without a file draws weights at random, so
                                                         that errors and top-1 are no trained network's: reports say it
    evaluate(predict) -> {"accuracy": float, "samples": int}     optional; calls predict(arrays by input name), which
                                                         gives arrays by output name, in batches

and beside it, if it likes, its weights. It may not import modules of its own folder.

Writes OUT/MODEL/{model.json, golden.npz, missing.json, FORMAT/...}; what is up to date is skipped. missing.json tells
of each format that could not be made, or failed when it was run at several batches and lengths, why. Tells its progress
on stdout, one JSON object a line: {"event": "start" | "done" | "skip" | "failed", "model", "format" (null: the model as
a whole), "seconds", "size_bytes", "message"}.
A format with a requirements.txt of its own (models/executorch/) is made by a second call, in the environment of that
file and with --environment executorch; the first call, without, leaves it out and writes model.json and golden.npz.
Exit status: 0 everything needed is there; 1 the model fails, or a format that was named or that targets serve by
default (torchscript, savedmodel, tflite-fp32); 2 bad usage, or a model folder that doesn't keep the contract.
"""

from __future__ import annotations

import argparse
import errno
import fcntl
import json
import os
import re
import shutil
import sys
import time
import warnings
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import artifact_tree as tree
from contract import ModelFolderError
from planning import Emit, Export, forget_elsewhere, is_described, plan
from sources import HF, Source, environment_of, find_source, format_names
from user_code import ModelError, brief, causes

if TYPE_CHECKING:
    from parity import Reference
    from zoo_model import ZooModel

SOURCE_HELP = (
    "folder with a model.py, or hf: with a folder that Hugging Face's save_pretrained() wrote, or a hub's name"
)
WEIGHTS_HELP = "a state dict to use in place of the model's own weights; kept until --force is given without it"


def main() -> int:
    arguments = parse_arguments()
    source: Source = arguments.source
    emit = quiet_stdout(source.name)
    folder = arguments.out / source.name
    try:
        return export_into(folder, arguments, emit)
    except (ModelError, ModelFolderError) as error:
        emit("failed", None, message=str(error))
        return 2 if isinstance(error, ModelFolderError) else 1
    except OSError as error:
        emit("failed", None, message=f"no space is left for {folder}" if disk_is_full(error) else str(error))
        return 1


def export_into(folder: Path, arguments: argparse.Namespace, emit: Emit) -> int:
    """Export into artifacts/MODEL; return the exit status.

    Raises ModelFolderError, ModelError, and OSError where the disk is full.
    """
    source: Source = arguments.source
    if source.is_pretrained and not source.folder.is_dir():
        from hf.pretrained import fetch

        arguments.source = replace(source, folder=fetch(str(source.folder)))
    folder.mkdir(parents=True, exist_ok=True)
    if arguments.weights is None and not arguments.force:
        arguments.weights = weights_of(folder)
        if arguments.weights is not None and not arguments.weights.is_file():
            gone = f"{arguments.weights}, whose weights {folder} holds, is gone: name a file with --weights"
            raise ModelFolderError(f"{gone}, or return to the model's own with --force")
    with (folder / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # two exports into one folder would mix their files
        return run(plan(arguments, folder, emit), emit)


def parse_arguments() -> argparse.Namespace:
    own_environments = [name for name in format_names() if environment_of(name)]
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model-folder", dest="source", type=find_source, required=True, help=SOURCE_HELP)
    parser.add_argument("--out", type=Path, default=Path("artifacts"))
    parser.add_argument("--format", nargs="+", action="extend", choices=format_names(), help="default: all")
    parser.add_argument("--skip", nargs="+", action="extend", choices=format_names(), default=[], help="of all not F")
    parser.add_argument("--environment", choices=own_environments, help="the format whose own environment this is")
    parser.add_argument("--weights", type=Path, help=WEIGHTS_HELP)
    parser.add_argument("--force", action="store_true", help="export again what is up to date")
    arguments = parser.parse_args()
    source: Source = arguments.source
    if not source.is_pretrained and not (source.folder / "model.py").is_file():
        parser.error(f"--model-folder {source.folder}: no model.py in there")
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]*", source.name):
        parser.error(f"--model-folder: a model's name may hold letters, digits, _ and -; rename {source.folder}")
    if source.is_pretrained and arguments.weights:
        parser.error(f"--weights: {HF} models have their own; save others with save_pretrained() and name that folder")
    if arguments.weights and not arguments.weights.is_file():
        parser.error(f"--weights {arguments.weights}: no such file")
    return arguments


def weights_of(folder: Path) -> Path | None:
    """Return the weights file of the last export, which stands until another is named or --force returns to none."""
    recorded = tree.read_table(folder / tree.MODEL).get("weights")
    return Path(recorded) if recorded else None


def quiet_stdout(model_name: str) -> Emit:
    """Keep stdout for events: whatever the frameworks print, from C++ too, goes to stderr."""
    events = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    warnings.simplefilter("ignore")  # torch.jit's and torch.export's deprecations: known, and not the user's to act on

    def emit(event: str, format_name: str | None, **details: Any) -> None:
        record = {"event": event, "model": model_name, "format": format_name}
        record |= {"seconds": None, "size_bytes": None, "message": None} | details
        events.write(json.dumps(record) + "\n")
        events.flush()

    return emit


def run(export: Export, emit: Emit) -> int:
    """Make what has to be made; return the exit status."""
    if export.stale or (export.environment is None and not is_described(export)):
        make(export, emit)
    return 1 if export.required.intersection(export.failed) else 0


def make(export: Export, emit: Emit) -> None:
    """Make the stale formats, then the files that speak of all of them."""
    # Here and not above, since skipping must not wait for PyTorch.
    from exporting import partial_folder, write_golden, write_model
    from parity import make_references
    from zoo_model import check_variation, load_model, load_pretrained

    source = export.source
    model = (
        load_pretrained(source.folder, source.name)
        if source.is_pretrained
        else load_model(source.folder, export.weights)
    )
    references = make_references(model)
    for reference in references:
        check_variation(model, reference.outputs)
    if export.environment is None:
        # From here until it is written again it would speak of other artifacts.
        (export.folder / tree.GOLDEN).unlink(missing_ok=True)
        write_model(model, export.model_sha256, export.weights, export.folder)
        forget_elsewhere(export)
    with partial_folder(export.folder) as partial:
        for name in export.stale:
            make_format(export, name, model, references, partial, emit)
    if export.environment is None:
        write_golden(model, references, export.folder)


def make_format(
    export: Export, name: str, model: ZooModel, references: list[Reference], partial: Path, emit: Emit
) -> None:
    """Make one artifact and put it in its place; a failure is told and stops no other format.

    Raises OSError where the disk is full.
    """
    from aten_to_tf.errors import ConversionError
    from exporting import FormatError, export_format
    from parity import ParityError

    emit("start", name)
    started = time.monotonic()
    new = partial / name
    try:
        new.mkdir()
        made = export_format(model, references, name, new)
        identity = {"schema_version": tree.SCHEMA_VERSION, "model": model.name, "model_sha256": export.model_sha256}
        identity |= {"format": name, "inputs_sha256": export.inputs_sha256(name)}
        tree.write_json(new / tree.MANIFEST, identity | made)
    except (ConversionError, ParityError, FormatError, ModelError, OSError) as error:
        note_missing(export, name, error, model.code.placed(brief(error), error))
        emit("failed", name, seconds=_since(started), message=export.failed[name])
    else:
        tree.replace_folder(new, export.folder / name)
        tree.write_entry(export.folder / tree.MISSING, name, None)
        emit("done", name, seconds=_since(started), size_bytes=made["size_bytes"])


def note_missing(export: Export, name: str, error: Exception, reason: str) -> None:
    """Write down why a format could not be made; what stood there from before must not stand as if it were current.

    Raises OSError where it is the disk that is full: nothing is wrong with the format then.
    """
    from exporting import PackageMissing

    if disk_is_full(error):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)) from error
    if (export.folder / name).exists():
        shutil.rmtree(export.folder / name)
    export.failed[name] = reason
    entry = {"reason": reason, "op": getattr(error, "op", None)}
    if isinstance(error, PackageMissing):
        entry |= {"package": error.package, "python": error.python}
    tree.write_entry(export.folder / tree.MISSING, name, entry)
    # A file that could not be written may be writable next time, and a package be there.
    is_final = not isinstance(error, (OSError, PackageMissing))
    tree.write_entry(export.folder / tree.TRIED, name, export.inputs_sha256(name) if is_final else None)


def disk_is_full(error: Exception) -> bool:
    """Tell whether that is what an error, or what caused it, speaks of; frameworks have only words for it."""
    words = [os.strerror(code) for code in (errno.ENOSPC, errno.EDQUOT)]
    return any(word in str(link) for link in causes(error) for word in words)


def _since(started: float) -> float:
    return round(time.monotonic() - started, 3)


if __name__ == "__main__":
    sys.exit(main())
