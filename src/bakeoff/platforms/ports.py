"""TCP ports of this machine's loopback interface."""

from __future__ import annotations

import socket
from contextlib import ExitStack, closing

HOST = "127.0.0.1"


def free_port() -> int:
    """Return a TCP port that nothing listens on right now."""
    return free_ports(1)[0]


def free_ports(count: int) -> tuple[int, ...]:
    """Return so many different TCP ports that nothing listens on right now."""
    with ExitStack() as held:  # all at once, or one could be given twice
        probes = [held.enter_context(socket.socket()) for _ in range(count)]
        for probe in probes:
            probe.bind((HOST, 0))
        return tuple(probe.getsockname()[1] for probe in probes)


def port_is_free(port: int) -> bool:
    """Tell whether a server could listen on a port."""
    with closing(socket.socket()) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True
