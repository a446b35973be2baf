"""The committed modules are what the .proto files generate, and other programs' messages are the same bytes."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

from bakeoff.wire import proto

FOLDER = Path(proto.__file__).parent
SOURCE_ROOT = FOLDER.parents[2]


@pytest.mark.skipif(importlib.util.find_spec("grpc_tools") is None, reason="grpcio-tools isn't installed")
def test_the_generated_modules_are_up_to_date(tmp_path: Path) -> None:
    protos = [path.relative_to(SOURCE_ROOT).as_posix() for path in sorted(FOLDER.glob("*.proto"))]
    arguments = [f"-I{SOURCE_ROOT}", f"--python_out={tmp_path}", f"--pyi_out={tmp_path}", *protos]
    subprocess.run([sys.executable, "-m", "grpc_tools.protoc", *arguments], check=True)
    generated = sorted(path for path in tmp_path.rglob("*") if path.is_file())
    assert len(generated) == 2 * len(protos)
    for path in generated:
        assert path.read_text() == (SOURCE_ROOT / path.relative_to(tmp_path)).read_text(), f"generate {path.name} again"


def test_our_messages_do_not_use_tensorflows_names() -> None:
    from bakeoff.wire.proto import tfserving_pb2, torchserve_pb2

    assert tfserving_pb2.DESCRIPTOR.package == "bakeoff.tfserving"
    assert torchserve_pb2.DESCRIPTOR.package == "bakeoff.torchserve"
