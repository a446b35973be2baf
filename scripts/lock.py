"""Make every lock file, and the table of the wheels in them: scripts/lock [--upgrade].

uv resolves each requirements.txt for all Pythons and machines at once. A lock keeps the versions that it has, and takes
those of the other locks where it has none, so that environments share their downloads; --upgrade forgets them.
Of each package only the files for CPython 3.11 and later on Linux are locked, and the source archive where there is no
wheel at all.
"""

from __future__ import annotations

import itertools
import re
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterable
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from packaging.requirements import Requirement

from bakeoff.host.files import ROOT
from bakeoff.host.locks import (
    DIGEST,
    MACHINES,
    PYTHONS,
    UNHASHED,
    WHEELS,
    Wheel,
    applies,
    digest_of,
    lock_of,
    read_pins,
)

UV = Path(sys.executable).with_name("uv")
RESOLVE = ("pip", "compile", "--quiet", "--universal", "--python-version", "3.11", "--fork-strategy", "fewest")
NOT_FOR_CPUS = re.compile(r"nvidia-.*|cuda-.*|triton")
"""What torch's default build brings along."""
PROJECT = ROOT / "pyproject.toml"
PROGRAMS = ("models", "loadtest", "serving", "engines", "benchmarks", "tests")
HEADER = "# Made by scripts/lock for CPython on Linux; not for editing.\n"
PLACES = tuple(itertools.product(PYTHONS, MACHINES))


def locks() -> list[tuple[Path, Path, tuple[str, ...]]]:
    """Return what there are locks of, where they are and uv's options; what stands first, the others share."""
    made = [(PROJECT, lock_of(PROJECT), ()), (PROJECT, ROOT / "requirements-dev.lock", ("--extra", "dev"))]
    for folder in PROGRAMS:
        for file in sorted((ROOT / folder).rglob("requirements*.txt"), key=lambda file: (len(file.parts), file)):
            made.append((file, lock_of(file), ("--no-deps",) if file.name == "requirements-nodeps.txt" else ()))
    return made


def resolve(source: Path, options: tuple[str, ...], wanted: Iterable[Requirement]) -> list[dict[str, Any]]:
    """Return the packages that a requirements file comes to, as pylock.toml has them, in versions that are wanted."""
    with tempfile.TemporaryDirectory() as scratch:
        versions, packages = Path(scratch) / "requirements.txt", Path(scratch) / "pylock.toml"
        versions.write_text("".join(f"{pin.name}{pin.specifier}\n" for pin in wanted), encoding="utf-8")
        # Twice: uv prefers the versions in its output file, and tells sizes in this other form alone.
        uv(*RESOLVE, *options, str(source), "--output-file", str(versions))
        uv(*RESOLVE, *options, str(source), "--constraint", str(versions), "--output-file", str(packages))
        found = tomllib.loads(packages.read_text(encoding="utf-8"))["packages"]
    return [package for package in found if not NOT_FOR_CPUS.fullmatch(package["name"]) and is_for(package)]


def is_for(package: dict[str, Any], every: bool = False) -> bool:
    """Tell whether a package is for any of our Pythons and machines, or for every one."""
    pin = Requirement(package["name"] + (f" ; {package['marker']}" if "marker" in package else ""))
    return (all if every else any)(applies(pin, *place) for place in PLACES)


def uv(*arguments: str) -> None:
    """Run uv, with nothing of this machine's settings: whoever locks anywhere gets the same."""
    subprocess.run([UV, "--no-config", *arguments], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)


def files_of(package: dict[str, Any]) -> dict[Wheel, str]:
    """Return the files of a package that are locked, each with its hash."""
    wheels = {file_of(each): each["hashes"]["sha256"] for each in package.get("wheels", ())}
    chosen = {wheel: digest for wheel, digest in wheels.items() if any(wheel.fits(*place) for place in PLACES)}
    return chosen or {file_of(package["sdist"]): package["sdist"]["hashes"]["sha256"]}


def file_of(entry: dict[str, Any]) -> Wheel:
    """Return one file's name and size."""
    return Wheel(unquote(urlsplit(entry["url"]).path.rpartition("/")[2]), entry["size"])


def line_of(package: dict[str, Any]) -> str:
    """Return a package as a requirement, with a marker where it is not for every Python and machine."""
    pin = f"{package['name']}=={package['version']}"
    return pin if is_for(package, every=True) else f"{pin} ; {package['marker']}"


def write_lock(source: Path, lock: Path, packages: list[dict[str, Any]]) -> None:
    """Write a lock file."""
    text = f"{HEADER}{DIGEST}{digest_of(source)}\n"
    for package in packages:
        if package["name"] not in UNHASHED:
            hashes = sorted(files_of(package).values())
            text += " \\\n    ".join([line_of(package), *(f"--hash=sha256:{digest}" for digest in hashes)]) + "\n"
    lock.write_text(text, encoding="utf-8")


def main(arguments: list[str]) -> int:
    """Make all locks and the table; the exit status is 2 for other arguments."""
    if arguments not in ([], ["--upgrade"]):
        sys.stderr.write(f"{__doc__}\n")
        return 2
    table, shared = dict[str, int](), dict[str, Requirement]()
    for source, lock, options in locks():
        kept = {pin.name: pin for pin in read_pins(lock)} if lock.exists() and not arguments else {}
        packages = resolve(source, options, {**shared, **kept}.values())
        write_lock(source, lock, packages)
        shared = {**{pin.name: pin for pin in read_pins(lock)}, **shared}
        table |= {wheel.name: wheel.size_bytes for package in packages for wheel in files_of(package)}
        sys.stderr.write(f"{lock.relative_to(ROOT)}: {len(packages)} packages\n")
    rows = "".join(f"{name}\t{size}\n" for name, size in sorted(table.items()))
    WHEELS.write_text(f"file\tbytes\n{rows}", encoding="ascii")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
