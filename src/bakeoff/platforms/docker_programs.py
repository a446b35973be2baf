"""What a target's image does once without serving, and a page that only its container can reach."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any

from bakeoff.errors import TargetFailed
from bakeoff.host.catalog import serving_arguments
from bakeoff.platforms import docker_engine
from bakeoff.platforms.programs import BARE_S, CHECK_S, Done, timing_command
from bakeoff.schema import Reason, Target

IMPORT_PATH = "/app/src:/app"
"""Where the images have src and engines."""

READ_PRIVATE_PAGE = """
import sys, urllib.request
with open(sys.argv[1]) as file:
    print(urllib.request.urlopen(f"http://127.0.0.1:{file.read()}{sys.argv[2]}", timeout=5).read().decode())
"""


def run_check(target: Target, model: str, format: str, outputs: Path) -> Done:
    """Run a target's own check of an artifact in a container, and bring its answers here."""
    name = f"{docker_engine.RUN_PROJECT}-check-{target.name}-{format}"
    what = ["--model", model, "--model-dir", f"/artifacts/{model}", "--format", format, *serving_arguments(target)]
    argv = ["run", "--no-deps", "--no-TTY", "--name", name, "--volume", "/exchange", target.name, *what]
    argv += ["--check", f"/exchange/{outputs.name}"]
    done = _run(argv, {"MODEL": model}, CHECK_S)
    container = docker_engine.find(name)
    if container is None:
        raise TargetFailed(Reason("container_failed", {"target": target.name, "text": done.stderr}))
    try:
        with contextlib.suppress(*docker_engine.GONE):  # of a check that failed there are none
            docker_engine.copy_out(container, f"/exchange/{outputs.name}", outputs.parent)
    finally:
        docker_engine.remove(container)
    return done


def run_timing(target: Target, model: str, format: str, cpus: str | None) -> Done:
    """Time an artifact in a target's engine, in a container."""
    name = f"{docker_engine.RUN_PROJECT}-in-process-{target.name}-{format}"
    argv = ["run", "--rm", "--no-deps", "--no-TTY", "--name", name, "--entrypoint", "python"]
    argv += ["--env", f"PYTHONPATH={IMPORT_PATH}", target.name, *timing_command(target, f"/artifacts/{model}", format)]
    return _run(argv, {"MODEL": model, **({"SERVER_CPUS": cpus} if cpus else {})}, BARE_S)


def _run(argv: list[str], variables: dict[str, str], limit_s: float) -> Done:
    """Run Compose; of what it says to stderr the last line is the program's."""
    done = docker_engine.compose(*argv, env=variables, timeout_s=limit_s)
    return Done(done.args, done.returncode, done.stdout, docker_engine.last_line(done.stderr))


def read_private_page(container: Any, port_file: str, path: str) -> str | None:
    """Fetch a page of a container's loopback by its own Python; the file in its working directory holds the port."""
    try:
        status, text = container.exec_run(["python", "-S", "-c", READ_PRIVATE_PAGE, port_file, path], stderr=False)
    except docker_engine.GONE:
        return None
    page: str = text.decode("utf-8", "replace")
    return page if status == 0 else None
