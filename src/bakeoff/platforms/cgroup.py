"""What a container used, from its cgroup, version 1 or 2."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from bakeoff.platforms.platform import Usage
from bakeoff.schema import MemorySource

CGROUPS = Path("/sys/fs/cgroup")


def read_container(client: Any, container: Any, seen: list[int]) -> Usage:
    """Read CPU time and peak memory; `seen` collects sizes for where no peak is kept."""
    stats = client.api.stats(container.id, decode=None, stream=False, one_shot=True)
    memory = stats.get("memory_stats", {})
    seen.append(int(memory.get("usage", 0)))
    cpu_seconds = stats["cpu_stats"]["cpu_usage"]["total_usage"] / 1e9
    peak, source = _peak(memory, container.attrs["State"]["Pid"], seen)
    # Files that only passed through the cache aren't the server's memory; the two versions name them differently.
    kept = memory.get("stats", {}).get("total_inactive_file", memory.get("stats", {}).get("inactive_file", 0))
    return Usage(cpu_seconds, peak, source, int(memory.get("usage", 0)) - int(kept))


def _peak(memory: dict[str, Any], pid: int, seen: list[int]) -> tuple[int, MemorySource]:
    if memory.get("max_usage"):  # version 1
        return int(memory["max_usage"]), "cgroup-peak"
    peak = peak_of_v2(pid)
    return (peak, "cgroup-peak") if peak is not None else (max(seen), "sampled")


def peak_of_v2(pid: int, proc: Path = Path("/proc"), cgroups: Path = CGROUPS) -> int | None:
    """Return memory.peak of a process's cgroup; None before Linux 5.19 or where the engine is on another machine."""
    try:
        path = next(
            line.partition("::")[2]
            for line in (proc / str(pid) / "cgroup").read_text(encoding="ascii").splitlines()
            if line.startswith("0::")
        )
        return int((cgroups / path.lstrip("/") / "memory.peak").read_text(encoding="ascii"))
    except (OSError, ValueError, StopIteration):
        return None
