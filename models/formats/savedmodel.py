"""TensorFlow's SavedModel, made by our own converter, as TensorFlow Serving loads it: a folder named by its version."""

from __future__ import annotations

import shutil
from pathlib import Path

from formats import _tensorflow
from zoo_model import ZooModel

from bakeoff.schema.engines import TENSORFLOW

PACKAGES = ("torch", TENSORFLOW, "numpy")
MAIN_FILE = "1"


def export(model: ZooModel, folder: Path, scratch: Path) -> None:
    shutil.copytree(_tensorflow.saved_model(model, scratch), folder / "1")
