"""Sizes on disk, and the split of a start."""

from __future__ import annotations

from pathlib import Path

import pytest

from bakeoff.measure.resources import tree_bytes
from bakeoff.platforms.platform import split_startup
from bakeoff.schema import Startup


def test_a_file_with_two_names_counts_once_and_links_count_nothing(tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    (tree / "lib").mkdir(parents=True)
    (tree / "lib" / "one").write_bytes(b"x" * 1000)
    (tree / "two").write_bytes(b"y" * 10)
    (tree / "again").hardlink_to(tree / "lib" / "one")
    (tmp_path / "outside").write_bytes(b"z" * 5000)
    (tree / "link").symlink_to(tmp_path / "outside")
    (tree / "lib64").symlink_to(tree / "lib")
    assert tree_bytes(tree) == 1010


def test_a_start_is_split_where_the_ports_opened() -> None:
    assert split_startup(2.0, 5.0) == Startup(2.0, 3.0)


@pytest.mark.parametrize("listening_s", [None, 5.5])
def test_a_server_first_seen_open_when_it_answered_was_ready_with_that(listening_s: float | None) -> None:
    assert split_startup(listening_s, 5.0) == Startup(5.0, 0.0)
