"""Several environments at once: what is downloaded is told, failures are left, Ctrl-C ends the installers."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from pathlib import Path

import pytest

from bakeoff.errors import BakeoffError
from bakeoff.host import installing, venvs
from bakeoff.host.files import ROOT
from bakeoff.host.installing import downloads, in_words, install_all
from bakeoff.host.interpreters import Interpreter
from bakeoff.host.locks import DIGEST, digest_of, lock_of
from bakeoff.host.progress import Show

ECHO = ROOT / "serving" / "echo" / "requirements.txt"
TORCH = ROOT / "serving" / "flask-torch" / "requirements.txt"


class Notes(Show):
    """Keeps what stays."""

    def __init__(self) -> None:
        self.notes: list[str] = []
        self.steps = 0

    def note(self, what: object) -> None:
        self.notes.append(str(what))

    def step(self, count: int = 1) -> None:
        self.steps += count


@pytest.fixture(autouse=True)
def empty(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No environment is there, nothing in uv's cache, and nothing failed before."""
    monkeypatch.setattr(venvs, "STATE", tmp_path / "state")
    monkeypatch.setattr(venvs, "_failed", {})
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "cache"))


def keep(tmp_path: Path, name: str, kind: str) -> None:
    """Put a wheel into the cache, as far as uv writes down that it is there."""
    note = tmp_path / "cache" / "wheels-v9" / "pypi" / "some" / f"1-tags.{kind}"
    note.parent.mkdir(parents=True, exist_ok=True)
    note.write_bytes(b"\x93\xd9" + name.encode() + b"\xa0")


@pytest.mark.parametrize("kind", ["http", "rev"])
def test_what_the_cache_has_is_not_downloaded(tmp_path: Path, kind: str) -> None:
    ahead = downloads([(ECHO,)])
    assert {wheel.package[0] for wheel in ahead} >= {"grpcio", "numpy", "uvloop"}
    one = next(wheel for wheel in ahead if wheel.package[0] == "numpy")
    keep(tmp_path, one.name, kind)
    assert downloads([(ECHO,)]) == ahead - {one}


def test_an_environment_counts_once_and_torch_not_at_all() -> None:
    assert downloads([(ECHO,), (ECHO,)]) == downloads([(ECHO,)])
    assert "torch" not in {wheel.package[0] for wheel in downloads([(TORCH,)])}


def test_beforehand_and_afterwards_is_told_what_is_downloaded(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    one = next(wheel for wheel in downloads([(ECHO,)]) if wheel.package[0] == "numpy")

    def make(*files: Path, say: object) -> Path:
        if files == (TORCH,):
            raise BakeoffError("no such index")
        keep(tmp_path, one.name, "http")
        return Path("python")

    monkeypatch.setattr(installing, "ensure_venv", make)
    show = Notes()
    before = sum(wheel.size_bytes for wheel in downloads([(ECHO,), (TORCH,)]))
    install_all([(ECHO,), (TORCH,), (ECHO,)], show)
    first, last = show.notes
    assert "2 environments" in first and in_words(before) in first and "besides torch" in first
    assert "installed 1 of 2 environments" in last and in_words(one.size_bytes) in last
    assert show.steps == 2


def test_what_is_there_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(installing, "is_ready", lambda *files: True)
    show = Notes()
    install_all([(ECHO,)], show)
    assert show.notes == []


def installer(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, program: str) -> None:
    """Let both installer and uv be this program."""
    script = tmp_path / "program.py"
    script.write_text(program, encoding="utf-8")
    uv = tmp_path / "uv"
    uv.write_text(f"#!/bin/sh\nexec {sys.executable} {script}\n", encoding="utf-8")
    uv.chmod(0o755)
    monkeypatch.setattr(venvs, "UV", uv)
    monkeypatch.setattr(venvs, "INSTALLER", script)
    here = Interpreter(Path(sys.executable), sys.version_info[:2])
    monkeypatch.setattr(venvs, "require_interpreter", lambda files, say: here)


def test_a_failed_installation_ends_with_its_log_and_is_not_tried_again(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    asked = tmp_path / "asked"
    installer(monkeypatch, tmp_path, f"open({str(asked)!r}, 'a').write('x'); raise SystemExit('no such wheel')")
    for _ in range(2):
        with pytest.raises(BakeoffError, match="no such wheel"):
            venvs.ensure_venv(ECHO, say=lambda text: None)
    assert asked.read_text(encoding="utf-8") == "x"


def test_ctrl_c_ends_the_installers(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    installer(monkeypatch, tmp_path, "import time; time.sleep(600)")

    def interrupt() -> None:
        while len(venvs._running) < 2:
            time.sleep(0.01)
        os.kill(os.getpid(), signal.SIGINT)

    threading.Thread(target=interrupt, daemon=True).start()
    running = venvs._running
    with pytest.raises(KeyboardInterrupt):
        install_all([(ECHO,), (TORCH,), (ROOT / "engines" / "requirements.txt",)], Notes())
    assert not running, "the third was never begun, and the other two are gone"


def test_an_environment_is_another_on_another_python_or_with_another_lock(tmp_path: Path) -> None:
    requirements = tmp_path / "requirements.txt"
    requirements.write_text("one==1\n", encoding="utf-8")
    first = venvs.venv_path([requirements], Interpreter(Path("python3.11"), (3, 11)))
    assert first != venvs.venv_path([requirements], Interpreter(Path("python3.12"), (3, 12)))
    assert first == venvs.venv_path([requirements], Interpreter(Path("/usr/bin/python3.11"), (3, 11)))
    lock_of(requirements).write_text(f"{DIGEST}{digest_of(requirements)}\none==1\n", encoding="utf-8")
    assert first != venvs.venv_path([requirements], Interpreter(Path("python3.11"), (3, 11)))
