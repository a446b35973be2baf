"""What there is to choose from: the zoo's models, the targets, and the endpoints that follow from them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from bakeoff.errors import UsageError, one_of, require_known, require_some
from bakeoff.host.files import ARTIFACTS, ROOT, read_toml, validated
from bakeoff.schema import FORMATS, NO_FORMAT, WIRE_PROTOCOLS, Endpoint, Protocol, Target
from bakeoff.schema.engines import BY_MODULE as ENGINES

SERVING = ROOT / "serving"
ZOO = ROOT / "models" / "zoo"
HF = "hf:"
"""Begins a model that the transformers library loads: hf:NAME or hf:PATH."""
OLD_NAMES = {"tflite": "lean-tflite", "litert": "lean-litert", "torch-flask": "flask-torch", "tf-flask": "flask-tf"}
"""What targets were called before; commands still take these names."""
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")
"""What can stand in a URL and in a file's name."""


@dataclass(frozen=True, slots=True)
class ModelSource:
    """A model's name, and what it is exported from: the path of a folder with a model.py, or hf:NAME_OR_PATH.

    Without a source only its artifacts are here.
    """

    name: str
    source: str | None

    @property
    def text(self) -> str:
        """What finds this model again, from any folder."""
        return self.name if self.source is None or Path(self.source).parent == ZOO else self.source

    @property
    def folder(self) -> Path | None:
        """The model's folder; None where it has none."""
        return None if self.source is None or self.source.startswith(HF) else Path(self.source)


def load_targets(folder: Path = SERVING) -> dict[str, Target]:
    """Return every target by name, in alphabetical order; raise UsageError naming the file and key that is wrong."""
    targets: dict[str, Target] = {}
    for path in sorted(folder.glob("*/target.toml")):
        target = validated(Target, read_toml(path), path)
        if target.name != path.parent.name:
            raise UsageError(f"{path}: name: is {target.name!r}, must be its folder's name {path.parent.name!r}")
        require_some(f"{path}: formats", target.formats, (*FORMATS, NO_FORMAT))
        require_some(f"{path}: wires", target.wires, WIRE_PROTOCOLS)
        if not program_of(target).is_file():
            raise UsageError(f"{path}: program: {program_of(target)} does not exist")
        if target.program is None or target.engine is not None:
            require_known(f"{path}: engine", (target.engine or "",), ENGINES)
        targets[target.name] = target
    return targets


def program_of(target: Target) -> Path:
    """Return a target's program: its own, or its server's."""
    if target.program is None:
        return SERVING / target.server / "server.py"
    return (SERVING / target.name / target.program).resolve()


def serving_arguments(target: Target) -> list[str]:
    """Return what a server of ours is told beyond what every program is: its engine and its wires."""
    if target.program is not None:
        return []
    return [f"--engine={target.engine}", f"--wires={','.join(target.wires)}"]


def list_models(folder: Path = ZOO) -> list[str]:
    """Return the names of the zoo's models; raise UsageError for one that can't stand in a URL or a file's name."""
    names = sorted(path.parent.name for path in folder.glob("*/model.py"))
    for name in names:
        _check_name(name, folder / name)
    return names


def list_exported() -> list[str]:
    """Return the names of the models that were exported, from wherever."""
    return sorted(path.parent.name for path in ARTIFACTS.glob("*/model.json"))


def find_model(text: str, base: Path = Path()) -> ModelSource:
    """Return the model that a text stands for; a relative path begins at `base`.

    A name of the zoo; a path, which contains a / or is a directory, to a folder with a model.py; hf:NAME_OR_PATH; or
    the name of a model that was exported before. The model is called as its folder. Raises UsageError with the remedy.
    """
    if text.startswith(HF):
        return _find_hf(text.removeprefix(HF), base)
    zoo, folder = list_models(), (base / text).absolute()
    if text in zoo:
        return ModelSource(text, str(ZOO / text))
    if "/" not in text and not folder.is_dir():
        if text in list_exported():
            return ModelSource(text, None)
        allowed = f"allowed: {one_of(zoo)}, or the path of a folder with a model.py"
        raise UsageError(f"{text!r} is unknown; {allowed}")
    folder = folder.resolve()
    if not (folder / "model.py").is_file():
        raise UsageError(f"{folder} holds no model.py; the top of models/export.py tells what belongs in there")
    _check_name(folder.name, folder)
    return ModelSource(folder.name, str(folder))


def find_models(texts: Iterable[str], base: Path = Path()) -> list[ModelSource]:
    """Return the models that texts stand for, each once; raise UsageError where two share a name."""
    found: dict[str, ModelSource] = {}
    for text in texts:
        model = find_model(text, base)
        other = found.setdefault(model.name, model)
        if other != model:
            both = f"{other.source} and {model.source}"
            raise UsageError(f"two models are called {model.name}: {both}; rename a folder, or run one after the other")
    return list(found.values())


def make_endpoints(model: str, target: Target, formats: Iterable[str], protocols: Iterable[Protocol]) -> list[Endpoint]:
    """Return a target's endpoints for a model: the one place where endpoint ids are made.

    A target with several wires for one protocol (echo) has the wire's name in the id.
    """
    endpoints, wanted = [], set(protocols)
    spoken = {wire: WIRE_PROTOCOLS[wire] for wire in target.wires}
    for format in formats:
        base = target.name if format == target.formats[0] else f"{target.name}@{format}"
        for wire, protocol in spoken.items():
            if protocol in wanted:
                alone = [*spoken.values()].count(protocol) == 1
                id = f"{base}-{protocol if alone else wire}"
                endpoints.append(Endpoint(id, model, target.name, format, protocol, wire))
    return endpoints


def _find_hf(text: str, base: Path) -> ModelSource:
    """Return a model that transformers loads: a folder if there is one, else a name of the hub."""
    folder = (base / text).resolve()
    name = re.sub(r"[^A-Za-z0-9_-]+", "-", folder.name).strip("-")
    if not text or not NAME.fullmatch(name):
        raise UsageError(
            f"{HF}{text}: name a model of the hub (hf:OWNER/NAME) or a folder that save_pretrained() wrote"
        )
    return ModelSource(name, f"{HF}{folder if folder.is_dir() else text}")


def _check_name(name: str, folder: Path) -> None:
    if not NAME.fullmatch(name):
        raise UsageError(f"{folder}: a model's name may hold letters, digits, _ and -; rename the folder")
