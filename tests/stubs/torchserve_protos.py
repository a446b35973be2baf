"""Make Python of TorchServe's own gRPC description, to hold our messages against."""

from __future__ import annotations

import importlib.metadata
import zipfile
from pathlib import Path

import grpc_tools
from grpc_tools import protoc

JAR = "ts/frontend/model-server.jar"
# In the jar -> where to put it: the first imports the second by this path.
SOURCES = {"proto/inference.proto": "inference.proto", "google/rpc/status.proto": "google/rpc/status.proto"}
WELL_KNOWN_PROTOS = Path(grpc_tools.__file__).parent / "_proto"


def compile_protos(folder: Path) -> None:
    """Write inference_pb2, inference_pb2_grpc and what they import into a folder."""
    jar = importlib.metadata.distribution("torchserve").locate_file(JAR)
    with zipfile.ZipFile(str(jar)) as archive:
        for source, name in SOURCES.items():
            file = folder / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(archive.read(source))
    arguments = [f"-I{folder}", f"-I{WELL_KNOWN_PROTOS}", f"--python_out={folder}", f"--grpc_python_out={folder}"]
    if protoc.main(["protoc", *arguments, *SOURCES.values()]) != 0:
        raise RuntimeError("TorchServe's proto files do not compile; what protoc said stands above")
