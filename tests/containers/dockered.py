"""Running docker and this checkout's command, and looking for what they leave."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from bakeoff.host.catalog import load_targets

ROOT = Path(__file__).resolve().parents[2]
SERVERS = [
    target.name for target in load_targets().values() if target.container is not None and not target.container.profile
]
"""What `docker compose up` builds and starts."""
RUN, STACK = "bakeoff-run", "bakeoff"


def docker(*arguments: str, timeout_s: float = 600, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run docker in the checkout, without TensorFlow Serving, whose image may not be had."""
    environment = {**os.environ, "COMPOSE_PROFILES": "", **variables}
    command = ["docker", *arguments]
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=timeout_s)


def bakeoff(*arguments: str, timeout_s: float = 900, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run bakeoff's command without TensorFlow Serving."""
    command = [str(ROOT / "scripts" / "bakeoff"), *arguments]
    environment = {**os.environ, "COMPOSE_PROFILES": "", **variables}
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=timeout_s)


def left(project: str) -> str:
    """Return the containers and networks that a compose project has."""
    label = f"label=com.docker.compose.project={project}"
    containers = docker("ps", "--all", "--filter", label, "--format", "{{.Names}} {{.Status}}").stdout
    return containers + docker("network", "ls", "--filter", label, "--format", "network {{.Name}}").stdout
