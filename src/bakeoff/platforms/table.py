"""The platforms by the names that --platform takes."""

from __future__ import annotations

from typing import Any

from bakeoff.platforms.docker import Docker
from bakeoff.platforms.local import Local
from bakeoff.platforms.platform import Platform
from bakeoff.platforms.remote import Remote

PLATFORMS: dict[str, type[Platform[Any]]] = {"local": Local, "docker": Docker, "remote": Remote}
OLD_NAMES = {"attached": "remote"}
"""What --platform took before, still accepted."""
