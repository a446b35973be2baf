"""TCP ports: free ones of this machine's loopback interface, and what can be seen of those that servers have."""

from __future__ import annotations

import socket
import urllib.request
from collections.abc import Iterable
from contextlib import ExitStack, closing

HOST = "127.0.0.1"
CONNECT_S, PAGE_S = 0.2, 5.0
# A proxy of the environment has nothing to do with servers of this machine.
_OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


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


def all_listen(addresses: Iterable[tuple[str, int]]) -> bool:
    """Tell whether something accepts connections at every address."""
    for address in addresses:
        try:
            socket.create_connection(address, CONNECT_S).close()
        except OSError:
            return False
    return True


def fetch_page(host: str, port: int, path: str) -> str | None:
    """Return a page as text, None where there is none."""
    try:
        with _OPENER.open(f"http://{host}:{port}{path}", timeout=PAGE_S) as reply:
            text: str = reply.read().decode("utf-8", "replace")
    except (OSError, ValueError):
        return None
    return text
