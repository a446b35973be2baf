"""The command `compose`: the files of `docker compose`, made from the targets."""

from __future__ import annotations

import os
from typing import Annotated

import typer

from bakeoff.host.catalog import load_targets
from bakeoff.host.files import ROOT
from bakeoff.platforms.compose_files import differing, render


def compose(
    check: Annotated[bool, typer.Option("--check", help="Write nothing; exit with 1 where a file differs.")] = False,
) -> None:
    """Make docker-compose.yml and compose/host-network.yml from serving/*/target.toml and the templates in compose/."""
    rendered = render(load_targets().values())
    for path in differing(rendered):
        name = os.path.relpath(path, ROOT)
        if check:
            typer.echo(f"{name} differs from what the targets say: scripts/bakeoff compose makes it", err=True)
        else:
            path.write_text(rendered[path], encoding="utf-8")
            typer.echo(f"made {name}")
    if check and differing(rendered):
        raise typer.Exit(1)
