"""The compose files: made from the targets, and what no container may have."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from bakeoff.cli import app
from bakeoff.errors import UsageError
from bakeoff.host.catalog import OLD_NAMES, SERVING, load_targets, program_of
from bakeoff.platforms import compose_files
from bakeoff.schema import Container, Target

ROOT = Path(__file__).resolve().parents[2]
TARGETS = load_targets()
BUILT = [target for target in TARGETS.values() if target.container]
INCLUDED = [target for target in TARGETS.values() if (SERVING / target.name / "compose.yml").exists()]
COMPOSE_FILES = [ROOT / "docker-compose.yml", *(SERVING / target.name / "compose.yml" for target in INCLUDED)]
DOCKERFILES = sorted([*ROOT.glob("*/Dockerfile"), *ROOT.glob("serving/*/Dockerfile")])
PORTS = {
    **{"torchserve": 8511, "tfserving": 8521, "lean-tflite": 8531, "lean-litert": 8541},
    **{"flask-torch": 8551, "flask-tf": 8561, "echo": 8571, "client-floor": 8581},
}
"""Where people have found REST so far; gRPC is the one before."""


def identifier(value: Path | Target) -> str:
    return value.name if isinstance(value, Target) else str(value.relative_to(ROOT))


def services_of(path: Path) -> dict[str, str]:
    """The text of each service of a compose file, by its name."""
    _, _, text = path.read_text(encoding="utf-8").partition("\nservices:\n")
    text = re.split(r"^\w", text, maxsplit=1, flags=re.MULTILINE)[0]
    parts = re.split(r"^  ([\w-]+):\n", text, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


SERVICES = {
    **services_of(ROOT / "compose" / "server.yml"),
    **services_of(ROOT / "docker-compose.yml"),
}
CONFINED = (
    "read_only: true",
    "cap_drop: [ALL]",
    'security_opt: ["no-new-privileges:true"]',
    "init: true",
    "pids_limit: ",
    "mem_limit: ",
)


def text_of(target: Target) -> str:
    """A target's service, in the file that is made or in its own."""
    if target.container:
        return SERVICES[target.name]
    return services_of(SERVING / target.name / "compose.yml")[target.name]


def test_the_files_are_what_the_targets_say() -> None:
    assert compose_files.differing(compose_files.render(TARGETS.values())) == [], "run scripts/bakeoff compose"


def test_the_command_makes_the_files_and_checks_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = {template: tmp_path / path.name for template, path in compose_files.FILES.items()}
    monkeypatch.setattr(compose_files, "FILES", made)
    assert CliRunner().invoke(app, ["compose", "--check"]).exit_code == 1
    assert not any(path.exists() for path in made.values())
    assert CliRunner().invoke(app, ["compose"]).exit_code == 0
    assert all(path.exists() for path in made.values())
    assert CliRunner().invoke(app, ["compose", "--check"]).exit_code == 0
    made["docker-compose.yml.j2"].write_text("services: {}\n", encoding="utf-8")
    assert CliRunner().invoke(app, ["compose", "--check"]).exit_code == 1


def test_every_target_has_one_service() -> None:
    assert sorted(target.name for target in (*BUILT, *INCLUDED)) == sorted(TARGETS)
    shared = {"export", "loadtest", "loadworker", "report"}
    assert set(services_of(ROOT / "docker-compose.yml")) == {t.name for t in BUILT} | shared | set(OLD_NAMES)


@pytest.mark.parametrize("target", TARGETS.values(), ids=identifier)
def test_a_service_has_what_all_have_and_its_ports(target: Target) -> None:
    text = text_of(target)
    assert "extends: {file: compose/server.yml, service: server}" in text
    if target.name in PORTS:
        published = re.findall(r"127\.0\.0\.1:(\d+):", text)
        assert published == [str(PORTS[target.name]), str(PORTS[target.name] - 1)]


@pytest.mark.parametrize("target", BUILT, ids=identifier)
def test_a_container_serves_as_its_target_does(target: Target) -> None:
    text = text_of(target)
    assert f"--format=${{BAKEOFF_FORMAT:-{target.formats[0]}}}" in text
    assert f"--workers={target.workers}" in text and f"--threads={target.threads}" in text
    assert f"entrypoint: [python, /app/{program_of(target).relative_to(ROOT)}]" in text
    if target.program is None:
        assert f"--engine={target.engine}\n" in text and f"--wires={','.join(target.wires)}\n" in text
    assert re.search(rf"^        TARGET: {target.name}$", text, re.MULTILINE)


def test_a_new_target_takes_its_place_and_starts_by_its_profile_alone() -> None:
    container = Container(8599, profile="later", apt=("one", "two"), without=("three",), environment={"A": "b"})
    toy = replace(TARGETS["lean-tflite"], name="lean-toy", container=container)
    made = compose_files.render([*TARGETS.values(), toy])
    text = made[ROOT / "docker-compose.yml"]
    service = text[text.index("\n  lean-toy:\n") :].partition("\n\n")[0]
    for line in ("    profiles: [later]", "        APT: one two", "        WITHOUT: three", "      A: b"):
        assert f"\n{line}\n" in service
    assert '"127.0.0.1:8599:8501"' in service and '"127.0.0.1:8598:8500"' in service
    assert "  lean-toy: {network_mode: host" in made[ROOT / "compose" / "host-network.yml"]
    assert not [target.name for target in BUILT if "profiles:" in text_of(target)], "today's start by default"


def test_two_targets_can_not_publish_one_port() -> None:
    both = replace(TARGETS["lean-tflite"], name="lean-toy", container=Container(8532))
    with pytest.raises(UsageError, match="lean-tflite and lean-toy publish port 8531"):
        compose_files.render([TARGETS["lean-tflite"], both])


@pytest.mark.parametrize(("old", "target"), OLD_NAMES.items())
def test_an_old_name_starts_the_target_when_it_is_asked_for(old: str, target: str) -> None:
    text = SERVICES[old]
    assert f"extends: {{service: {target}}}" in text and "profiles: [old-names]" in text
    assert f"aliases: [{target}]" in text, "the load must find it by the name that it knows"


@pytest.mark.skipif(shutil.which("docker") is None, reason="there is no docker command")
@pytest.mark.parametrize("name", [*OLD_NAMES, "lean-tflite"])
def test_compose_starts_a_part_by_name(name: str) -> None:
    command = ["docker", "compose", "config", "--format", "json", name, "loadtest"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=600)
    if "is not a docker command" in done.stderr:
        pytest.skip("docker has no Compose here")
    assert done.returncode == 0, done.stderr
    services = json.loads(done.stdout)["services"]
    assert set(services) == {name, "loadtest", "export"}
    assert f"TARGET={OLD_NAMES.get(name, name)}" in "".join(
        f"{k}={v}" for k, v in services[name]["build"]["args"].items()
    )


@pytest.mark.parametrize("path", COMPOSE_FILES, ids=identifier)
def test_ports_are_published_on_the_loopback_alone(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    pairs = re.findall(r'"((?:[\d.]+:)?\d+:\d+)"', text)
    assert all(pair.startswith("127.0.0.1:") for pair in pairs), pairs
    for word in ("privileged: true", "docker.sock", "0.0.0.0:8"):
        assert word not in text


@pytest.mark.parametrize("path", DOCKERFILES, ids=identifier)
def test_an_image_starts_from_the_one_base_and_is_not_roots(path: Path) -> None:
    lines = [line for line in path.read_text(encoding="utf-8").splitlines() if not line.startswith("#")]
    assert lines[0] == "ARG PYTHON_IMAGE=python:3.11-slim-bookworm"
    assert {line for line in lines if line.startswith("FROM")} == {
        "FROM ${PYTHON_IMAGE} AS build",
        "FROM ${PYTHON_IMAGE}",
    }
    assert lines.index("USER 10001:10001") > lines.index("FROM ${PYTHON_IMAGE}")


def test_one_dockerfile_serves_every_target() -> None:
    assert {identifier(path) for path in DOCKERFILES} == {
        "loadtest/Dockerfile",
        "models/Dockerfile",
        "serving/Dockerfile",
    }


@pytest.mark.parametrize("service", ["server", "export", "loadtest", "loadworker", "report"])
def test_a_container_has_as_few_rights_as_possible(service: str) -> None:
    for setting in CONFINED:
        assert f"\n    {setting}" in f"\n{SERVICES[service]}", setting


@pytest.mark.parametrize("target", TARGETS.values(), ids=identifier)
def test_a_target_takes_no_right_back(target: Target) -> None:
    text = text_of(target)
    for key in ("user", "read_only", "cap_drop", "cap_add", "security_opt", "pids_limit", "mem_limit", "network_mode"):
        assert not re.search(rf"^\s+{key}:", text, re.MULTILINE), key


def test_servers_are_nobodys() -> None:
    assert 'user: "10001:10001"' in SERVICES["server"]
