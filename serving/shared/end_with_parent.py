"""Let a process be signalled when its parent dies. As a program: end_with_parent.py PARENT_ID PROGRAM ARGUMENT..."""

from __future__ import annotations

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1  # linux/prctl.h; it outlives execve, but a fork does not inherit it

_libc = ctypes.CDLL(None, use_errno=True)


def end_with_parent(parent: int, number: int = signal.SIGKILL) -> None:
    """Have the kernel send this signal when the thread that started this process ends.

    `parent` is the process id that the parent is known by: it may be gone already.
    """
    _libc.prctl(PR_SET_PDEATHSIG, int(number))
    if os.getppid() != parent:
        os._exit(1)


if __name__ == "__main__":
    end_with_parent(int(sys.argv[1]))
    os.execv(sys.argv[2], sys.argv[2:])
