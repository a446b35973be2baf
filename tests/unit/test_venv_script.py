"""scripts/_venv.sh takes any Python from 3.11 to 3.14, and names the remedy where there is none or no venv."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).resolve().parents[2] / "scripts" / "_venv.sh"
TOOLS = ("bash", "dirname", "rm", "tail", "touch")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A folder that is all of PATH: a shell's few tools, no Python."""
    (tmp_path / "scripts").mkdir()
    shutil.copy(SCRIPT, tmp_path / "scripts")
    for name in ("pyproject.toml", "requirements.lock"):
        (tmp_path / name).touch()
    folder = tmp_path / "bin"
    folder.mkdir()
    for tool in TOOLS:
        (folder / tool).symlink_to(shutil.which(tool) or tool)
    return folder


def python(folder: Path, name: str, version: tuple[int, int], venv: str = "exit 1") -> None:
    """Write a Python that knows its version, and whose -m venv and -m pip do this."""
    test = f"({version[0]}, {version[1]})"
    text = f'#!/bin/sh\nif [ "$1" = -m ]; then {venv}; fi\n'
    text += f'exec {sys.executable} -c "import sys; sys.version_info = {test}; exec(sys.argv[1])" "$2"\n'
    (folder / name).write_text(text, encoding="utf-8")
    (folder / name).chmod(0o755)


def source(path: Path) -> subprocess.CompletedProcess[str]:
    program = f"source {path.parent / 'scripts' / '_venv.sh'}"
    return subprocess.run(["bash", "-c", program], env={"PATH": str(path)}, capture_output=True, text=True)


def test_without_any_python_that_fits_the_remedy_is_named(path: Path) -> None:
    python(path, "python3", (3, 10))
    python(path, "python", (3, 15))
    done = source(path)
    assert done.returncode == 2
    assert "3.11, 3.12, 3.13 or 3.14" in done.stderr and "apt install python3 python3-venv" in done.stderr


def test_without_venv_pip_or_uv_the_package_is_named(path: Path) -> None:
    python(path, "python3", (3, 13))
    done = source(path)
    assert done.returncode == 2 and "apt install python3-venv" in done.stderr
    assert not (path.parent / ".venv").exists()


@pytest.mark.parametrize("version", [(3, 11), (3, 12), (3, 13), (3, 14)])
def test_a_python_that_fits_is_taken_though_the_first_one_does_not(path: Path, version: tuple[int, int]) -> None:
    python(path, "python3", (3, 9))
    asked = path.parent / "asked"
    python(path, f"python{version[0]}.{version[1]}", version, venv=f'echo "$*" >>{asked}; exit 1')
    assert source(path).returncode == 2
    assert asked.read_text(encoding="utf-8").startswith("-m venv ")


def test_a_failed_installation_shows_the_end_of_its_log_and_is_tried_again(path: Path) -> None:
    root = path.parent
    script = "#!/bin/sh\n[ $1 = -c ] && exit 0\necho no such index; exit 1"
    own = root / ".venv" / "bin" / "python"
    made = f"mkdir -p {own.parent}; printf '%s' '{script}' >{own}; chmod 755 {own}"
    python(path, "python3", (3, 12), venv=f"PATH=/usr/bin:/bin; {made}; exit 0")
    for _ in range(2):
        done = source(path)
        assert done.returncode == 1
        assert "no such index" in done.stderr and "run again" in done.stderr
