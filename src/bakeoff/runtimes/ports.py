"""TCP ports of this machine's loopback interface."""

from __future__ import annotations

import socket
from contextlib import closing

HOST = "127.0.0.1"


def free_port() -> int:
    """Return a TCP port that nothing listens on right now."""
    with closing(socket.socket()) as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port


def port_is_free(port: int) -> bool:
    """Tell whether a server could listen on a port."""
    with closing(socket.socket()) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True
