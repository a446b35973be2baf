"""What programs that move large messages ask of the C library."""

from __future__ import annotations

import contextlib
import ctypes

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD, M_ARENA_MAX = -1, -3, -8  # malloc.h


def keep_large_blocks() -> None:
    """Have glibc keep freed memory, instead of mapping and unmapping a block for every large message.

    32 MiB is the largest threshold that glibc takes.
    """
    with contextlib.suppress(OSError, AttributeError):  # another C library: nothing to tune
        libc = ctypes.CDLL("libc.so.6")
        libc.mallopt(M_MMAP_THRESHOLD, 32 << 20)
        libc.mallopt(M_TRIM_THRESHOLD, 256 << 20)


def share_heap() -> None:
    """Have all threads allocate from one heap, instead of from eight for each CPU.

    What one thread freed in its heap no other could use: servers whose threads take turns with large blocks grew.
    """
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL("libc.so.6").mallopt(M_ARENA_MAX, 1)
