"""What the export says is told; a model that failed as a whole is never measured from what stood there before."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest

from bakeoff.artifacts.export import follow_export
from bakeoff.errors import BakeoffError, UsageError
from bakeoff.host.progress import Show


def line(event: str, format: str | None, message: str | None = None) -> bytes:
    record = {"event": event, "model": "m", "format": format, "seconds": 1.0, "size_bytes": 2, "message": message}
    return json.dumps(record).encode()


PROGRAM = """
import os, signal, sys
sys.stderr.write("out of luck\\n")
sys.stdout.write(sys.argv[1])
sys.stdout.flush()
status = int(sys.argv[2])
os.kill(os.getpid(), -status) if status < 0 else sys.exit(status)
"""


@pytest.fixture(autouse=True)
def logs_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bakeoff.artifacts.export.STATE", tmp_path)


def export(lines: list[bytes], status: int) -> list[str]:
    """Follow a program that says these lines and ends with a status."""
    argv = [sys.executable, "-c", PROGRAM, b"".join(each + b"\n" for each in lines).decode(), str(status)]
    return follow_export(argv, "m", dict(os.environ), Show())


def test_a_format_that_failed_is_named() -> None:
    lines = [line("start", "savedmodel"), line("failed", "savedmodel", "unknown op"), line("done", "torchscript")]
    assert export(lines, 1) == ["export of m savedmodel failed: unknown op"]


@pytest.mark.parametrize(("status", "kind"), [(1, BakeoffError), (2, UsageError)], ids=["failed", "bad folder"])
def test_a_model_that_failed_as_a_whole_is_an_error_and_of_the_users_where_its_folder_is_bad(
    status: int, kind: type[BakeoffError]
) -> None:
    with pytest.raises(BakeoffError, match="exporting m failed: no build") as caught:
        export([line("failed", None, "no build()")], status)
    assert type(caught.value) is kind and caught.value.status == status


@pytest.mark.parametrize("status", [1, 2, -9])
def test_an_export_that_dies_without_a_word_is_an_error_with_the_end_of_its_log(status: int) -> None:
    with pytest.raises(BakeoffError, match=f"status {status}.*\n.*out of luck") as caught:
        export([], status)
    assert caught.value.status == (2 if status == 2 else 1)
