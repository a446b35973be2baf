"""Lock files: what exactly an environment gets, and the table of the wheels that there are of it.

Beside each requirements.txt stands a requirements.lock, made by scripts/lock: every package with the hashes of its
files. scripts/wheels.tsv has the name and size of each of those files: from it follows which Pythons and machines an
environment can be made for, and how much is downloaded for it.
"""

from __future__ import annotations

import functools
import hashlib
import json
import platform
import re
import sys
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

from bakeoff.errors import BakeoffError
from bakeoff.host.files import ROOT

Version = tuple[int, int]
"""A Python's version: major, minor."""

UNHASHED = frozenset({"torch"})
"""No lock has it: its CPU build comes from another index or from a file, so no hash can hold."""
PYTHONS: tuple[Version, ...] = ((3, 11), (3, 12), (3, 13), (3, 14))
MACHINES = ("x86_64", "aarch64")
MACHINE = platform.machine()
RUNNING: Version = sys.version_info[:2]
WHEELS = ROOT / "scripts" / "wheels.tsv"
DIGEST = "# sha256 of the requirements: "
BOUNDS = re.compile(r"^# requires-python:(.*)$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Wheel:
    """A file of a package: its name and size."""

    name: str
    size_bytes: int

    @property
    def package(self) -> tuple[str, str]:
        """The package's name and version; a source archive's name has them, too."""
        stem = self.name.removesuffix(".tar.gz").removesuffix(".zip")
        name, version = stem.split("-")[:2] if self.name.endswith(".whl") else stem.rsplit("-", 1)
        return canonicalize_name(name), version

    def fits(self, python: Version, machine: str) -> bool:
        """Tell whether CPython of this version on Linux can use it; whoever has pip can use a source archive."""
        if not self.name.endswith(".whl"):
            return True
        pythons, abis, platforms = (part.split(".") for part in self.name.removesuffix(".whl").split("-")[-3:])
        if not any(each == "any" or re.fullmatch(rf"(many)?linux.*_{machine}", each) for each in platforms):
            return False
        own = f"{python[0]}{python[1]}"
        if "abi3" in abis:
            return any(each.startswith("cp3") and int(each[3:]) <= python[1] for each in pythons)
        return bool({f"cp{own}", "none"} & set(abis)) and bool({f"cp{own}", f"py{own}", "py3"} & set(pythons))


def lock_of(requirements: Path) -> Path:
    """Return where the lock file of a requirements file is, whether there is one or not."""
    return requirements.with_name(
        "requirements.lock" if requirements.suffix == ".toml" else f"{requirements.stem}.lock"
    )


def digest_of(requirements: Path) -> str:
    """Return the hash of what a lock file is made from: of pyproject.toml, what this project depends on."""
    content = requirements.read_bytes()
    if requirements.suffix == ".toml":
        project = tomllib.loads(content.decode())["project"]
        wanted = {key: project.get(key) for key in ("requires-python", "dependencies", "optional-dependencies")}
        content = json.dumps(wanted, sort_keys=True).encode()
    return hashlib.sha256(content).hexdigest()


def current_lock(requirements: Path) -> Path | None:
    """Return the lock file of a requirements file, None where there is none; raise BakeoffError for an outdated one."""
    lock = lock_of(requirements)
    if not lock.exists():
        return None
    if f"{DIGEST}{digest_of(requirements)}\n" not in lock.read_text(encoding="utf-8"):
        raise BakeoffError(f"{lock} was not made from {requirements.name} as it is now: run scripts/lock")
    return lock


def read_pins(file: Path) -> list[Requirement]:
    """Return the pinned packages in a lock or requirements file."""
    lines = [line.partition("#")[0].rstrip(" \\") for line in file.read_text(encoding="utf-8").splitlines()]
    return [Requirement(line) for line in lines if re.match(r"[\w.\[\]-]+==", line) and not line.startswith("-")]


def pins_of(files: Sequence[Path]) -> list[Requirement]:
    """Return everything an environment gets: what the lock files have, and what can't be in one."""
    pins: dict[str, Requirement] = {}
    for file in files:
        lock = current_lock(file)
        pins |= {str(pin): pin for pin in (read_pins(lock) if lock else ())}
        pins |= {str(pin): pin for pin in read_pins(file) if not lock or pin.name in UNHASHED}
    return list(pins.values())


def applies(pin: Requirement, python: Version, machine: str) -> bool:
    """Tell whether a package belongs to the environment on CPython of this version on Linux."""
    version = f"{python[0]}.{python[1]}"
    where = {"python_version": version, "python_full_version": f"{version}.0", "platform_machine": machine}
    where |= {"sys_platform": "linux", "platform_system": "Linux", "os_name": "posix"}
    return pin.marker is None or pin.marker.evaluate(where)


def files_for(files: Sequence[Path], python: Version, machine: str) -> tuple[list[Wheel], list[str]]:
    """Return what is installed for an environment, one file a package, and the packages without any for this Python.

    What the table doesn't know at all (of a requirements file without a lock) is in neither.
    """
    found, missing = dict[str, Wheel](), list[str]()
    for pin in pins_of(files):
        if not applies(pin, python, machine):
            continue
        version = next(iter(pin.specifier)).version
        known = wheel_table().get((canonicalize_name(pin.name), version), ())
        fitting = [wheel for wheel in known if wheel.fits(python, machine)]
        if fitting:
            found[pin.name] = max(fitting, key=lambda wheel: wheel.size_bytes)
        elif known:
            missing.append(f"{pin.name} {version}")
    return list(found.values()), missing


def pythons_for(files: Sequence[Path], machine: str = MACHINE) -> dict[Version, list[str]]:
    """Return the Pythons that an environment can be made with, each with the requirements that it would be without.

    Those that other Pythons have, not what is meant for other machines. The bounds of a line "# requires-python: <3.13"
    are heeded.
    """
    pins = [pin for file in files for pin in read_pins(file) if any(applies(pin, each, machine) for each in PYTHONS)]
    found = {}
    for python in PYTHONS:
        if not within_bounds(files, python) or files_for(files, python, machine)[1]:
            continue
        found[python] = [pin.name for pin in pins if not applies(pin, python, machine)]
    return found


def within_bounds(files: Sequence[Path], python: Version) -> bool:
    """Tell whether the requirements files allow a Python."""
    stated = [line for file in files for line in BOUNDS.findall(file.read_text(encoding="utf-8"))]
    return all(SpecifierSet(bounds).contains(f"{python[0]}.{python[1]}") for bounds in stated)


@functools.cache
def wheel_table() -> dict[tuple[str, str], tuple[Wheel, ...]]:
    """Return the files that there are of each package, by its name and version."""
    table: dict[tuple[str, str], tuple[Wheel, ...]] = {}
    for line in WHEELS.read_text(encoding="ascii").splitlines()[1:]:
        name, size = line.split("\t")
        wheel = Wheel(name, int(size))
        table[wheel.package] = (*table.get(wheel.package, ()), wheel)
    return table
