"""Run pytest in the environment of a program, made on first use.

    run_in.py [--optional] REQUIREMENTS[,MORE] [PYTEST ARGUMENTS]

--optional: where the environment can't be made here (no wheels for this platform), say so and leave the tests out.

So that what needs a framework is tested where it will run, without a second copy of the framework.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path

from bakeoff.errors import BakeoffError
from bakeoff.host.files import ROOT, STATE
from bakeoff.host.venvs import INSTALLER, ensure_venv

TOOLS = Path(__file__).with_name("requirements.txt")


def say(text: str) -> None:
    """Say what is being installed."""
    sys.stderr.write(f"{text}\n")


def overlay(python: str) -> Path:
    """Return a folder with pytest that environments of this Python's version can import from, made on first use."""
    ask = "import sys; print(*sys.version_info[:2])"
    version = subprocess.run([python, "-c", ask], check=True, capture_output=True).stdout
    digest = hashlib.sha256(version + TOOLS.read_bytes() + TOOLS.with_suffix(".lock").read_bytes())
    folder = STATE / "venvs" / f"pytest-{digest.hexdigest()[:12]}"
    if not (folder / "ready").exists():
        say("installing tests/requirements.txt (first use only)")
        where = ["--python", python, "--target", str(folder)]
        subprocess.run([sys.executable, str(INSTALLER), *where, str(TOOLS)], check=True)
        (folder / "ready").touch()
    return folder


def main(requirements: str, arguments: list[str], is_optional: bool) -> None:
    """Become pytest in that environment."""
    files = [Path(name).resolve() for name in requirements.split(",")]
    try:
        python = str(ensure_venv(*files, say=say))
    except BakeoffError as error:
        if not is_optional:
            raise
        say(f"{' '.join(arguments)} left out: {error}")
        return
    path = f"{overlay(python)}:{ROOT / 'src'}:{ROOT}"
    os.execve(python, [python, "-m", "pytest", *arguments], {**os.environ, "PYTHONPATH": path})


if __name__ == "__main__":
    given = sys.argv[1:]
    optional = given[:1] == ["--optional"]
    main(given[optional], given[1 + optional :], optional)
