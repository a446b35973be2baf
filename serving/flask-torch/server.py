"""Serve a TorchScript model with Flask and a plain gRPC server, the way it was done before model servers."""

from __future__ import annotations

import sys
from pathlib import Path

FOLDER = Path(__file__).resolve().parent
sys.path.insert(0, str(FOLDER.parent / "shared"))

from command_line import parse_command_line, require_free_ports  # noqa: E402
from protos import compile_protos  # noqa: E402
from supervisor import serve  # noqa: E402

if __name__ == "__main__":
    options = parse_command_line()
    require_free_ports(options)
    compile_protos(Path.cwd())
    serve(options, FOLDER, FOLDER.parent / "torchserve")
