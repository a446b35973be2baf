"""The loadtest container: Locust's page under `docker compose up`, a measurement under `docker compose run`.

    docker compose up --detach --wait            Locust's page on http://127.0.0.1:8089, for loading by hand
    docker compose run --rm loadtest             measure what is up; the report is on http://127.0.0.1:8000
    docker compose run --rm loadtest measure --quick --target lean-tflite         with options of `bakeoff run`
    docker compose run --rm loadtest page        Locust's page after all
    LOAD_WORKERS=2 COMPOSE_PROFILES=scale-out docker compose up --detach --wait --scale loadworker=2
                                                 the page, with workers in containers of their own

Without an argument it tells the two apart by the service's name, which Compose gives to the container of an `up` alone.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import NoReturn

APP = Path(__file__).resolve().parents[1]
MODEL = os.environ.get("MODEL", "digits_cnn")


def is_the_service() -> bool:
    """Tell whether this container is the service's own, and not one of `docker compose run`."""
    try:
        return socket.gethostbyname("loadtest") == socket.gethostbyname(socket.gethostname())
    except OSError:
        return False


def serve_page(arguments: list[str]) -> None:
    """Become Locust with its page, for every endpoint that may be up."""
    subprocess.run(["bakeoff", "plan", "--model", MODEL], check=True)
    workers = os.environ.get("LOAD_WORKERS", "0")
    master = ["--master", "--expect-workers", workers] if workers != "0" else []
    become_locust("--web-host", "0.0.0.0", *master, *arguments)


def become_locust(*arguments: str) -> NoReturn:
    """Become Locust with these options."""
    locust = ["locust", "-f", str(APP / "loadtest" / "locustfile.py"), *arguments]
    os.execvp(locust[0], locust)


def measure(arguments: list[str]) -> int:
    """Measure the servers that are up; return bakeoff's exit status."""
    name = datetime.now(UTC).strftime("%Y%m%d-%H%M%S")
    run = ["bakeoff", "run", "--platform", "remote", "--out", f"results/{name}"]
    model = [] if "--model" in arguments else ["--model", MODEL]
    status = subprocess.run([*run, *model, *arguments], check=False).returncode
    if (APP / "results" / name / "report.html").exists():
        sys.stderr.write(
            f"report: http://127.0.0.1:8000/{name}/report.html (docker compose up --detach report)\n"
            f"a copy of it all: docker compose cp report:/app/results/{name} .\n"
        )
    return status


def main(arguments: list[str]) -> int:
    """Do what the first argument says."""
    mode, *rest = arguments or ["page" if is_the_service() else "measure"]
    if mode == "page":
        serve_page(rest)
    elif mode == "worker":
        become_locust("--worker", "--master-host", os.environ.get("LOAD_MASTER", "loadtest"), *rest)
    elif mode == "measure":
        return measure(rest)
    sys.stderr.write(f"{mode!r} is unknown; allowed: measure, page, worker\n")
    return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
