"""What can be seen of a server from outside: whether its ports are open, and its metrics page."""

from __future__ import annotations

import socket
import urllib.request
from collections.abc import Iterable

CONNECT_S, PAGE_S = 0.2, 5.0
# A proxy of the environment has nothing to do with servers of this machine.
_OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def all_listen(addresses: Iterable[tuple[str, int]]) -> bool:
    """Tell whether something accepts connections at every address."""
    for address in addresses:
        try:
            socket.create_connection(address, CONNECT_S).close()
        except OSError:
            return False
    return True


def fetch_page(host: str, port: int, path: str) -> str | None:
    """Return a page as text, None where it can't be had."""
    try:
        with _OPENER.open(f"http://{host}:{port}{path}", timeout=PAGE_S) as reply:
            text: str = reply.read().decode("utf-8", "replace")
    except (OSError, ValueError):
        return None
    return text
