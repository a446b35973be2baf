"""Which Python an environment gets: one that its packages exist for, found on this machine or fetched by uv."""

from __future__ import annotations

import functools
import os
import subprocess
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from bakeoff.errors import TargetUnavailable
from bakeoff.host.files import STATE
from bakeoff.host.locks import MACHINE, PYTHONS, RUNNING, Version, files_for, pythons_for, within_bounds
from bakeoff.host.processes import confined, spawn, terminate
from bakeoff.schema import Reason

UV = Path(sys.executable).with_name("uv")
FETCHED = STATE / "pythons"
FETCH_S = 300.0
_refused: dict[tuple[int, int], str] = {}
"""What uv could not fetch, and what it said: it is asked once."""
ASK = "import sys; print(*sys.version_info[:2], sys.implementation.name)"


@dataclass(frozen=True, slots=True)
class Interpreter:
    """A Python of this machine; `without`: the requirements that have no wheels for it and are left out."""

    path: Path
    version: Version
    without: tuple[str, ...] = ()


def find_interpreter(files: Sequence[Path]) -> Interpreter | None:
    """Return the Python on this machine that suits requirements files best, None where there is none.

    The one that leaves out the least; of equals the one that runs us, else the newest.
    """
    suited = pythons_for(files)
    for version in sorted(suited, key=lambda v: (len(suited[v]), v != RUNNING, [-part for part in v])):
        path = locate(version)
        if path is not None:
            return Interpreter(path, version, tuple(suited[version]))
    return None


def require_interpreter(files: Sequence[Path], say: Callable[[str], None]) -> Interpreter:
    """Return the Python for requirements files, fetched where none here has wheels for all of them.

    Raises TargetUnavailable, which names the packages without wheels, or the Pythons that would do.
    """
    suited, found = pythons_for(files), find_interpreter(files)
    least = min((len(without) for without in suited.values()), default=0)
    if found and len(found.without) == least:
        return found
    if not suited:
        raise TargetUnavailable(_no_wheels(files), Reason("other_machine_needed"))
    wanted = [version for version in suited if len(suited[version]) == least]
    text = fetch(wanted[-1], say)
    if text is None:
        return find_interpreter(files) or _refuse(wanted, "it was fetched, but does not run")
    if found:
        say(
            f"without {', '.join(found.without)}: no wheels for Python {_named(found.version)}; install {_list(wanted)}"
        )
        return found
    return _refuse(wanted, text)


def best_pythons(files: Sequence[Path]) -> str:
    """Return the Pythons that leave out the least of requirements files, as text."""
    suited = pythons_for(files)
    least = min(map(len, suited.values()), default=0)
    return _list(version for version in suited if len(suited[version]) == least)


def _refuse(wanted: Iterable[Version], text: str) -> Interpreter:
    pythons = {"pythons": _list(wanted)}
    raise TargetUnavailable(Reason("python_missing", {**pythons, "text": text}), Reason("install_one_of", pythons))


def _no_wheels(files: Sequence[Path]) -> Reason:
    """Return what has no wheel whichever Python is taken, or that none may be taken at all."""
    allowed = [version for version in PYTHONS if within_bounds(files, version)]
    if not allowed:
        return Reason("no_python", {"pythons": _list(PYTHONS)})
    missing = [set(files_for(files, version, MACHINE)[1]) for version in allowed]
    packages = sorted(set.intersection(*missing) or set.union(*missing))
    return Reason("wheels_missing", {"packages": ", ".join(packages), "machine": MACHINE})


def _list(versions: Iterable[Version]) -> str:
    return ", ".join(map(_named, versions))


def _named(version: Version) -> str:
    return f"{version[0]}.{version[1]}"


def locate(version: Version) -> Path | None:
    """Return a Python of this version: ours, one on PATH, one of pyenv's, or one that uv fetched before."""
    return next((path for path in _places(version) if runs(path, version)), None)


def _places(version: Version) -> Iterable[Path]:
    if version == RUNNING:
        yield Path(sys.executable)
    command = f"python{_named(version)}"
    for folder in os.get_exec_path():
        yield Path(folder) / command
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    for root in (pyenv / "versions", FETCHED):
        yield from sorted(root.glob(f"*{_named(version)}.*/bin/{command}"), reverse=True)


@functools.cache
def runs(path: Path, version: Version) -> bool:
    """Tell whether this is CPython of that version: pyenv's shims, for one, may stand for nothing."""
    if not os.access(path, os.X_OK):
        return False
    try:
        said = subprocess.run([path, "-I", "-c", ASK], capture_output=True, text=True, timeout=60).stdout
    except (OSError, subprocess.TimeoutExpired):
        return False
    return said.split() == [*map(str, version), "cpython"]


def fetch(version: Version, say: Callable[[str], None]) -> str | None:
    """Have uv fetch a Python into our own folder; return what it said where it could not, None where it could."""
    if version not in _refused:
        said = _fetch(version, say)
        if said is None:
            return None
        _refused[version] = said
    return _refused[version]


def _fetch(version: Version, say: Callable[[str], None]) -> str | None:
    if not UV.exists():
        return f"{UV} is missing"
    say(f"fetching Python {_named(version)} (first use only)")
    argv = [str(UV), "--no-config", "python", "install", "--no-bin", "--no-progress", _named(version)]
    environment = {**os.environ, "UV_PYTHON_INSTALL_DIR": str(FETCHED), "UV_HTTP_RETRIES": "1"}
    STATE.mkdir(exist_ok=True)
    log = STATE / f"python-{_named(version)}.log"
    with log.open("wb") as output:
        process = spawn(confined(argv), output, STATE, environment)
        try:
            status = process.wait(FETCH_S)
        except subprocess.TimeoutExpired:
            return f"fetching it took more than {FETCH_S:.0f} s"
        finally:
            terminate(process)
    runs.cache_clear()
    said = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
    return None if status == 0 else " ".join(line.strip() for line in said[-2:])
