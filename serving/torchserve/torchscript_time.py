"""How long a TorchScript artifact takes in process, run as the handler runs it: for TorchServe and the Flask target."""

from __future__ import annotations

from typing import NoReturn

import torch
from bare_time import exit_with_time
from command_line import Options
from handler import Codec, TorchScriptModel


def time_torchscript(options: Options) -> NoReturn:
    """Time the artifact, say it in one JSON line and end."""
    described = options.load_model_json()
    codec = Codec(described["inputs"], described["outputs"])
    file, lengths = options.model_dir / "torchscript" / "model.pt", described.get("lengths", ())
    model = TorchScriptModel(file, codec, options.threads, lengths)
    exit_with_time(options, f"torch {torch.__version__}", model.predict)
