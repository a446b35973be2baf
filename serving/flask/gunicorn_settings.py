"""gunicorn's settings for the Flask targets: plain synchronous workers, each with its own model."""

from __future__ import annotations

from typing import Any

from end_with_parent import end_with_parent
from prometheus_client import multiprocess

worker_class = "sync"
# No watchdog: while another server is measured this one is paused, and a worker that then seems hung would be replaced.
timeout = 0
graceful_timeout = 3
loglevel = "warning"
control_socket_disable = True


def post_fork(server: Any, worker: Any) -> None:
    end_with_parent(server.pid)


def child_exit(server: Any, worker: Any) -> None:
    multiprocess.mark_process_dead(worker.pid)
