"""Figures from a container's cgroup, of both versions, and where no peak is kept."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from bakeoff.platforms.cgroup import peak_of_v2, read_container


class Engine:
    """Answers with fixed statistics."""

    def __init__(self, memory: dict[str, Any]) -> None:
        self.api = self
        self._memory = memory

    def stats(self, name: str, **_: Any) -> dict[str, Any]:
        return {"cpu_stats": {"cpu_usage": {"total_usage": 2_500_000_000}}, "memory_stats": self._memory}


class Container:
    """A container whose process doesn't exist on this machine."""

    id = "c"
    attrs = {"State": {"Pid": 2**30}}  # noqa: RUF012


def test_version_1_keeps_the_peak() -> None:
    usage = read_container(Engine({"usage": 5, "max_usage": 9}), Container(), [])
    assert (usage.cpu_seconds, usage.peak_rss_bytes, usage.memory_from) == (2.5, 9, "cgroup-peak")


def test_without_a_peak_the_largest_sample_counts_and_says_so() -> None:
    seen: list[int] = []
    read_container(Engine({"usage": 7}), Container(), seen)
    usage = read_container(Engine({"usage": 5}), Container(), seen)
    assert (usage.peak_rss_bytes, usage.memory_from) == (7, "sampled")


@pytest.mark.parametrize("name", ["inactive_file", "total_inactive_file"])
def test_memory_now_is_without_files_that_passed_through_the_cache(name: str) -> None:
    usage = read_container(Engine({"usage": 70, "stats": {name: 30}}), Container(), [])
    assert usage.rss_bytes == 40


def test_version_2_keeps_the_peak_in_a_file(tmp_path: Path) -> None:
    (tmp_path / "proc/7").mkdir(parents=True)
    (tmp_path / "proc/7/cgroup").write_text("0::/docker/abc\n", encoding="ascii")
    (tmp_path / "sys/docker/abc").mkdir(parents=True)
    (tmp_path / "sys/docker/abc/memory.peak").write_text("4096\n", encoding="ascii")
    assert peak_of_v2(7, tmp_path / "proc", tmp_path / "sys") == 4096
    assert peak_of_v2(8, tmp_path / "proc", tmp_path / "sys") is None
