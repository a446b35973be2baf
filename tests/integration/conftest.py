"""A tiny model's artifacts, made by hand, and servers written for one behaviour each."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from bakeoff.platforms.deploy import Deployment, open_deployment
from bakeoff.platforms.local import Local
from bakeoff.schema import Target

# Answers every prediction with OUTPUT, over HTTP on --rest-port; its gRPC port stays closed.
HTTP_SERVER = """
    import argparse, http.server, json
    parser = argparse.ArgumentParser()
    for name in ("--model", "--model-dir", "--format", "--host", "--workers", "--threads"):
        parser.add_argument(name)
    parser.add_argument("--rest-port", type=int)
    parser.add_argument("--grpc-port", type=int)
    options = parser.parse_args()

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self):
            rows = json.loads(self.rfile.read(int(self.headers["content-length"])))["instances"]
            body = json.dumps({"predictions": [[value * FACTOR for value in row] for row in rows]}).encode()
            self.send_response(200)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    http.server.ThreadingHTTPServer((options.host, options.rest_port), Handler).serve_forever()
"""


@pytest.fixture
def deployment(tmp_path: Path) -> Deployment:
    """A model that doubles its input of two numbers."""
    folder = tmp_path / "artifacts" / "double"
    spec = {"dtype": "float32", "shape": [None, 2]}
    model = {"schema_version": 1, "name": "double", "sha256": "0" * 64, "atol": 1e-4, "rtol": 0.0}
    model |= {"inputs": [{"name": "x", **spec}], "outputs": [{"name": "y", **spec}]}
    folder.mkdir(parents=True)
    (folder / "model.json").write_text(json.dumps(model), encoding="utf-8")
    x = np.arange(16, dtype=np.float32).reshape(8, 2)
    np.savez(folder / "golden.npz", **{"input:x": x, "torch:y": 2 * x, "torchscript:y": 2 * x})
    manifest = {"schema_version": 1, "model": "double", "format": "torchscript", "file": "model.pt", "size_bytes": 1}
    manifest |= {"gzip_bytes": 1, "sha256": "0" * 64, "accuracy": None, "export_seconds": 0.1, "parity": []}
    manifest["files"] = []
    (folder / "torchscript").mkdir()
    (folder / "torchscript" / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    return open_deployment(folder, Local())


MakeTarget = Callable[..., Target]


@pytest.fixture
def make_target(tmp_path: Path) -> MakeTarget:
    """Return a function that makes a target of a program's text."""

    def make(program: str, name: str = "mine", **fields: object) -> Target:
        path = tmp_path / f"{name}.py"
        path.write_text(textwrap.dedent(program), encoding="utf-8")
        wires = ("tfserving-rest",)
        known = {"formats": ("torchscript",), "wires": wires, "program": str(path), "start_timeout_s": 10.0, **fields}
        return Target(name, "none", "a server of this test", **known)  # type: ignore[arg-type]

    return make


@pytest.fixture
def http_server() -> str:
    """A server program that multiplies by FACTOR."""
    return HTTP_SERVER
