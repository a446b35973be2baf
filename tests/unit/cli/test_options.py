"""Options and values by the names that they had before: still taken, and no longer shown."""

from __future__ import annotations

import sys

import pytest
from typer.testing import CliRunner

from bakeoff.cli import app, main

OLD = ("--runtime", " --workers", "--await-workers", "attached")


@pytest.mark.parametrize("command", ["run", "capacity", "up", "down", "verify"])
def test_old_names_are_not_shown(command: str) -> None:
    shown = CliRunner().invoke(app, [command, "--help"]).output
    assert "--platform" in shown
    assert not [name for name in OLD if name in shown]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["run", "--runtime", "nowhere"], "--platform: 'nowhere' is unknown; allowed: docker, local, remote"),
        (["run", "--workers", "2", "--await-workers=3", "--runtime=nowhere"], "--platform: 'nowhere'"),
        (["down", "--runtime", "attached"], "--platform: 'remote' is unknown; allowed: docker, local"),
        (["run", "--load-workers", "0"], "--load-workers"),
        (["capacity", "--workers", "0", "--sweep"], "--load-workers"),
    ],
)
def test_old_names_are_taken(
    arguments: list[str], says: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["bakeoff", *arguments])
    with pytest.raises(SystemExit, match="2"):
        main()
    assert says in capsys.readouterr().err
