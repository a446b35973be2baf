"""How long a SavedModel takes in process, run as the server runs it."""

from __future__ import annotations

from typing import NoReturn

from bare_time import exit_with_time
from command_line import Options
from saved_model import DEFAULT_SIGNATURE, SavedModel, tf


def time_saved_model(options: Options) -> NoReturn:
    """Time the artifact, say it in one JSON line and end."""
    model = SavedModel(options.model, options.model_dir / options.format, options.threads, "bare")
    exit_with_time(options, f"tensorflow {tf.__version__}", lambda row: model.predict(DEFAULT_SIGNATURE, row))
