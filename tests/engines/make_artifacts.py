"""Make the artifacts that the engines are tested on, in the environments that export: make_artifacts.py FOLDER.

digits_cnn, and a network over texts of any length up to 12, in one format an engine. What is up to date is left.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "unit"))

import edge_models

from bakeoff.errors import BakeoffError
from bakeoff.host.files import ROOT
from bakeoff.host.processes import child_environment
from bakeoff.host.venvs import ensure_venv

FORMATS = ("torchscript", "savedmodel", "tflite-fp32", "onnx", "lite-interpreter")


def main(folder: Path) -> None:
    """Export both models; ExecuTorch only where its environment can be made."""
    words = folder / "models" / "words"
    words.mkdir(parents=True, exist_ok=True)
    edge_models.write_words(words, edge_models.ATTENTION)
    python = ensure_venv(ROOT / "models" / "requirements.txt", say=say)
    for source in (ROOT / "models" / "zoo" / "digits_cnn", words):
        export(python, source, folder, "--format", *FORMATS)
    try:
        python = ensure_venv(ROOT / "models" / "executorch" / "requirements.txt", say=say)
    except BakeoffError as error:
        say(f"no artifacts for executorch: {error}")
        return
    for source in (ROOT / "models" / "zoo" / "digits_cnn", words):
        export(python, source, folder, "--environment", "executorch", "--format", "executorch")


def export(python: Path, source: Path, folder: Path, *more: str) -> None:
    """Run the export program; raises CalledProcessError."""
    argv = [str(python), str(ROOT / "models" / "export.py"), "--model-folder", str(source), "--out", str(folder)]
    subprocess.run([*argv, *more], check=True, env=child_environment())


def say(text: str) -> None:
    """Say what is being installed, or can't be."""
    sys.stderr.write(f"{text}\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
