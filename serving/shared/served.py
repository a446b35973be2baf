"""What is served: a model in a format, computed by an engine."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from command_line import Options
from exchange import Predict
from request_error import invalid

from bakeoff.schema import Model, read_model
from bakeoff.wire.tensors import Arrays

# At the end, since some engines are called as the package that they are made on.
sys.path.append(str(Path(__file__).resolve().parents[2]))
from engines.engine import warm_up
from engines.timing import import_engine


class UnsupportedArtifactError(Exception):
    """The engine can't load or run the artifact; the text is its own message."""


@dataclass(frozen=True, slots=True)
class Served:
    """A model under the name and version that requests ask for, and its artifact's file or folder."""

    model: Model
    version: int
    artifact: Path


def read_served(options: Options) -> Served:
    """Read model.json and the format's manifest; raises OSError, KeyError, TypeError or ValueError.

    The version is the number that the artifact's folder is called, as for TensorFlow Serving; else 1.
    """
    folder = options.model_dir / options.format
    file = Path(json.loads((folder / "manifest.json").read_text(encoding="utf-8"))["file"])
    version = int(file.parts[0]) if file.parts[0].isdecimal() else 1
    return Served(replace(read_model(options.model_dir / "model.json"), name=options.model), version, folder / file)


def load_predictor(module: str, served: Served, threads: int, batches: Sequence[int]) -> Predict:
    """Load an artifact with a module of engines/ and run it in each batch and length.

    Raises ImportError and UnsupportedArtifactError; the function returned, RequestError where the engine refuses the
    inputs.
    """
    engine = import_engine(module)
    try:
        predict = engine.load(served.artifact, served.model, threads)
        warm_up(predict, served.model, batches)
    except engine.REFUSALS as error:
        raise UnsupportedArtifactError(" ".join(str(error).split())) from error

    def answer(arrays: Arrays) -> Arrays:
        try:
            return predict(arrays)
        except engine.REFUSALS as error:
            raise invalid(f"the model can't run on these inputs: {error}") from error

    return answer
