"""What gevent replaced when Locust was imported: the real things, for threads that gevent must not delay."""

from __future__ import annotations

import select as _select
import time
from typing import Any

import gevent
from gevent.monkey import get_original

sleep = get_original("time", "sleep")
select = get_original("select", "select")
epoll = get_original("select", "epoll") if not hasattr(_select, "epoll") else _select.epoll


def sleep_until(when_ns: int) -> None:
    """Sleep until a time of perf_counter_ns."""
    while (left := when_ns - time.perf_counter_ns()) > 0:
        sleep(left / 1e9)


def in_thread(function: Any, *arguments: Any) -> Any:
    """Run a function in a native thread while the other greenlets go on."""
    return gevent.get_hub().threadpool.apply(function, arguments)
