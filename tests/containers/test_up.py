"""`bakeoff up` and `down` with containers. Last of this folder's files: `down` ends a `docker compose up` too."""

from __future__ import annotations

import json

from dockered import RUN, STACK, bakeoff, docker, left


def test_up_can_be_ended_by_down() -> None:
    try:
        done = bakeoff("up", "--platform", "docker", "--target", "lean-tflite", "--json")
        assert done.returncode == 0, done.stderr
        assert {row["id"] for row in json.loads(done.stdout)} == {
            "lean-tflite-rest",
            "lean-tflite-binary",
            "lean-tflite-grpc",
        }
        again = bakeoff("up", "--platform", "docker", "--target", "lean-tflite")
        assert again.returncode == 2 and "bakeoff down --platform docker" in again.stderr
    finally:
        ended = bakeoff("down", "--platform", "docker")
    assert "lean-tflite" in ended.stderr
    assert left(RUN) == left(STACK) == ""
    assert "nothing was up" in bakeoff("down", "--platform", "docker").stderr
    assert "bakeoff-artifacts" in docker("volume", "ls").stdout
