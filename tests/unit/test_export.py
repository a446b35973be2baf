"""What the export says is told; a model that failed as a whole is never measured from what stood there before."""

from __future__ import annotations

import json

import pytest

from bakeoff.errors import BakeoffError
from bakeoff.export import _follow
from bakeoff.show import Quiet


def line(event: str, format: str | None, message: str | None = None) -> bytes:
    record = {"event": event, "model": "m", "format": format, "seconds": 1.0, "size_bytes": 2, "message": message}
    return json.dumps(record).encode()


def test_a_format_that_failed_is_named() -> None:
    lines = [line("start", "savedmodel"), line("failed", "savedmodel", "unknown op"), line("done", "torchscript")]
    assert _follow(lines, "m", Quiet()) == ["export of m savedmodel failed: unknown op"]


def test_a_model_that_failed_as_a_whole_is_an_error() -> None:
    with pytest.raises(BakeoffError, match="exporting m failed: no build"):
        _follow([line("failed", None, "no build()")], "m", Quiet())
