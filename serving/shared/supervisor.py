"""Run the two halves of a Flask target, gunicorn for REST and a gRPC server, as one server."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import FrameType
from typing import NoReturn

from command_line import Options
from end_with_parent import end_with_parent

SHARED = Path(__file__).resolve().parent
STOP_SECONDS = 7.0  # the whole server must be gone within 10


class _Stopped(Exception):
    """A signal asked to stop."""


def serve(options: Options, folder: Path, *import_from: Path) -> NoReturn:
    """Run `app:create_app` under gunicorn and grpc_server.py, both of this folder, until a signal or until one ends.

    Both may import modules of the folder, of the shared one, of `import_from` and of the working directory.
    Exits with status 0 after SIGTERM or SIGINT, 1 if a half ended by itself; both halves are gone then.
    """
    metrics = Path.cwd() / "metrics"
    metrics.mkdir(exist_ok=True)
    for stale in metrics.iterdir():
        stale.unlink()
    search = [*map(str, (folder, SHARED, *import_from, Path.cwd())), os.environ.get("PYTHONPATH", "")]
    environment = os.environ | {
        "PYTHONPATH": os.pathsep.join(filter(None, search)),
        "PROMETHEUS_MULTIPROC_DIR": str(metrics),
        "OMP_NUM_THREADS": str(options.threads),
    }
    app = f"app:create_app({options.model!r}, {str(options.model_dir)!r}, {options.threads})"
    gunicorn = [sys.executable, "-m", "gunicorn", "--config", str(SHARED / "gunicorn_settings.py")]
    gunicorn += ["--bind", f"{options.host}:{options.rest_port}", "--workers", str(options.workers), app]
    grpc_server = [sys.executable, str(folder / "grpc_server.py"), *sys.argv[1:]]
    sys.exit(supervise({"gunicorn": gunicorn, "the gRPC server": grpc_server}, environment))


def supervise(commands: dict[str, list[str]], environment: dict[str, str]) -> int:
    """Run commands until a signal comes or the first of them ends, end the others, and return the exit status."""
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _stop)
    own_id = os.getpid()
    children: dict[str, subprocess.Popen[bytes]] = {}
    try:
        for name, command in commands.items():
            children[name] = subprocess.Popen(
                command, env=environment, preexec_fn=lambda: end_with_parent(own_id, signal.SIGTERM)
            )
        ended = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOWAIT)
        name = next((name for name, child in children.items() if child.pid == ended.si_pid), "a child")
        sys.stderr.write(f"error: {name} ended with status {ended.si_status}; what it said stands above\n")
        return 1
    except _Stopped:
        return 0
    finally:
        _end(list(children.values()))


def _stop(number: int, frame: FrameType | None) -> NoReturn:
    raise _Stopped


def _end(children: list[subprocess.Popen[bytes]]) -> None:
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.SIG_IGN)
    for child in children:
        child.terminate()
    deadline = time.monotonic() + STOP_SECONDS
    for child in children:
        try:
            child.wait(max(0.0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()
