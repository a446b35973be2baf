"""What a target's image does once without serving, and a page that only its container can reach."""

from __future__ import annotations

import json
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from bakeoff.errors import TargetFailed
from bakeoff.host.catalog import serving_arguments
from bakeoff.platforms import docker_engine
from bakeoff.platforms.local_programs import timing_command
from bakeoff.platforms.platform import BARE_S, CHECK_S, EX_DATAERR, FormatCheck, InProcessTime, read_in_process_time
from bakeoff.schema import Reason, Target
from bakeoff.schema.reasons import Value

IMPORT_PATH = "/app/src:/app"
"""Where the images have src and engines."""

READ_PRIVATE_PAGE = """
import sys, urllib.request
with open(sys.argv[1]) as file:
    print(urllib.request.urlopen(f"http://127.0.0.1:{file.read()}{sys.argv[2]}", timeout=5).read().decode())
"""


def _failed(code: str, target: Target, format: str, **values: Value) -> TargetFailed:
    return TargetFailed(Reason(code, {"target": target.name, "format": format, **values}))


def check_format(target: Target, model_dir: Path, format: str) -> FormatCheck:
    """Run a target's own check of an artifact in a container. Raises TargetFailed where it can't tell."""
    model = model_dir.name
    name = f"{docker_engine.RUN_PROJECT}-check-{target.name}-{format}"
    what = ["--model", model, "--model-dir", f"/artifacts/{model}", "--format", format, *serving_arguments(target)]
    argv = ["run", "--no-deps", "--no-TTY", "--name", name, "--volume", "/exchange", target.name, *what]
    try:
        done = docker_engine.compose(*argv, "--check", "/exchange/outputs.npz", env={"MODEL": model}, timeout_s=CHECK_S)
    except subprocess.TimeoutExpired:
        raise _failed("check_slow", target, format, seconds=CHECK_S) from None
    container = docker_engine.find(name)
    if container is None:
        text = docker_engine.last_line(done.stderr)
        raise TargetFailed(Reason("container_failed", {"target": target.name, "text": text}))
    try:
        if done.returncode not in (0, EX_DATAERR) or not done.stdout.strip():
            text = docker_engine.last_line(done.stderr)[-400:]
            raise _failed("check_failed", target, format, text=text)
        said = json.loads(done.stdout.strip().splitlines()[-1])
        arrays: dict[str, np.ndarray[Any, Any]] = {}
        if said["ok"]:
            with tempfile.TemporaryDirectory() as folder:
                docker_engine.copy_out(container, "/exchange/outputs.npz", Path(folder))
                with np.load(Path(folder) / "outputs.npz", allow_pickle=False) as stored:
                    arrays = {key: stored[key] for key in stored.files}
    finally:
        docker_engine.remove(container)
    return FormatCheck(said["runtime"], said["ok"], said["max_abs_error"], said["message"] or None, arrays)


def time_in_process(
    target: Target, prepared: str, model_dir: Path, format: str, cpus: str | None
) -> InProcessTime | None:
    """Time an artifact in a target's engine, in a container; None where it has no engine. Raises TargetFailed."""
    if target.engine is None:
        return None
    model = model_dir.name
    name = f"{docker_engine.RUN_PROJECT}-in-process-{target.name}-{format}"
    argv = ["run", "--rm", "--no-deps", "--no-TTY", "--name", name, "--entrypoint", "python"]
    argv += ["--env", f"PYTHONPATH={IMPORT_PATH}", target.name, *timing_command(target, f"/artifacts/{model}", format)]
    variables = {"MODEL": model, **({"SERVER_CPUS": cpus} if cpus else {})}
    try:
        done = docker_engine.compose(*argv, env=variables, timeout_s=BARE_S)
        return read_in_process_time(done.stdout)
    except subprocess.TimeoutExpired:
        raise _failed("timing_slow", target, format, seconds=BARE_S) from None
    except (ValueError, KeyError, IndexError):
        said = docker_engine.last_line(done.stderr)[-400:]
        raise _failed("timing_failed", target, format, text=said) from None


def read_private_page(container: Any, port_file: str, path: str) -> str | None:
    """Fetch a page of a container's loopback by its own Python; the file in its working directory holds the port."""
    try:
        status, text = container.exec_run(["python", "-S", "-c", READ_PRIVATE_PAGE, port_file, path], stderr=False)
    except docker_engine.GONE:
        return None
    page: str = text.decode("utf-8", "replace")
    return page if status == 0 else None
