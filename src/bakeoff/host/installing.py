"""Making several environments at once, with what is downloaded told before and after."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Sequence
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from pathlib import Path

from bakeoff.errors import BakeoffError
from bakeoff.host.interpreters import find_interpreter
from bakeoff.host.locks import MACHINE, UNHASHED, Wheel, files_for
from bakeoff.host.progress import Show
from bakeoff.host.venvs import end_installers, ensure_venv, is_ready, with_nodeps

LOOK_S = 0.5
AT_ONCE = 2
"""More would share one network and the same cores."""


def install_all(wanted: Sequence[tuple[Path, ...]], show: Show) -> None:
    """Make the environments of these sets of requirement files that aren't there yet.

    One that can't be made is left out here: ensure_venv tells why to whoever needs it.
    """
    missing = [files for files in dict.fromkeys(wanted) if not is_ready(*files)]
    if not missing:
        return
    began, ahead = time.monotonic(), downloads(missing)
    size = sum(wheel.size_bytes for wheel in ahead)
    show.note(
        f"to install, on first use only: {_count(missing)}, at most {in_words(size)} to download{_besides(missing)}"
    )
    show.expect(len(missing))
    made = 0
    with ThreadPoolExecutor(AT_ONCE) as pool:
        try:
            left = {pool.submit(ensure_venv, *files, say=show.say) for files in missing}
            while left:
                done, left = wait(left, LOOK_S, FIRST_COMPLETED)  # in short waits, that a signal interrupts for sure
                for each in done:
                    with contextlib.suppress(BakeoffError):
                        each.result()
                        made += 1
                    show.step()
        except BaseException:  # Ctrl-C: the installers are in sessions of their own
            pool.shutdown(wait=False, cancel_futures=True)
            end_installers()
            raise
    kept = cached("http")
    got = sum(wheel.size_bytes for wheel in ahead if wheel.name.encode() in kept)
    of = "" if made == len(missing) else f"{made} of "
    took = f"{time.monotonic() - began:.0f} s"
    show.note(f"installed {of}{_count(missing)}, {in_words(got)} downloaded{_besides(missing)}, {took}")


def downloads(wanted: Sequence[tuple[Path, ...]]) -> set[Wheel]:
    """Return the files that environments need and uv's cache doesn't have, but for what has no hash."""
    needed, kept = set[Wheel](), cached("http", "rev")
    for files in wanted:
        interpreter = find_interpreter(with_nodeps(files))
        if interpreter is not None:
            needed |= set(files_for(with_nodeps(files), interpreter.version, MACHINE)[0])
    return {wheel for wheel in needed if wheel.package[0] not in UNHASHED and wheel.name.encode() not in kept}


def cached(*kinds: str) -> bytes:
    """Return what uv wrote of the wheels in its cache, with their names: "http" of downloads, "rev" of local files.

    Of an unknown layout: nothing.
    """
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "uv"
    folder = Path(os.environ.get("UV_CACHE_DIR") or cache)
    return b"\n".join(note.read_bytes() for kind in kinds for note in folder.glob(f"wheels-v*/**/*.{kind}"))


def _besides(wanted: Sequence[tuple[Path, ...]]) -> str:
    """Name what is not counted, where it is in one of the environments."""
    text = "".join(file.read_text(encoding="utf-8") for files in wanted for file in files)
    named = sorted(name for name in UNHASHED if f"\n{name}==" in f"\n{text}")
    return f" besides {' and '.join(named)}" if named else ""


def _count(wanted: Sequence[object]) -> str:
    return f"{len(wanted)} environment{'s' * (len(wanted) > 1)}"


def in_words(size_bytes: int) -> str:
    """Return a size as text."""
    return f"{size_bytes / 1e9:.1f} GB" if size_bytes >= 1e9 else f"{size_bytes / 1e6:.0f} MB"
