"""What both protocols of this server do with a request: decode, run the model, encode."""

from __future__ import annotations

import json
from pathlib import Path

# TorchServe's: the same codec and the same way to run the model, so that only the server around them differs.
from handler import Codec, TorchScriptModel
from metrics import INFERENCE


class UnknownModel(LookupError):
    """The request names a model that is not served here."""


class Predictor:
    """The one model of this server."""

    def __init__(self, name: str, model_dir: Path, threads: int, protocol: str) -> None:
        description = json.loads((model_dir / "model.json").read_text())
        self._name = name
        self._codec = Codec(description["inputs"], description["outputs"])
        file, lengths = model_dir / "torchscript/model.pt", description.get("lengths", ())
        self._model = TorchScriptModel(file, self._codec, threads, lengths)
        self._inference = INFERENCE.labels(protocol)

    def check_name(self, name: str) -> None:
        """Raise UnknownModel unless this is the model served."""
        if name != self._name:
            raise UnknownModel(f"Model not found: {name}; this server has {self._name}")

    def answer(self, content_type: str, body: object) -> tuple[str, bytes]:
        """Answer a body (of JSON the parsed document) with an encoding and the reply in it. Raises BadRequest."""
        arrays = self._codec.decode(content_type, body)
        with self._inference.time():
            outputs = self._model.predict(arrays)
        kind = self._codec.reply_type(content_type)
        return kind, self._codec.encode(kind, outputs)
