"""The CPU time of a server is that of all its processes, of those that ended too."""

from __future__ import annotations

from collections.abc import Callable

from bakeoff.host.progress import Show
from bakeoff.platforms.deploy import Deployment, Selection, bring_up
from bakeoff.platforms.platform import StartOptions
from bakeoff.schema import Target

BURNER = "import time; end = time.process_time() + 0.5\nwhile time.process_time() < end: pass"


def test_cpu_time_never_goes_back(deployment: Deployment, make_target: Callable[..., Target], http_server: str) -> None:
    burn = f"import subprocess, sys\nsubprocess.run([sys.executable, '-c', {BURNER!r}])\n"
    program = burn + http_server.replace("\n    ", "\n").replace("FACTOR", "2")
    bring_up(deployment, Selection((make_target(program),), ("rest",)), StartOptions(), Show())
    (server,) = deployment.servers
    try:
        usage = deployment.platform.read_usage(server)
    finally:
        deployment.platform.stop(server)
    assert usage.cpu_seconds >= 0.5
    assert usage.peak_rss_bytes > 5_000_000
