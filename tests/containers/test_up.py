"""`bakeoff up` and `down` with containers. Last of this folder's files: `down` ends a `docker compose up` too."""

from __future__ import annotations

import json

from dockered import RUN, STACK, bakeoff, docker, left


def test_up_can_be_ended_by_down() -> None:
    try:
        done = bakeoff("up", "--runtime", "docker", "--target", "tflite", "--json")
        assert done.returncode == 0, done.stderr
        assert {row["id"] for row in json.loads(done.stdout)} == {"tflite-rest", "tflite-rest-binary", "tflite-grpc"}
        again = bakeoff("up", "--runtime", "docker", "--target", "tflite")
        assert again.returncode == 2 and "bakeoff down --runtime docker" in again.stderr
    finally:
        ended = bakeoff("down", "--runtime", "docker")
    assert "tflite" in ended.stderr
    assert left(RUN) == left(STACK) == ""
    assert "nothing was up" in bakeoff("down", "--runtime", "docker").stderr
    assert "bakeoff-artifacts" in docker("volume", "ls").stdout
