"""What the runtime itself weighs: its package, the packages it requires, and the shared objects that were loaded."""

from __future__ import annotations

import re
from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError, distribution
from importlib.util import cache_from_source
from pathlib import Path
from typing import Any

from bakeoff.schema.engines import BY_MODULE


def runtime_of(module: str) -> str:
    """Return an engine's name and the version of what computes, as results show them."""
    row = BY_MODULE[module]
    return f"{row.name} {distribution(row.distribution).version}"


def describe_installation(name: str, mapped: set[Path], needs: Iterable[str] = ()) -> dict[str, Any]:
    """Return the version and bytes of a distribution, of all that it requires, and of its own objects among `mapped`.

    `needs`: distributions that it can't do without and doesn't declare.

    Compiled Python (.pyc) counts, whoever compiled it. What an optional extra requires doesn't.
    """
    own = _files(name)
    required = _required(name).union(needs, *(_required(other) for other in needs))
    others = set().union(*(_files(other) for other in required)) - own
    loaded = {path for path in own if path in mapped}
    return {
        "version": distribution(name).version,
        "runtime_bytes": _size(own),
        "dependencies_bytes": _size(others),
        "shared_objects_bytes": _size(loaded),
        "shared_objects": sorted(path.name for path in loaded),
    }


def mapped_files() -> set[Path]:
    """Return the shared objects that this process has loaded."""
    lines = Path("/proc/self/maps").read_text(encoding="utf-8").splitlines()
    names = {line.split(maxsplit=5)[5] for line in lines if len(line.split(maxsplit=5)) == 6}
    return {Path(name).resolve() for name in names if re.search(r"\.so(\.|$)", name)}


def _files(name: str) -> set[Path]:
    listed = {Path(str(file.locate())).resolve() for file in distribution(name).files or ()}
    # pip lists what it compiled among a distribution's files; uv doesn't.
    compiled = {Path(cache_from_source(str(path))) for path in listed if path.suffix == ".py"}
    return {path for path in listed | compiled if path.is_file()}


def _size(files: set[Path]) -> int:
    return sum(file.stat().st_size for file in files)


def _required(name: str) -> set[str]:
    """Return the installed distributions that one requires, directly or not, without it."""
    found = {name}
    left = [name]
    while left:
        for requirement in distribution(left.pop()).requires or ():
            other, optional = _parsed(requirement)
            if not optional and other not in found and _is_installed(other):
                found.add(other)
                left.append(other)
    return found - {name}


def _parsed(requirement: str) -> tuple[str, bool]:
    """Return a requirement's name, and whether only an extra asks for it. Other markers show in what is installed."""
    specifier, _, marker = requirement.partition(";")
    return re.split(r"[^\w.-]", specifier.strip(), maxsplit=1)[0].lower(), "extra" in marker


def _is_installed(name: str) -> bool:
    try:
        distribution(name)
    except PackageNotFoundError:
        return False
    return True
