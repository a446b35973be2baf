"""Servers that cost almost nothing, to measure clients against: nginx for REST and nghttpd for gRPC.

Each answers with as many bytes as the request has, from a file in a temporary folder. Where one isn't installed, the
echo target takes its place, which costs more than any client does.
"""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from clients_run import tell
from google.protobuf.any_pb2 import Any as AnyMessage

from bakeoff.errors import BakeoffError
from bakeoff.host.files import ROOT
from bakeoff.host.processes import child_environment, confined, log_end, spawn, terminate
from bakeoff.host.venvs import ensure_venv
from bakeoff.platforms.ports import HOST, free_ports
from bakeoff.schema import TensorSpec
from bakeoff.wire import tfserving, torchserve
from bakeoff.wire.grpc_message import HEADER_BYTES, frame
from bakeoff.wire.proto.tfserving_pb2 import (
    DT_FLOAT,
    GetModelMetadataResponse,
    PredictResponse,
    SignatureDefMap,
    TensorInfo,
)

START_TIMEOUT_S = 30.0
MODEL = "floor"
GRPC_SERVICE = "floor.Floor"
SIGNATURES = "tensorflow.serving.SignatureDefMap"  # TensorFlow Serving's name of it, which our own proto file changes
ECHO = ROOT / "serving" / "echo"

NGINX_CONF = """
daemon off; master_process off; worker_processes 1; pid {folder}/pid;
events {{ worker_connections 64; }}
http {{
  access_log off; error_log {folder}/error.log; default_type application/octet-stream; types {{}}
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
  client_max_body_size 0; client_body_buffer_size 1m; keepalive_requests 1000000000; keepalive_timeout 1h;
  sendfile off; output_buffers 2 1m;  # head and body in one write
  open_file_cache max=16 inactive=1h; open_file_cache_valid 1h;
  server {{ listen {host}:{port}; root {folder}; location / {{ error_page 405 =200 $uri; }} }}
}}
"""  # a file answers no POST (405): the error's page is the file itself, with status 200


@dataclass(frozen=True, slots=True)
class Floor:
    """A running server: for each size of payload the path to ask and the file with the request, without gRPC frame."""

    name: str
    protocol: str
    port: int
    paths: dict[int, str]
    messages: dict[int, Path]


@contextmanager
def floor_servers(folder: Path, sizes: Sequence[int], cpus: str | None) -> Iterator[list[Floor]]:
    """Start a server a protocol in `folder` on the CPU set `cpus`; end them at the end."""
    starts = {
        "rest": start_nginx if shutil.which("nginx") else start_echo,
        "grpc": start_nghttpd if shutil.which("nghttpd") else start_echo,
    }
    floors, processes = [], []
    try:
        for protocol, start in starts.items():
            own = folder / protocol
            own.mkdir()
            floor, process = start(own, protocol, sizes, cpus)
            processes.append(process)
            wait_for_port(process, floor.port, own / "log")
            floors.append(floor)
        yield floors
    finally:
        for process in processes:
            terminate(process)


def start_nginx(folder: Path, protocol: str, sizes: Sequence[int], cpus: str | None) -> tuple[Floor, subprocess.Popen]:
    """Start nginx with one process and everything it writes in the folder."""
    port = free_ports(1)[0]
    messages = {size: write(folder / str(size), b"x" * size) for size in sizes}
    write(folder / torchserve.rest_path(MODEL)[1:], b"x" * sizes[0])  # what perf_analyzer asks for
    conf = write(folder / "nginx.conf", NGINX_CONF.format(folder=folder, host=HOST, port=port).encode())
    process = start(["nginx", "-e", str(folder / "error.log"), "-c", str(conf)], folder, cpus)
    return Floor("nginx", protocol, port, {size: f"/{size}" for size in sizes}, messages), process


def start_nghttpd(
    folder: Path, protocol: str, sizes: Sequence[int], cpus: str | None
) -> tuple[Floor, subprocess.Popen]:
    """Start nghttpd on files that are named like methods and hold framed messages."""
    port = free_ports(1)[0]
    messages, paths = {}, {}
    for size in sizes:
        message = b"x" * size
        messages[size] = write(folder / f"{size}.message", message)
        paths[size] = f"/{GRPC_SERVICE}/{size}"
        write(folder / paths[size][1:], frame(message))
    write_tfserving(folder, sizes[0])
    window = ["-w", "24", "-W", "24"]
    argv = ["nghttpd", "--no-tls", *window, "--trailer=grpc-status: 0", "-a", HOST, "-d", str(folder), str(port)]
    return Floor("nghttpd", protocol, port, paths, messages), start(argv, folder, cpus)


def start_echo(folder: Path, protocol: str, sizes: Sequence[int], cpus: str | None) -> tuple[Floor, subprocess.Popen]:
    """Start the echo target with a model whose output is as long as its input."""
    tell(f"{protocol}: no nginx or nghttpd here; the echo target stands in, and p50 is mostly its own")
    python = ensure_venv(ECHO / "requirements.txt", say=tell)
    spec = TensorSpec("x", "float32", (None, 1))
    described = {"name": "x", "dtype": "float32", "shape": [None, 1]}
    model = {"name": MODEL, "inputs": [described], "outputs": [described], "atol": 0, "rtol": 0}
    write(folder / "model.json", json.dumps(model).encode())
    rest, grpc = free_ports(2)
    options = ["--model", MODEL, "--model-dir", str(folder), "--format", "none"]
    ports = ["--rest-port", str(rest), "--grpc-port", str(grpc)]
    process = start([str(python), str(ECHO / "server.py"), *options, *ports], folder, cpus)
    messages = {}
    for size in sizes:
        values = np.zeros((size // 4, 1), np.float32)
        message = torchserve.encode_grpc_request(MODEL, (spec,), {"x": values})[HEADER_BYTES:]
        messages[size] = write(folder / f"{size}.message", message if protocol == "grpc" else values.tobytes())
    path, port = (torchserve.grpc_path(MODEL), grpc) if protocol == "grpc" else (torchserve.rest_path(MODEL), rest)
    return Floor("echo", protocol, port, dict.fromkeys(sizes, path), messages), process


def write_tfserving(folder: Path, size: int) -> None:
    """Write what perf_analyzer asks of a TensorFlow Serving: the model's inputs, and predictions of `size` bytes."""
    signatures = SignatureDefMap()
    signature = signatures.signature_def["serving_default"]
    for tensor, name in ((signature.inputs["x"], "x"), (signature.outputs["y"], "y")):
        describe(tensor, name, size // 4)
    packed = AnyMessage(type_url=f"type.googleapis.com/{SIGNATURES}", value=signatures.SerializeToString())
    metadata = GetModelMetadataResponse()
    metadata.model_spec.name = MODEL
    metadata.metadata["signature_def"].CopyFrom(packed)
    prediction = PredictResponse()
    prediction.model_spec.name = MODEL
    output = prediction.outputs["y"]
    output.dtype, output.tensor_content = DT_FLOAT, bytes(size // 4 * 4)
    for columns in (1, size // 4):
        output.tensor_shape.dim.add(size=columns)
    service = (folder / tfserving.grpc_path(MODEL)[1:]).parent
    write(service / "GetModelMetadata", frame(metadata.SerializeToString()))
    write(service / "Predict", frame(prediction.SerializeToString()))


def describe(tensor: TensorInfo, name: str, columns: int) -> None:
    """Fill in one tensor of a signature: float32 rows."""
    tensor.name, tensor.dtype = f"{name}:0", DT_FLOAT
    for size in (-1, columns):
        tensor.tensor_shape.dim.add(size=size)


def start(argv: list[str], folder: Path, cpus: str | None) -> subprocess.Popen:
    """Start a server that dies with us and writes to `log` in the folder."""
    with (folder / "log").open("wb") as log:
        return spawn(confined(argv, cpus), log, folder, child_environment())


def wait_for_port(process: subprocess.Popen, port: int, log: Path) -> None:
    """Wait until the server takes connections; raises BakeoffError where it ends or takes too long."""
    until = time.monotonic() + START_TIMEOUT_S
    while time.monotonic() < until and process.poll() is None:
        with closing(socket.socket()) as probe:
            if probe.connect_ex((HOST, port)) == 0:
                return
        time.sleep(0.05)
    raise BakeoffError(f"{process.args} took no connections:\n{log_end(log)}")


def write(path: Path, content: bytes) -> Path:
    """Write a file, with its folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path
