#!/usr/bin/env python3
"""Install requirement files into the environment of the Python that runs this, with the CPU build of torch.

    PYTHON scripts/install_requirements.py FILE [FILE ...]

Files named requirements-nodeps.txt are installed with --no-deps. PyTorch's default wheel for Linux on x86_64 brings
gigabytes of CUDA that this project never uses, so a pinned torch is installed first: from wherever pip is configured to
find a CPU build, else from PyTorch's public CPU index, else (with a warning) whatever pip finds.
Standard library only: it runs in fresh environments and in image builds.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

CPU_INDEX = "https://download.pytorch.org/whl/cpu"
PIP = [sys.executable, "-m", "pip", "--disable-pip-version-check"]


def pip_install(*arguments: str, quiet: bool = False) -> bool:
    """Run pip install; return whether it succeeded."""
    command = [*PIP, "install", "--progress-bar", "off", *arguments]
    return subprocess.run(command, capture_output=quiet).returncode == 0


def pinned_torch(files: list[Path]) -> str | None:
    """Return the version of torch that the files pin, if any does."""
    for file in files:
        match = re.search(r"^torch==([\w.]+)", file.read_text(encoding="utf-8"), re.MULTILINE)
        if match:
            return match[1]
    return None


def install_torch(version: str) -> bool:
    """Install the CPU build of this torch; return whether any build was installed."""
    build = f"torch=={version}+cpu"
    # One retry: an index that can't be reached (a closed network) must cost seconds, not minutes.
    from_cpu_index = ("--retries", "1", "--timeout", "15", "--extra-index-url", CPU_INDEX)
    if pip_install(build, "--retries", "1", quiet=True) or pip_install(build, *from_cpu_index, quiet=True):
        return True
    sys.stderr.write(f"no CPU build of torch {version} found for this machine; installing the default build\n")
    return pip_install(f"torch=={version}")


def main(names: list[str]) -> int:
    """Install the files in order; return pip's verdict as an exit status."""
    files = [Path(name) for name in names]
    torch = pinned_torch(files)
    if torch and not install_torch(torch):
        return 1
    for file in files:
        no_deps = ["--no-deps"] if file.name == "requirements-nodeps.txt" else []
        if not pip_install(*no_deps, "-r", str(file)):
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
