"""Bare machines of today's distributions: debootstrap into a folder, and commands run there in a chroot."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from bakeoff.host.files import ROOT

HOME = "/root/bakeoff"
PACKAGES = "python3,python3-venv,ca-certificates"
"""What the README asks for, and the certificates that every download needs."""
SETTINGS = (
    "PIP_",
    "UV_",
    "SSL_CERT_",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "NO_PROXY",
    "http_proxy",
    "https_proxy",
    "no_proxy",
)
"""What this machine's network may ask of any installer."""
BARE = {"HOME": "/root", "PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8"}
CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")


@dataclass(frozen=True, slots=True)
class Distribution:
    """A distribution, the name of its release, and the Python that it has."""

    name: str
    suite: str
    python: str


DISTRIBUTIONS = (
    Distribution("Debian 12", "bookworm", "3.11"),
    Distribution("Debian 13", "trixie", "3.13"),
    Distribution("Ubuntu 24.04", "noble", "3.12"),
)


class NoMachine(Exception):
    """A bare machine can't be made here; the text says why."""


@dataclass(frozen=True, slots=True)
class Machine:
    """A bootstrapped system in a folder, with a checkout of this project's last commit."""

    folder: Path

    @property
    def checkout(self) -> Path:
        """The checkout, as this machine reaches it."""
        return self.folder / HOME.lstrip("/")

    def run(self, command: str, log: Path, timeout_s: float) -> tuple[int, float]:
        """Run a shell command in the checkout; return its exit status and seconds. All that it starts ends with it."""
        at = self.folder
        binds = [f"mkdir -p {at}{path} && mount --rbind {path} {at}{path}" for path in local_sources()]
        inside = f"mount -t proc proc /proc && mount -t tmpfs tmpfs /dev/shm && cd {HOME} && exec {command}"
        enter = f"exec chroot {self.folder} /bin/bash -c {shlex.quote(inside)}"
        argv = ["unshare", "--mount", "--pid", "--fork", "--kill-child", "/bin/sh", "-c", " && ".join([*binds, enter])]
        kept = {name: value for name, value in os.environ.items() if name.startswith(SETTINGS)}
        environment = {
            **kept,
            **pip_settings(),
            "HOME": "/root",
            "PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
            "LANG": "C.UTF-8",
        }
        began = time.monotonic()
        with log.open("wb") as output:
            done = subprocess.run(argv, env=environment, stdout=output, stderr=subprocess.STDOUT, timeout=timeout_s)
        return done.returncode, time.monotonic() - began


def pip_settings() -> dict[str, str]:
    """Return what pip is set to on this machine, as variables: files of settings aren't handed over."""
    said = subprocess.run([sys.executable, "-m", "pip", "config", "list"], capture_output=True, text=True).stdout
    found = re.findall(r"^(?:global|install)\.([\w-]+)='(.*)'$", said, re.MULTILINE)
    return {f"PIP_{key.upper().replace('-', '_')}": value for key, value in found if key != "constraint"}


def local_sources() -> list[str]:
    """Return the folders of this machine that pip is set to take packages from."""
    values = [*pip_settings().values(), os.environ.get("PIP_FIND_LINKS", "")]
    # An index's pages name files that lie beside its folder of pages.
    words = [word.removeprefix("file://").removesuffix("/simple") for value in values for word in value.split()]
    return sorted({path for path in words if path.startswith("/") and Path(path).is_dir()})


def make_machine(distribution: Distribution, folder: Path) -> Machine:
    """Bootstrap a distribution into a folder, with Python and nothing else, and clone the project there.

    Raises NoMachine where this machine can't.
    """
    if os.geteuid() != 0:
        raise NoMachine("a chroot takes root")
    if shutil.which("debootstrap") is None:
        raise NoMachine("debootstrap isn't installed: apt install debootstrap")
    argv = ["debootstrap", "--variant=minbase", f"--include={PACKAGES}"]
    if distribution.suite == "noble":
        argv.append("--components=main,universe")
    # Releases that this debootstrap doesn't know yet are made as all before them.
    script = {"noble": "/usr/share/debootstrap/scripts/gutsy"}.get(distribution.suite, "")
    argv += [distribution.suite, str(folder / "system"), *(["", script] if script else [])]
    done = subprocess.run(argv, capture_output=True, text=True)
    if done.returncode != 0:
        raise NoMachine(f"debootstrap {distribution.suite} failed: {(done.stderr or done.stdout).strip()[-300:]}")
    machine = Machine(folder / "system")
    hand_over_network(machine.folder)
    subprocess.run(["git", "clone", "-q", str(ROOT), str(machine.checkout)], check=True)
    return machine


def hand_over_network(system: Path) -> None:
    """Give a system what reaches the package index from this machine: resolver and certificates."""
    for source in (Path("/etc/resolv.conf"), Path("/etc/hosts"), CERTIFICATES):
        if source.exists():
            shutil.copy(source, system / str(source).lstrip("/"))
