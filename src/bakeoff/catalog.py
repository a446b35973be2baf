"""What there is to choose from: the zoo's models, the targets, and the endpoints that follow from them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from bakeoff.errors import UsageError, one_of
from bakeoff.files import ROOT, read_toml, validated
from bakeoff.types import FORMATS, NO_FORMAT, WIRE_PROTOCOLS, Endpoint, Protocol, Target

SERVING = ROOT / "serving"
ZOO = ROOT / "models" / "zoo"


def load_targets(folder: Path = SERVING) -> dict[str, Target]:
    """Return every target by name, in alphabetical order; raise UsageError naming the file and key that is wrong."""
    targets: dict[str, Target] = {}
    for path in sorted(folder.glob("*/target.toml")):
        target = validated(Target, read_toml(path), path)
        if target.name != path.parent.name:
            raise UsageError(f"{path}: name: is {target.name!r}, must be its folder's name {path.parent.name!r}")
        _check(path, "formats", target.formats, (*FORMATS, NO_FORMAT))
        _check(path, "wires", target.wires, tuple(WIRE_PROTOCOLS))
        targets[target.name] = target
    return targets


def list_models(folder: Path = ZOO) -> list[str]:
    """Return the names of the zoo's models; raise UsageError for one that can't stand in a URL or a file's name."""
    names = sorted(path.parent.name for path in folder.glob("*/model.py"))
    for name in names:
        if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]*", name):
            raise UsageError(f"{folder / name}: a model's name may hold letters, digits, _ and -; rename the folder")
    return names


def make_endpoints(model: str, target: Target, formats: Iterable[str], protocols: Iterable[Protocol]) -> list[Endpoint]:
    """Return a target's endpoints for a model: the one place where endpoint ids are made.

    A target with several wires for one protocol (echo) has the wire's name in the id.
    """
    endpoints = []
    wanted = set(protocols)
    for format in formats:
        base = target.name if format == target.formats[0] else f"{target.name}@{format}"
        for wire in target.wires:
            protocol = WIRE_PROTOCOLS[wire]
            if protocol not in wanted:
                continue
            alone = [WIRE_PROTOCOLS[other] for other in target.wires].count(protocol) == 1
            id = f"{base}-{protocol if alone else wire}"
            endpoints.append(Endpoint(id, model, target.name, format, protocol, wire))
    return endpoints


def _check(path: Path, key: str, names: Iterable[str], allowed: tuple[str, ...]) -> None:
    if not names:
        raise UsageError(f"{path}: {key}: is empty; allowed: {one_of(allowed)}")
    for name in names:
        if name not in allowed:
            raise UsageError(f"{path}: {key}: {name!r} is unknown; allowed: {one_of(allowed)}")
