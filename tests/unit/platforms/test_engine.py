"""What is said of an engine that doesn't answer, and how files go into a container and out of it."""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from bakeoff.platforms import docker_engine
from bakeoff.platforms.docker_load import moved_files
from bakeoff.schema import Endpoint, Model, Plan, TensorSpec


@pytest.mark.parametrize(
    ("error", "says"),
    [
        ("Error while fetching: ('Connection aborted.', PermissionError(13, 'Permission denied'))", "no permission"),
        ("('Connection aborted.', FileNotFoundError(2, 'No such file or directory'))", "not running"),
        ("('Connection aborted.', ConnectionRefusedError(111, 'Connection refused'))", "not running"),
        ("one\ntwo", "two"),
    ],
)
def test_an_engine_that_cannot_be_used_is_told_in_one_line(error: str, says: str) -> None:
    told = docker_engine.no_engine(error)
    assert says in told and "\n" not in told and "--platform docker" in told


class Container:
    """Keeps the archive it is given, and gives it back."""

    packed = b""

    def put_archive(self, folder: str, packed: bytes) -> None:
        self.packed = packed

    def get_archive(self, path: str) -> tuple[Iterator[bytes], dict[str, str]]:
        return iter((self.packed[:100], self.packed[100:])), {}


def test_files_go_in_with_their_folders_as_the_images_user_and_come_out(tmp_path: Path) -> None:
    container = Container()
    docker_engine.copy_in(container, "/exchange", {"plan.json": b"{}", "requests/w/000.bin": b"\0\1"})
    with tarfile.open(fileobj=io.BytesIO(container.packed)) as archive:
        entries = archive.getmembers()
    assert [entry.name for entry in entries] == ["plan.json", "requests", "requests/w", "requests/w/000.bin"]
    assert {entry.uid for entry in entries} == {docker_engine.USER}
    docker_engine.copy_out(container, "/exchange", tmp_path)
    assert (tmp_path / "requests/w/000.bin").read_bytes() == b"\0\1"


def test_an_archive_cannot_write_elsewhere(tmp_path: Path) -> None:
    container = Container()
    docker_engine.copy_in(container, "/exchange", {"../outside": b"x"})
    with pytest.raises(tarfile.TarError):
        docker_engine.copy_out(container, "/exchange", tmp_path / "inside")
    assert not (tmp_path / "outside").exists()


def test_a_plan_moves_into_the_container(tmp_path: Path) -> None:
    body = tmp_path / "000.bin"
    body.write_bytes(b"body")
    spec = TensorSpec("x", "float32", (None, 2))
    endpoint = Endpoint(
        "lean-tflite-grpc", "m", "lean-tflite", "tflite-fp32", "grpc", "tfserving-grpc", "127.0.0.1", 40000
    )
    requests = {"tfserving-grpc": {1: (str(body),)}}
    plan = Plan(Model("m", "0", (spec,), (spec,), 0.0, 0.0), "golden.npz", (endpoint,), requests)
    files = moved_files(plan)
    moved = json.loads(files.pop("plan.json"))
    assert files == {"requests/tfserving-grpc/b1/000.bin": b"body"}
    assert moved["requests"]["tfserving-grpc"]["1"] == ["/exchange/requests/tfserving-grpc/b1/000.bin"]
