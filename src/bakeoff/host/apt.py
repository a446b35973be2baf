"""How a server that no distribution packages is installed by apt from its maker's archive: told, never done."""

from __future__ import annotations

import os
import platform
import re
import shutil
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass

from bakeoff.host.machine import Read
from bakeoff.schema import Archive, Reason

REACH_S = 4.0
ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}
"""Debian's names of machines."""


@dataclass(frozen=True, slots=True)
class Offer:
    """Whether apt can install a target's server here, and the commands for it; none where it can't."""

    target: str
    found: Reason
    commands: tuple[str, ...] = ()
    remedy: Reason | None = None


def find_offer(target: str, archive: Archive, read: Read, reach: Callable[[str], str | None]) -> Offer:
    """Tell how apt would install a target's server; `reach` returns why an address is out of reach, else None."""
    problem = find_problem(archive, read, reach)
    if problem is not None:
        return Offer(target, problem, remedy=Reason("use_docker", {"target": target}))
    found = Reason("apt_offers", {"package": archive.package, "archive": archive.url})
    return Offer(target, found, write_commands(target, archive, "" if os.geteuid() == 0 else "sudo "))


def find_problem(archive: Archive, read: Read, reach: Callable[[str], str | None]) -> Reason | None:
    """Return why apt can't install a package here; the archive is asked last, and only for its head."""
    if shutil.which("apt-get") is None or not is_debian(read("/etc/os-release")):
        return Reason("apt_missing")
    machine = platform.machine()
    if ARCHITECTURES.get(machine, machine) not in archive.architectures:
        return Reason("apt_other_machine", {"architectures": ", ".join(archive.architectures), "machine": machine})
    text = reach(f"{archive.url}/dists/{archive.suite}/Release")
    return None if text is None else Reason("apt_unreachable", {"archive": archive.url, "text": text})


def is_debian(os_release: str) -> bool:
    """Tell whether /etc/os-release is that of Debian or of a distribution made from it."""
    found = re.findall(r"^ID(?:_LIKE)?=\"?([^\"\n]*)", os_release, re.MULTILINE)
    return bool({"debian", "ubuntu"} & set(" ".join(found).split()))


def find_obstacle(url: str) -> str | None:
    """Ask for an address's head, by the proxies of the environment; return why it is out of reach, else None."""
    try:
        # An opener of its own: the module's keeps the proxies that were there when it was first used.
        urllib.request.build_opener().open(urllib.request.Request(url, method="HEAD"), timeout=REACH_S).close()
    except urllib.error.HTTPError as error:
        return f"HTTP {error.code}"
    except urllib.error.URLError as error:
        return str(error.reason)
    except (OSError, ValueError) as error:
        return str(error) or type(error).__name__
    return None


def write_commands(target: str, archive: Archive, root: str) -> tuple[str, ...]:
    """Return the commands that add the archive's key and the archive, and install; `root` makes a command root's."""
    keyring = f"/usr/share/keyrings/{target}.gpg"
    missing = [package for command, package in (("curl", "curl"), ("gpg", "gnupg")) if shutil.which(command) is None]
    first = f"{root}apt-get install {' '.join(missing)} && " if missing else ""
    options = f"arch={','.join(archive.architectures)} signed-by={keyring}"
    line = f"deb [{options}] {archive.url} {archive.suite} {' '.join(archive.components)}"
    return (
        f"{first}curl --fail --location {archive.url}/{archive.key} | {root}gpg --dearmor --yes --output {keyring}",
        f"echo '{line}' | {root}tee /etc/apt/sources.list.d/{target}.list",
        f"{root}apt-get update && {root}apt-get install {archive.package}",
    )
