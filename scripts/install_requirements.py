#!/usr/bin/env python3
"""Install requirement files with uv, from the lock files beside them, with the CPU build of torch.

    PYTHON scripts/install_requirements.py [--python PYTHON] [--target FOLDER] [--without NAME] FILE [FILE ...]

A requirements.lock is installed as it is: each file must have a hash that stands in it. A requirements.txt without one
(while a target is being written) is resolved; requirements-nodeps.txt without what it depends on. torch is the one
package without hashes: its default wheel for Linux brings gigabytes of CUDA that this project never uses, so the CPU
build is taken from wherever pip is configured to find one, else from PyTorch's public CPU index, else (with a warning)
the default build. uv gets pip's settings and, where it isn't there, comes with pip.
Standard library only: it runs in fresh environments and in image builds.
"""

from __future__ import annotations

import argparse
import ast
import atexit
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

CPU_INDEX = "https://download.pytorch.org/whl/cpu"
SETTINGS = {
    "index-url": "UV_DEFAULT_INDEX",
    "extra-index-url": "UV_INDEX",
    "find-links": "UV_FIND_LINKS",
    "no-index": "UV_NO_INDEX",
    "constraint": "UV_CONSTRAINT",
    "cert": "SSL_CERT_FILE",
    "client-cert": "SSL_CLIENT_CERT",
    "trusted-host": "UV_INSECURE_HOST",
    "timeout": "UV_HTTP_TIMEOUT",
    "default-timeout": "UV_HTTP_TIMEOUT",
    "proxy": "ALL_PROXY",
}
"""pip's settings, and the variables that tell uv the same."""
PLACES = ("global", "user", "site", "install", ":env:")
"""Where pip reads settings; what is read later wins."""
COMPILE = "--compile-bytecode"
"""As pip does it: a server's first start is as quick as its second."""
OWN_LOCK = Path(__file__).resolve().parents[1] / "requirements.lock"
"""It says which uv."""


def pip_settings() -> dict[str, str]:
    """Return pip's settings as variables for uv: uv reads none of pip's files, and would miss indexes and wheels."""
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "config", "list"]
    listed = subprocess.run(pip, capture_output=True, text=True).stdout
    found: dict[str, dict[str, str]] = {place: {} for place in PLACES}
    for line in listed.splitlines():
        place, _, setting = line.partition(".")
        name, _, value = setting.partition("=")
        if place in found and name in SETTINGS:
            found[place][SETTINGS[name]] = " ".join(str(ast.literal_eval(value)).split())
    told = {name: value for place in PLACES for name, value in found[place].items()}
    if "UV_FIND_LINKS" in told:
        told["UV_FIND_LINKS"] = told["UV_FIND_LINKS"].replace(" ", ",")
    # As pip does it: all indexes are equal, and certificates are the system's.
    return {"UV_INDEX_STRATEGY": "unsafe-best-match", "UV_SYSTEM_CERTS": "1", **told}


def find_uv() -> str:
    """Return where uv is: beside this Python, else the one that our own lock pins, installed there by pip.

    Outside of a virtual environment it goes to a folder that is gone at the end: Debian's Python wants nothing added.
    """
    beside = Path(sys.executable).with_name("uv")
    if beside.exists():
        return str(beside)
    block = re.search(r"^uv==.*(\n    .*)*", OWN_LOCK.read_text(encoding="utf-8"), re.MULTILINE)
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "install", "--quiet", "--require-hashes"]
    if sys.prefix == sys.base_prefix:
        folder = tempfile.mkdtemp()
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
        pip += ["--target", folder]
        beside = Path(folder) / "bin" / "uv"
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as file:
        file.write(block[0] + "\n" if block else "")
        file.flush()
        subprocess.run([*pip, "--progress-bar", "off", "-r", file.name], check=True)
    return str(beside)


class Installer:
    """uv with an environment that it installs into."""

    def __init__(self, where: list[str]) -> None:
        self.command = [find_uv(), "--no-config", "pip", "install", "--no-progress", *where]
        self.environment = {**pip_settings(), **os.environ}

    def install(self, *arguments: str, quiet: bool = False, **variables: str) -> bool:
        """Run uv pip install; return whether it succeeded."""
        command = [*self.command, *arguments]
        return subprocess.run(command, capture_output=quiet, env={**self.environment, **variables}).returncode == 0

    def install_torch(self, version: str) -> bool:
        """Install the CPU build of this torch; return whether any build was installed."""
        build = f"torch=={version}+cpu"
        # One retry: an index that can't be reached (a closed network) must cost seconds, not minutes.
        hasty = {"UV_HTTP_RETRIES": "1", "UV_HTTP_TIMEOUT": "15"}
        if self.install(build, COMPILE, quiet=True, UV_HTTP_RETRIES="1"):
            return True
        if self.install(build, COMPILE, "--index", CPU_INDEX, quiet=True, **hasty):
            return True
        sys.stderr.write(f"no CPU build of torch {version} found for this Python; installing the default build\n")
        with tempfile.NamedTemporaryFile("w", suffix=".txt") as excluded:
            # The compiler for GPUs brings an LLVM of its own, and a process that loads TensorFlow's, too, dies of it.
            excluded.write("triton\n")
            excluded.flush()
            return self.install(f"torch=={version}", COMPILE, "--excludes", excluded.name)


def pinned_torch(files: list[Path]) -> str | None:
    """Return the version of torch that the files pin, if any does."""
    for file in files:
        match = re.search(r"^torch==([\w.]+)", file.read_text(encoding="utf-8"), re.MULTILINE)
        if match:
            return match[1]
    return None


def parse_arguments(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--python", default=sys.executable, help="of the environment to install into; default: this")
    parser.add_argument("--target", help="a folder to install into, for that Python, instead of its environment")
    parser.add_argument("--without", action="append", default=[], metavar="NAME", help="a package to leave out")
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE")
    return parser.parse_args(arguments)


def main(arguments: list[str]) -> int:
    """Install the files; the exit status is 1 where that failed."""
    given = parse_arguments(arguments)
    target = ["--target", given.target] if given.target else []
    installer = Installer(["--python", given.python, *target])
    locks = [file.with_suffix(".lock") for file in given.files]  # of a lock itself: that one
    loose = [file for file, lock in zip(given.files, locks, strict=True) if not lock.exists()]
    torch = pinned_torch([file for file in given.files if file.suffix != ".lock"])
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as excluded:
        excluded.write("\n".join(given.without))
        excluded.flush()
        without = ["--excludes", excluded.name] if given.without else []
        # Locks first: torch finds all that it depends on, in the versions that have hashes.
        locked = [word for lock in locks if lock.exists() for word in ("-r", str(lock))]
        compiled = [] if torch else [COMPILE]  # all that is there: once, with what comes last
        options = ["--require-hashes", "--no-deps", *compiled, *without]
        # A machine's constraints have no say in locks: uv would want hashes of those, too.
        if locked and not installer.install(*options, *locked, UV_CONSTRAINT=""):
            return 1
        if torch and not installer.install_torch(torch):
            return 1
        for file in loose:
            no_deps = ["--no-deps"] if file.name == "requirements-nodeps.txt" else []
            if not installer.install(COMPILE, *no_deps, *without, "-r", str(file)):
                return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
