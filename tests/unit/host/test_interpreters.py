"""An environment gets a Python that its packages exist for, and says what would do where there is none."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from bakeoff.errors import TargetUnavailable
from bakeoff.host import interpreters
from bakeoff.host.files import ROOT
from bakeoff.host.interpreters import find_interpreter, require_interpreter
from bakeoff.host.locks import RUNNING, Version
from bakeoff.report.words import reason_text

TFLITE = ROOT / "serving" / "lean-tflite" / "requirements.txt"
MODELS = ROOT / "models" / "requirements.txt"
ECHO = ROOT / "serving" / "echo" / "requirements.txt"

MakePython = Callable[[Version], Path]


@pytest.fixture(autouse=True)
def bare(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A machine of x86_64 with no Python anywhere but in what a test makes, and no uv."""
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.setenv("PYENV_ROOT", str(tmp_path / "pyenv"))
    monkeypatch.setattr(interpreters, "FETCHED", tmp_path / "fetched")
    monkeypatch.setattr(interpreters, "STATE", tmp_path)
    monkeypatch.setattr(interpreters, "UV", tmp_path / "uv")
    monkeypatch.setattr(interpreters, "_refused", {})
    monkeypatch.setattr(interpreters, "pythons_for", lambda files: PYTHONS_FOR(files, "x86_64"))
    interpreters.runs.cache_clear()


PYTHONS_FOR = interpreters.pythons_for


def running(monkeypatch: pytest.MonkeyPatch, version: Version, tmp_path: Path) -> Path:
    """Let the running Python be of this version."""
    path = make_python(tmp_path / "own", version)
    monkeypatch.setattr(interpreters, "RUNNING", version)
    monkeypatch.setattr(sys, "executable", str(path))
    return path


def make_python(folder: Path, version: Version) -> Path:
    """Write a program that answers as this Python would."""
    path = folder / f"python{version[0]}.{version[1]}"
    folder.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\necho {version[0]} {version[1]} cpython\n", encoding="utf-8")
    path.chmod(0o755)
    return path


def make_uv(path: Path, program: str) -> None:
    path.write_text(f"#!/bin/sh\n{program}\n", encoding="utf-8")
    path.chmod(0o755)


def test_the_running_python_is_taken_where_the_packages_exist_for_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    own = running(monkeypatch, (3, 12), tmp_path)
    make_python(tmp_path / "bin", (3, 13))
    found = require_interpreter([ECHO], print)
    assert (found.path, found.version, found.without) == (own, (3, 12), ())


@pytest.mark.parametrize("place", ["bin", "pyenv/versions/3.11.9/bin", "fetched/cpython-3.11.15-linux-x86_64/bin"])
def test_else_one_on_path_of_pyenv_or_fetched_before(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, place: str
) -> None:
    running(monkeypatch, (3, 13), tmp_path)
    there = make_python(tmp_path / place, (3, 11))
    assert require_interpreter([TFLITE], print).path == there


def test_a_shim_that_runs_nothing_is_passed_over(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    running(monkeypatch, (3, 13), tmp_path)
    shim = make_python(tmp_path / "bin", (3, 11))
    shim.write_text("#!/bin/sh\nexit 127\n", encoding="utf-8")
    there = make_python(tmp_path / "pyenv" / "versions" / "3.11.9" / "bin", (3, 11))
    assert require_interpreter([TFLITE], print).path == there


def test_else_uv_fetches_one(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    running(monkeypatch, (3, 13), tmp_path)
    where = tmp_path / "fetched" / "cpython-3.11.15-linux" / "bin"
    program = f"mkdir -p {where}; printf '#!/bin/sh\\necho 3 11 cpython\\n' >{where}/python3.11"
    make_uv(tmp_path / "uv", f"PATH=/usr/bin:/bin; {program}; chmod 755 {where}/python3.11")
    monkeypatch.setattr(interpreters, "confined", lambda argv: argv)
    said: list[str] = []
    assert require_interpreter([TFLITE], said.append).path == where / "python3.11"
    assert said == ["fetching Python 3.11 (first use only)"]


def test_a_refused_download_makes_it_unavailable_with_the_remedy(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    running(monkeypatch, (3, 13), tmp_path)
    make_uv(tmp_path / "uv", "echo x >>$UV_PYTHON_INSTALL_DIR.asked; echo 'no route to it' >&2; exit 1")
    monkeypatch.setattr(interpreters, "confined", lambda argv: argv)
    for _ in range(2):
        with pytest.raises(TargetUnavailable) as refused:
            require_interpreter([TFLITE], lambda text: None)
    reason, remedy = refused.value.reason, refused.value.remedy
    assert reason.code == "python_missing" and dict(reason.values) == {"pythons": "3.11", "text": "no route to it"}
    assert remedy and "3.11" in reason_text(remedy)
    assert (tmp_path / "fetched.asked").read_text(encoding="utf-8") == "x\n", "it is asked once"


def test_what_would_leave_least_out_is_preferred_to_the_running_python(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    running(monkeypatch, (3, 14), tmp_path)
    there = make_python(tmp_path / "bin", (3, 12))
    assert require_interpreter([MODELS], print).path == there


def test_where_nothing_better_can_be_had_something_is_left_out_and_that_is_said(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    own = running(monkeypatch, (3, 14), tmp_path)
    said: list[str] = []
    found = require_interpreter([MODELS], said.append)
    assert found.path == own and {"tensorflow-cpu", "keras"} <= set(found.without)
    assert "tensorflow-cpu" in said[-1] and "3.13" in said[-1]


def test_looking_fetches_nothing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    running(monkeypatch, (3, 13), tmp_path)
    make_uv(tmp_path / "uv", f"echo asked >{tmp_path}/asked")
    assert find_interpreter([TFLITE]) is None
    assert not (tmp_path / "asked").exists()


def test_without_wheels_for_any_python_the_packages_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(interpreters, "pythons_for", lambda files: {})
    with pytest.raises(TargetUnavailable) as unavailable:
        require_interpreter([TFLITE], print)
    assert unavailable.value.reason.code == "wheels_missing"
    assert "tflite-runtime 2.14.0" in reason_text(unavailable.value.reason)


def test_this_python_is_found_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    assert interpreters.locate(RUNNING) == Path(sys.executable)
