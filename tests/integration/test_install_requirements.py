"""torch is the CPU build wherever one can be found, and an index that can't be reached fails nothing."""

from __future__ import annotations

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


@pytest.fixture
def python(tmp_path: Path) -> Path:
    """An empty environment's Python."""
    subprocess.run([sys.executable, "-m", "venv", str(tmp_path / "venv")], check=True)
    return tmp_path / "venv" / "bin" / "python"


@pytest.mark.parametrize(
    ("there", "installed"),
    [(("9.9.9", "9.9.9+cpu"), "9.9.9+cpu"), (("9.9.9",), "9.9.9")],
    ids=["a CPU build is configured", "only the default build can be found"],
)
def test_the_cpu_build_is_preferred(there: tuple[str, ...], installed: str, python: Path, tmp_path: Path) -> None:
    wheels = tmp_path / "wheels"
    wheels.mkdir()
    for version in there:
        make_wheel(wheels, "torch", version)
    make_wheel(wheels, "other", "1.0")
    requirements = tmp_path / "requirements.txt"
    requirements.write_text("# a comment\ntorch==9.9.9\nother==1.0\n", encoding="utf-8")
    # No index and no settings of the machine: what lies in the folder is all there is.
    environment = {"PATH": os.environ["PATH"], "PIP_FIND_LINKS": str(wheels), "PIP_NO_INDEX": "1"}
    done = subprocess.run(
        [str(python), str(INSTALLER), str(requirements)],
        env={**environment, "PIP_CONFIG_FILE": os.devnull},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert ("no CPU build" in done.stderr) == (installed == "9.9.9")
    listed = subprocess.run([str(python), "-m", "pip", "list"], capture_output=True, text=True).stdout
    assert [line.split()[1] for line in listed.splitlines() if line.startswith("torch ")] == [installed]


def test_what_cannot_be_found_is_an_error(python: Path, tmp_path: Path) -> None:
    requirements = tmp_path / "requirements.txt"
    requirements.write_text("surely-no-such-package==1.0\n", encoding="utf-8")
    environment = {"PATH": os.environ["PATH"], "PIP_NO_INDEX": "1", "PIP_CONFIG_FILE": os.devnull}
    done = subprocess.run([str(python), str(INSTALLER), str(requirements)], env=environment, capture_output=True)
    assert done.returncode == 1
