"""Ask a server for one prediction over REST and connect to its gRPC port: canary.py REST_URL GRPC_PORT CANARY.json

CANARY.json is a model's first golden input as a JSON request. Exits with status 0 where the answer is a prediction, 1
with one line where it isn't. Standard library only: it runs as the health check of every image.
"""

from __future__ import annotations

import json
import socket
import sys
import urllib.request
from pathlib import Path

TIMEOUT_S = 8.0


def ask(url: str, grpc_port: int, canary: Path) -> str | None:
    """Return None where all is well, or what isn't."""
    request = urllib.request.Request(url, canary.read_bytes(), {"Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT_S) as reply:
            answer = json.load(reply)
        socket.create_connection(("127.0.0.1", grpc_port), TIMEOUT_S).close()
    except (OSError, ValueError) as error:
        return f"{url}: {error}"
    return None if answer.get("predictions") else f"{url}: no predictions in {str(answer)[:200]}"


if __name__ == "__main__":
    problem = ask(sys.argv[1], int(sys.argv[2]), Path(sys.argv[3]))
    if problem:
        sys.stderr.write(problem + "\n")
    sys.exit(1 if problem else 0)
