"""Lock files say what is installed, each of its own requirements; the table of wheels says where that can be."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from bakeoff.errors import BakeoffError
from bakeoff.host import locks
from bakeoff.host.files import ROOT
from bakeoff.host.locks import DIGEST, MACHINES, PYTHONS, UNHASHED, Wheel, digest_of, lock_of, pythons_for, read_pins

PROGRAMS = ("benchmarks", "engines", "loadtest", "models", "serving", "tests")
REQUIREMENTS = sorted(path for folder in PROGRAMS for path in (ROOT / folder).rglob("requirements*.txt"))
PROJECT = ROOT / "pyproject.toml"
LOCKS = [*(lock_of(path) for path in REQUIREMENTS), lock_of(PROJECT), ROOT / "requirements-dev.lock"]
TOGETHER = (
    ("requirements.lock", "loadtest/requirements.lock"),  # the load generator's image
    ("loadtest/requirements.lock", "benchmarks/requirements.lock"),
    ("models/requirements.lock", "models/requirements-hf.lock"),
    ("models/executorch/requirements.lock", "models/requirements-hf.lock"),
    ("serving/flask-tf/requirements.lock", "tests/stubs/requirements.lock"),
)
"""Lock files that are installed into one environment."""
NOT_EVERYWHERE = {
    ("serving/lean-tflite/requirements.txt", (3, 12)): {"tflite-runtime 2.14.0"},
    ("serving/lean-tflite/requirements.txt", (3, 13)): {"tflite-runtime 2.14.0", "numpy 1.26.4"},
    ("serving/lean-tflite/requirements.txt", (3, 14)): {"tflite-runtime 2.14.0", "numpy 1.26.4"},
    ("serving/flask-tf/requirements.txt", (3, 14)): {"tensorflow 2.21.0", "h5py 3.14.0"},
}
"""What has no wheels, without the -cpu of TensorFlow's distribution for x86_64. docs/targets.md says the same."""


def identifier(path: Path) -> str:
    return str(path.relative_to(ROOT))


def stated(path: Path) -> list[Requirement]:
    """Return the requirements in a requirements file, or in pyproject.toml."""
    if path != PROJECT:
        return read_pins(path)
    return [Requirement(line) for line in tomllib.loads(path.read_text(encoding="utf-8"))["project"]["dependencies"]]


@pytest.mark.parametrize("path", [*REQUIREMENTS, PROJECT], ids=identifier)
def test_a_lock_is_of_its_requirements(path: Path) -> None:
    lock = lock_of(path)
    assert f"{DIGEST}{digest_of(path)}\n" in lock.read_text(encoding="utf-8"), "run scripts/lock"
    locked = {(pin.name, str(pin.specifier)) for pin in read_pins(lock)}
    missing = {(pin.name, str(pin.specifier)) for pin in stated(path)} - locked
    assert {name for name, _ in missing} <= UNHASHED


@pytest.mark.parametrize("lock", LOCKS, ids=identifier)
def test_everything_locked_has_hashes_and_names_no_place(lock: Path) -> None:
    text = lock.read_text(encoding="utf-8").replace(" \\\n", " ")
    entries = [line for line in text.splitlines() if not line.startswith("#")]
    assert entries and all(re.search(r"--hash=sha256:[0-9a-f]{64}( |$)", entry) for entry in entries)
    assert not {Requirement(entry.partition(" --hash")[0]).name for entry in entries} & UNHASHED
    assert not re.search(r"://|find-links|index-url|^/|nvidia|triton", text)


@pytest.mark.parametrize("names", TOGETHER, ids=" ".join)
def test_locks_of_one_environment_agree(names: tuple[str, ...]) -> None:
    versions: dict[str, set[str]] = {}
    for name in names:
        for pin in read_pins(ROOT / name):
            versions.setdefault(pin.name, set()).add(str(pin.specifier))
    assert not {name: found for name, found in versions.items() if len(found) > 1}


@pytest.mark.parametrize("machine", MACHINES)
@pytest.mark.parametrize("path", REQUIREMENTS, ids=identifier)
def test_every_pin_has_a_wheel_but_where_the_documents_say_not(path: Path, machine: str) -> None:
    for python in PYTHONS:
        files, missing = locks.files_for([path], python, machine)
        known = {name.replace("tensorflow-cpu", "tensorflow") for name in missing}
        assert known == NOT_EVERYWHERE.get((identifier(path), python), set())
        assert len(files) + len(missing) == len(
            [pin for pin in locks.pins_of([path]) if locks.applies(pin, python, machine)]
        ), "something locked is not in scripts/wheels.tsv: run scripts/lock"


@pytest.mark.parametrize("lock", LOCKS[-2:], ids=identifier)
@pytest.mark.parametrize("machine", MACHINES)
def test_the_command_runs_on_every_python(lock: Path, machine: str) -> None:
    for python in PYTHONS:
        for pin in read_pins(lock):
            known = locks.wheel_table()[pin.name, next(iter(pin.specifier)).version]
            assert not locks.applies(pin, python, machine) or any(wheel.fits(python, machine) for wheel in known), pin


@pytest.mark.parametrize(
    ("name", "fits"),
    [
        ("a-1-cp311-cp311-manylinux_2_28_x86_64.whl", {((3, 11), "x86_64")}),
        ("a-1-cp312-cp312-manylinux2014_aarch64.manylinux_2_17_aarch64.whl", {((3, 12), "aarch64")}),
        ("a-1-cp312-abi3-manylinux2014_x86_64.whl", {((3, n), "x86_64") for n in (12, 13, 14)}),
        ("a-1-py2.py3-none-any.whl", {(python, machine) for python in PYTHONS for machine in MACHINES}),
        ("a-1-py3-none-manylinux_2_28_aarch64.whl", {(python, "aarch64") for python in PYTHONS}),
        ("a-1-cp313-cp313t-manylinux_2_28_x86_64.whl", set()),
        ("a-1-cp311-cp311-musllinux_1_2_x86_64.whl", set()),
        ("a-1-cp311-cp311-win_amd64.whl", set()),
        ("a-1-pp311-pypy311_pp73-manylinux_2_28_x86_64.whl", set()),
    ],
)
def test_a_wheel_fits_by_its_tags(name: str, fits: set[tuple[locks.Version, str]]) -> None:
    assert {(p, m) for p in PYTHONS for m in MACHINES if Wheel(name, 1).fits(p, m)} == fits


@pytest.mark.parametrize("name", ["ai_edge_litert-2.3.0-cp311-cp311-linux_x86_64.whl", "ai-edge-litert-2.3.0.tar.gz"])
def test_a_files_name_tells_its_package(name: str) -> None:
    assert Wheel(name, 1).package == ("ai-edge-litert", "2.3.0")


def test_an_outdated_lock_is_refused(tmp_path: Path) -> None:
    requirements = tmp_path / "requirements.txt"
    requirements.write_text("one==1\n", encoding="utf-8")
    assert locks.current_lock(requirements) is None
    lock_of(requirements).write_text(f"{DIGEST}{digest_of(requirements)}\none==1\n", encoding="utf-8")
    assert locks.current_lock(requirements) == lock_of(requirements)
    requirements.write_text("one==2\n", encoding="utf-8")
    with pytest.raises(BakeoffError, match="run scripts/lock"):
        locks.current_lock(requirements)


def test_the_pythons_of_an_environment_are_those_with_wheels_within_its_bounds(tmp_path: Path) -> None:
    tflite = ROOT / "serving" / "lean-tflite" / "requirements.txt"
    assert locks.pythons_for([tflite], "x86_64") == {(3, 11): []}
    models = ROOT / "models" / "requirements.txt"
    assert list(locks.pythons_for([models], "aarch64")) == list(PYTHONS)
    assert "keras" in locks.pythons_for([models], "x86_64")[3, 14]
    bounded = tmp_path / "requirements.txt"
    bounded.write_text("# requires-python: >=3.12,<3.14\nunknown==1\n", encoding="utf-8")
    assert list(locks.pythons_for([bounded])) == [(3, 12), (3, 13)]


@pytest.mark.parametrize("machine", ["x86_64", "aarch64"])
def test_what_is_meant_for_another_machine_is_not_left_out(machine: str) -> None:
    suited = pythons_for([ROOT / "serving" / "flask-tf" / "requirements.txt"], machine)
    assert suited[3, 11] == suited[3, 13] == []
    export = pythons_for([ROOT / "models" / "requirements.txt"], machine)
    assert export[3, 13] == [] and "keras" in export[3, 14]
