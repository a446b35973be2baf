"""What the installer takes: locked files by their hashes, from where pip would, and torch in its CPU build."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

INSTALLER = Path(__file__).resolve().parents[2] / "scripts" / "install_requirements.py"


def make_wheel(folder: Path, name: str, version: str) -> None:
    """Write a distribution without any code."""
    info = f"{name}-{version}.dist-info"
    with zipfile.ZipFile(folder / f"{name}-{version}-py3-none-any.whl", "w") as wheel:
        wheel.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
        wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr(f"{info}/RECORD", "")


def digest_of(folder: Path, name: str, version: str) -> str:
    return hashlib.sha256((folder / f"{name}-{version}-py3-none-any.whl").read_bytes()).hexdigest()


@pytest.fixture
def python(tmp_path: Path) -> Path:
    """An empty environment's Python."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(tmp_path / "venv")], check=True)
    return tmp_path / "venv" / "bin" / "python"


@pytest.fixture
def wheels(tmp_path: Path) -> Path:
    """A folder of wheels: all that there is."""
    folder = tmp_path / "wheels"
    folder.mkdir()
    make_wheel(folder, "other", "1.0")
    make_wheel(folder, "another", "1.0")
    return folder


def install(python: Path, wheels: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the installer with no index: what pip's settings name is the folder, and uv must have been told."""
    settings = wheels.parent / "pip.conf"
    settings.write_text(f"[global]\nfind-links =\n    {wheels}\nno-index = true\n", encoding="utf-8")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PIP_", "UV_"))}
    environment |= {"PIP_CONFIG_FILE": str(settings), "UV_CACHE_DIR": str(wheels.parent / "cache")}
    command = [sys.executable, str(INSTALLER), "--python", str(python), *arguments]
    return subprocess.run(command, env=environment, capture_output=True, text=True)


def installed(python: Path) -> set[str]:
    program = "import importlib.metadata as m; print(*(d.name + '==' + d.version for d in m.distributions()))"
    return set(subprocess.run([str(python), "-c", program], capture_output=True, text=True).stdout.split())


@pytest.mark.parametrize(
    ("there", "build"),
    [(("1.9.9", "1.9.9+cpu"), "1.9.9+cpu"), (("1.9.9",), "1.9.9")],
    ids=["a CPU build is configured", "only the default build can be found"],
)
def test_the_cpu_build_is_preferred(
    there: tuple[str, ...], build: str, python: Path, wheels: Path, tmp_path: Path
) -> None:
    for version in there:
        make_wheel(wheels, "torch", version)
    requirements = tmp_path / "requirements.txt"
    requirements.write_text("# a comment\ntorch==1.9.9\nother==1.0\n", encoding="utf-8")
    done = install(python, wheels, str(requirements))
    assert done.returncode == 0, done.stdout + done.stderr
    assert ("no CPU build" in done.stderr) == (build == "1.9.9")
    assert installed(python) == {f"torch=={build}", "other==1.0"}


def test_a_lock_is_installed_with_torch_and_without_what_is_left_out(
    python: Path, wheels: Path, tmp_path: Path
) -> None:
    make_wheel(wheels, "torch", "1.9.9+cpu")
    requirements = tmp_path / "requirements.txt"
    requirements.write_text("torch==1.9.9\nother==1.0\nanother==1.0\n", encoding="utf-8")
    lines = [f"{name}==1.0 --hash=sha256:{digest_of(wheels, name, '1.0')}\n" for name in ("other", "another")]
    (tmp_path / "requirements.lock").write_text("".join(lines), encoding="utf-8")
    done = install(python, wheels, "--without", "another", str(requirements))
    assert done.returncode == 0, done.stdout + done.stderr
    assert installed(python) == {"torch==1.9.9+cpu", "other==1.0"}


def test_a_file_with_another_hash_is_refused(python: Path, wheels: Path, tmp_path: Path) -> None:
    requirements = tmp_path / "requirements.txt"
    requirements.write_text("other==1.0\n", encoding="utf-8")
    (tmp_path / "requirements.lock").write_text(f"other==1.0 --hash=sha256:{'0' * 64}\n", encoding="utf-8")
    done = install(python, wheels, str(requirements))
    assert done.returncode == 1 and "hash" in done.stderr.lower()
    assert installed(python) == set()


def test_what_cannot_be_found_is_an_error(python: Path, wheels: Path, tmp_path: Path) -> None:
    requirements = tmp_path / "requirements.txt"
    requirements.write_text("surely-no-such-package==1.0\n", encoding="utf-8")
    assert install(python, wheels, str(requirements)).returncode == 1
