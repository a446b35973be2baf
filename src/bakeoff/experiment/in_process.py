"""What each artifact takes without its server, so that the overhead of serving is a number."""

from __future__ import annotations

from collections.abc import Collection

from bakeoff.errors import TargetFailed
from bakeoff.host.progress import Show
from bakeoff.platforms.deploy import Deployment
from bakeoff.schema import InProcess


def time_artifacts(deployment: Deployment, cpus: str, known: Collection[InProcess], show: Show) -> list[InProcess]:
    """Time the artifact of every server that is up, on the servers' CPUs, while all are idle.

    Those already known, of a run that goes on, aren't timed again; where it fails, that is noted and left out.
    """
    name, platform = deployment.model.name, deployment.platform
    done = {(row.model, row.target, row.format) for row in known}
    found = []
    for server in deployment.servers:
        target, format = server.target, server.format
        if (name, target.name, format) in done:
            continue
        show.say(f"{name}: timing {format} without {target.name}'s server")
        try:
            time = platform.time_in_process(server.prepared, deployment.folder, format, cpus)
        except TargetFailed as failure:
            show.note(failure.reason)
            continue
        if time is not None:
            found.append(InProcess(name, target.name, format, time.p50_ms, time.predictions))
    return found
