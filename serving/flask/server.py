"""Serve an artifact with Flask and a plain gRPC server, the way it was done before model servers."""

from __future__ import annotations

import os
import sys
from pathlib import Path

FOLDER = Path(__file__).resolve().parent
SHARED = FOLDER.parent / "shared"
sys.path.insert(0, str(SHARED))

from command_line import parse_command_line, require_free_ports  # noqa: E402
from supervisor import supervise  # noqa: E402


def main() -> int:
    """Run gunicorn for REST and grpc_server.py, each with the engine, until a signal or until one of them ends.

    The engine is imported by these two only: TensorFlow does not survive a fork.
    """
    options = parse_command_line(__doc__, knows=("engine", "wires"))
    require_free_ports(options)
    metrics = Path.cwd() / "metrics"
    metrics.mkdir(exist_ok=True)
    for stale in metrics.iterdir():
        stale.unlink()
    search = [str(FOLDER), str(SHARED), os.environ.get("PYTHONPATH", "")]
    environment = os.environ | {
        "PYTHONPATH": os.pathsep.join(filter(None, search)),
        "PROMETHEUS_MULTIPROC_DIR": str(metrics),
        "OMP_NUM_THREADS": str(options.threads),
    }
    gunicorn = [sys.executable, "-m", "gunicorn", "--config", str(FOLDER / "gunicorn_settings.py")]
    gunicorn += ["--bind", f"{options.host}:{options.rest_port}", "--workers", str(options.workers)]
    gunicorn.append(f"app:create_app({sys.argv[1:]!r})")
    grpc_server = [sys.executable, str(FOLDER / "grpc_server.py"), *sys.argv[1:]]
    return supervise({"gunicorn": gunicorn, "the gRPC server": grpc_server}, environment)


if __name__ == "__main__":
    sys.exit(main())
