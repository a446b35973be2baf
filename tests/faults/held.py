"""Holding a process still, whoever wakes it: as a debugger does."""

from __future__ import annotations

import ctypes
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

SEIZE, INTERRUPT, WALL = 0x4206, 0x4207, 0x40000000  # linux/ptrace.h, linux/wait.h


@contextmanager
def held(pid: int) -> Iterator[None]:
    """Hold all threads of a process from here on until it is killed: SIGCONT doesn't wake what is being traced.

    To stop it again after each SIGCONT would be a race, in which it gets a request answered now and then.
    """
    holds = threading.Event()
    holder = threading.Thread(target=_hold, args=(pid, holds))
    holder.start()
    if not holds.wait(60):
        raise AssertionError(f"process {pid} can't be held: tracing takes root, or a descendant")
    yield
    holder.join()


def _hold(pid: int, holds: threading.Event) -> None:
    """Trace a process to its end; one thread does it all, as only the tracer itself may."""
    libc = ctypes.CDLL(None, use_errno=True)
    libc.ptrace.argtypes = (ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p)
    known: set[int] = set()
    while threads := {int(task.name) for task in Path(f"/proc/{pid}/task").iterdir()} - known:
        for thread in threads:
            if libc.ptrace(SEIZE, thread, None, None) == 0 and libc.ptrace(INTERRUPT, thread, None, None) == 0:
                os.waitpid(thread, WALL)
            elif thread == pid:
                return
        known |= threads
    holds.set()
    # Its threads' ends are ours to wait for, and its leader's comes last; once this thread ends, so does the hold.
    for thread in sorted(known, key=lambda thread: thread == pid):
        os.waitpid(thread, WALL)
