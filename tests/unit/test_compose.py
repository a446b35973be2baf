"""The compose files against the targets: what must be the same in both, and what no container may have."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from bakeoff.host.catalog import load_targets
from bakeoff.schema import Target

ROOT = Path(__file__).resolve().parents[2]
TARGETS = load_targets()
COMPOSE_FILES = [ROOT / "docker-compose.yml", *sorted((ROOT / "serving").glob("*/compose.yml"))]
DOCKERFILES = sorted([*ROOT.glob("*/Dockerfile"), *ROOT.glob("serving/*/Dockerfile")])
BUILT = [target for target in TARGETS.values() if target.requirements]


def identifier(value: Path | Target) -> str:
    return value.name if isinstance(value, Target) else str(value.relative_to(ROOT))


def test_every_target_is_included_once() -> None:
    text = (ROOT / "docker-compose.yml").read_text(encoding="utf-8")
    assert re.findall(r"path: serving/([\w-]+)/compose.yml", text) == sorted(TARGETS)


@pytest.mark.parametrize("target", TARGETS.values(), ids=identifier)
def test_a_service_is_called_as_its_target(target: Target) -> None:
    text = (ROOT / "serving" / target.name / "compose.yml").read_text(encoding="utf-8")
    assert re.search(rf"^  {target.name}:$", text, re.MULTILINE)
    assert "extends: {file: compose/server.yml, service: server}" in text


@pytest.mark.parametrize("target", BUILT, ids=identifier)
def test_a_container_serves_as_its_target_does(target: Target) -> None:
    text = (ROOT / "serving" / target.name / "compose.yml").read_text(encoding="utf-8")
    assert f"--format=${{BAKEOFF_FORMAT:-{target.formats[0]}}}" in text
    assert f"--workers={target.workers}" in text and f"--threads={target.threads}" in text
    dockerfile = (ROOT / "serving" / target.name / "Dockerfile").read_text(encoding="utf-8")
    assert f"serving/{target.name}/{target.requirements}" in dockerfile
    program = (ROOT / "serving" / target.name / target.program).resolve().relative_to(ROOT)
    assert f'ENTRYPOINT ["python", "/app/{program}"]' in dockerfile


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


def test_a_published_port_is_published_once() -> None:
    ports = [port for path in COMPOSE_FILES for port in re.findall(r"127\.0\.0\.1:(\d+):", path.read_text("utf-8"))]
    assert len(ports) == len(set(ports))


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


def test_the_services_are_found() -> None:
    assert set(SERVICES) >= {"server", "export", "loadtest", "loadworker", "report"}


@pytest.mark.parametrize("service", SERVICES)
def test_a_container_has_as_few_rights_as_possible(service: str) -> None:
    for setting in CONFINED:
        assert f"\n    {setting}" in f"\n{SERVICES[service]}", setting


@pytest.mark.parametrize("target", TARGETS.values(), ids=identifier)
def test_a_target_takes_no_right_back(target: Target) -> None:
    text = (ROOT / "serving" / target.name / "compose.yml").read_text(encoding="utf-8")
    for key in ("user", "read_only", "cap_drop", "cap_add", "security_opt", "pids_limit", "mem_limit", "network_mode"):
        assert not re.search(rf"^\s+{key}:", text, re.MULTILINE), key


def test_servers_are_nobodys() -> None:
    assert 'user: "10001:10001"' in SERVICES["server"]
