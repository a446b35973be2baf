"""Export a model to every format, and prove that each computes what PyTorch computes.

    python models/export.py --model-folder models/zoo/digits_cnn --out artifacts
        [--format F ...] [--skip F ...] [--environment NAME] [--weights FILE] [--force]

A model folder holds a `model.py` with

    build(weights: Path | None = None) -> nn.Module      in evaluation mode; takes the inputs in the order of INPUTS,
                                                         returns a tensor or a tuple of tensors in the order of OUTPUTS
    INPUTS = [{"name": "image", "dtype": "float32", "shape": [None, 1, 8, 8]}]    None is a free dimension, the first
                                                         is the batch
    OUTPUTS = ["logits"]                                 names; dtypes and shapes are found by running the network
    samples(n: int, seed: int) -> dict[str, ndarray]     n inputs by name, stacked on axis 0, always the same for a seed
    ATOL, RTOL                                           how far an exact format may be from PyTorch
    evaluate(predict) -> {"accuracy": float, "samples": int}     optional; calls predict(arrays by input name), which
                                                         gives arrays by output name, in batches

and beside it, if it likes, its weights. It may not import modules of its own folder.

Writes OUT/MODEL/{model.json, golden.npz, FORMAT/...}; what is up to date is skipped. Tells its progress on stdout, one
JSON object a line: {"event": "start" | "done" | "skip" | "failed", "model", "format" (null: the model as a whole),
"seconds", "size_bytes", "message"}.
A format with a requirements.txt of its own (models/executorch/) is made by a second call, in the environment of that
file and with --environment executorch; the first call, without, leaves it out and writes model.json and golden.npz.
Exit status: 0 everything asked for is there, 1 a format or the model failed, 2 bad usage.
"""

from __future__ import annotations

import argparse
import fcntl
import json
import os
import shutil
import sys
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import artifact_tree as tree
from sources import environment_of, exporter_files, format_names, hash_files, model_files

if TYPE_CHECKING:
    from parity import Reference
    from zoo_model import ZooModel

Emit = Callable[..., None]

WEIGHTS_HELP = "a state dict to use in place of the model's own weights; kept until --force is given without it"

FAILURES = (ImportError, OSError, RuntimeError, ValueError, TypeError, LookupError, AttributeError, NameError)
"""What a user's model or a framework raises; anything else is our own mistake and ends the program."""


@dataclass(frozen=True, slots=True)
class Export:
    """One export of one model: where from, where to, and which formats are to be made anew."""

    model_folder: Path
    weights: Path | None
    folder: Path
    model_sha256: str
    environment: str | None
    stale: list[str]

    def inputs_sha256(self, name: str) -> str:
        """Hash all that goes into an artifact: the model and the code that exports it."""
        return hash_files(exporter_files(name), seed=self.model_sha256)


def main() -> int:
    arguments = parse_arguments()
    emit = quiet_stdout(arguments.model_folder.resolve().name)
    folder = arguments.out / arguments.model_folder.resolve().name
    folder.mkdir(parents=True, exist_ok=True)
    if arguments.weights is None and not arguments.force:
        arguments.weights = weights_of(folder)
        if arguments.weights is not None and not arguments.weights.is_file():
            gone = f"{arguments.weights}, whose weights {folder} holds, is gone: name a file with --weights"
            emit("failed", None, message=f"{gone}, or return to the model's own with --force")
            return 1
    with (folder / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # two exports into one folder would mix their files
        return run(plan(arguments, folder, emit), emit)


def parse_arguments() -> argparse.Namespace:
    own_environments = [name for name in format_names() if environment_of(name)]
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model-folder", type=Path, required=True, help="folder with a model.py")
    parser.add_argument("--out", type=Path, default=Path("artifacts"))
    parser.add_argument("--format", nargs="+", action="extend", choices=format_names(), help="default: all")
    parser.add_argument(
        "--skip", nargs="+", action="extend", choices=format_names(), default=[], help="not these of all"
    )
    parser.add_argument("--environment", choices=own_environments, help="the format whose own environment this is")
    parser.add_argument("--weights", type=Path, help=WEIGHTS_HELP)
    parser.add_argument("--force", action="store_true", help="export again what is up to date")
    arguments = parser.parse_args()
    if not (arguments.model_folder / "model.py").is_file():
        parser.error(f"--model-folder {arguments.model_folder}: no model.py in there")
    if arguments.weights and not arguments.weights.is_file():
        parser.error(f"--weights {arguments.weights}: no such file")
    return arguments


def weights_of(folder: Path) -> Path | None:
    """Return the weights file of the last export, which stands until another is named or --force returns to none."""
    recorded = read_model(folder).get("weights")
    return Path(recorded) if recorded else None


def read_model(folder: Path) -> dict[str, Any]:
    """Read what the last export wrote of the model; empty where there was none."""
    file = folder / tree.MODEL
    return json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}


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


def plan(arguments: argparse.Namespace, folder: Path, emit: Emit) -> Export:
    """Find what has to be made, and tell what needn't."""
    model_sha256 = hash_files(model_files(arguments.model_folder, arguments.weights))
    export = Export(arguments.model_folder, arguments.weights, folder, model_sha256, arguments.environment, stale=[])
    everything = [name for name in format_names() if name not in arguments.skip]
    for name in format_names():
        asked = name in (arguments.format or everything)
        manifest = tree.read_manifest(folder / name)
        if environment_of(name) != arguments.environment:
            if arguments.environment is None and manifest and manifest["model_sha256"] != model_sha256:
                shutil.rmtree(folder / name)  # of another version of the model, and it can't be made here
            continue
        if manifest is None:
            is_stale = asked
        elif manifest["model_sha256"] != model_sha256 or not tree.is_complete(folder / name, manifest):
            is_stale = True  # asked for or not: one folder never mixes two versions of a model
        else:
            is_stale = asked and (arguments.force or manifest["inputs_sha256"] != export.inputs_sha256(name))
        if is_stale:
            export.stale.append(name)
        elif asked:
            emit("skip", name, size_bytes=manifest["size_bytes"], message="up to date")
    return export


def run(export: Export, emit: Emit) -> int:
    """Make the stale formats, then the files that speak of all of them; return the exit status."""
    golden = export.folder / tree.GOLDEN
    is_described = golden.exists() and read_model(export.folder).get("sha256") == export.model_sha256
    if not export.stale and (export.environment or is_described):
        return 0
    started = time.monotonic()
    # Here and not above, since skipping must not wait for PyTorch.
    from exporting import partial_folder, write_golden, write_model
    from parity import make_reference
    from zoo_model import ModelFolderError, check_variation, load_model

    try:
        model = load_model(export.model_folder, export.weights)
        reference = make_reference(model)
        check_variation(model, reference.outputs)
        if export.environment is None:
            golden.unlink(missing_ok=True)  # from here until it is written again it would speak of other artifacts
            write_model(model, export.model_sha256, export.weights, export.folder)
    except (ModelFolderError, *FAILURES) as error:
        emit("failed", None, seconds=_since(started), message=_message(error))
        return 1
    with partial_folder(export.folder) as partial:
        made = [make_format(export, name, model, reference, partial, emit) for name in export.stale]
    if export.environment is None:
        write_golden(model, reference, export.folder)
    return 0 if all(made) else 1


def make_format(export: Export, name: str, model: ZooModel, reference: Reference, partial: Path, emit: Emit) -> bool:
    """Make one artifact and put it in its place; a failure is told and stops no other format."""
    from aten_to_tf.errors import ConversionError
    from exporting import export_format
    from parity import ParityError

    emit("start", name)
    started = time.monotonic()
    target, new = export.folder / name, partial / name
    try:
        new.mkdir()
        made = export_format(model, reference, name, new)
        identity = {"schema_version": tree.SCHEMA_VERSION, "model": model.name, "model_sha256": export.model_sha256}
        identity |= {"format": name, "inputs_sha256": export.inputs_sha256(name)}
        tree.write_json(new / tree.MANIFEST, identity | made)
    except (ConversionError, ParityError, *FAILURES) as error:
        if target.exists():
            shutil.rmtree(target)  # what can't be made again must not stand there as if it were current
        emit("failed", name, seconds=_since(started), message=_message(error))
        return False
    tree.replace_folder(new, target)
    emit("done", name, seconds=_since(started), size_bytes=made["size_bytes"])
    return True


def _since(started: float) -> float:
    return round(time.monotonic() - started, 3)


def _message(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"


if __name__ == "__main__":
    sys.exit(main())
