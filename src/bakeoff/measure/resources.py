"""What a target takes of a machine before it is asked for anything."""

from __future__ import annotations

import functools
import os
import stat
from pathlib import Path


@functools.cache
def tree_bytes(folder: Path) -> int:
    """Return the bytes of all files below a folder, one with several names counted once; links aren't followed.

    Remembered: an environment doesn't change while we run, and may have 30,000 files.
    """
    seen: set[tuple[int, int]] = set()
    total = 0
    for place, _, names in os.walk(folder):
        for name in names:
            found = (Path(place) / name).lstat()
            key = (found.st_dev, found.st_ino)
            if stat.S_ISREG(found.st_mode) and key not in seen:
                seen.add(key)
                total += found.st_size
    return total
