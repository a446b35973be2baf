"""Runtimes bring targets up and down; each is one module with the same functions (base.Runtime)."""

from __future__ import annotations

from bakeoff.platforms import docker, local, remote
from bakeoff.platforms.platform import Canary, FormatCheck, Load, Runtime, Server, StartOptions, Usage

__all__ = ["RUNTIMES", "Canary", "FormatCheck", "Load", "Runtime", "Server", "StartOptions", "Usage"]

RUNTIMES: dict[str, Runtime] = {"local": local, "docker": docker, "remote": remote}
"""By the names that --runtime takes."""
