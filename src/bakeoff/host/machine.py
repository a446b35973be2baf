"""What this machine is: what a reader must know before comparing its figures with another's."""

from __future__ import annotations

import contextlib
import importlib.metadata
import os
import platform
import re
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil

from bakeoff import __version__
from bakeoff.host.files import ROOT

LIBRARIES = ("numpy", "scipy", "pyarrow", "pycurl", "protobuf", "safetensors")
"""Those of our own that touch what is measured or computed of it."""
LOAD_REQUIREMENTS = ROOT / "loadtest" / "requirements.txt"
UNLIMITED_BYTES = 1 << 60
"""Version 1 of cgroups has no word for "no limit": it says a number near 2**63."""

TURBO_SWITCHES = (
    ("/sys/devices/system/cpu/intel_pstate/no_turbo", "1"),
    ("/sys/devices/system/cpu/cpufreq/boost", "0"),
)
"""Each with the value that turns turbo off."""

Read = Callable[[str], str]
"""Returns a file's text by its path, and an empty text for one that can't be read."""

MEMORY_FILES = {
    "": ("memory.max", "memory.current", "inactive_file"),
    "memory": ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"),
}
"""A control group's limit, what it uses, and what of that is files, by its controller: version 2 names none."""


def describe_machine() -> dict[str, object]:
    """Return CPU, memory, limits, operating system and versions; None for what can't be read."""
    return {
        "cpu": _cpu_name(),
        "cpus": len(os.sched_getaffinity(0)),
        "cores": psutil.cpu_count(logical=False),
        "logical_cpus": psutil.cpu_count(),
        "governor": read_governor(read_text),
        "memory_bytes": psutil.virtual_memory().total,
        "limits": read_limits(read_text),
        "container": is_container(read_text),
        "architecture": platform.machine(),
        "os": _os_name(),
        "kernel": platform.release(),
        "python": platform.python_version(),
        "bakeoff": __version__,
        "versions": _versions(),
        "git_commit": _git_commit(),
    }


def read_text(path: str | Path) -> str:
    """Return a file's text, nothing for one that can't be read."""
    try:
        return Path(path).read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def below(root: Path) -> Read:
    """Return how files are read whose /proc and /sys lie below a folder."""
    return lambda path: read_text(root / path.lstrip("/"))


def read_governor(read: Read) -> str | None:
    """Return the CPUs' frequency governor, several with commas; None where the kernel doesn't show it."""
    governors = {
        read(f"/sys/devices/system/cpu/cpu{cpu}/cpufreq/scaling_governor").strip() for cpu in os.sched_getaffinity(0)
    } - {""}
    return ", ".join(sorted(governors)) or None


def read_turbo(read: Read) -> tuple[str, bool, str] | None:
    """Return the switch of the CPUs' turbo, whether that is on, and what turns it off; None without a switch."""
    for path, off in TURBO_SWITCHES:
        if (value := read(path).strip()) in ("0", "1"):
            return path, value != off, off
    return None


def is_container(read: Read) -> bool:
    """Tell whether we run in a container, as Docker, Podman, Kubernetes and systemd mark one."""
    marks = read("/proc/1/cgroup") + read("/proc/1/environ").replace("\0", "\n")
    known = re.search(r"docker|kubepods|libpod|containerd|lxc|^container=", marks, re.MULTILINE)
    return known is not None or Path("/.dockerenv").exists()


def read_limits(read: Read) -> dict[str, float | int | None]:
    """Return how many CPUs' time and how many bytes our control group may use; None: no limit, or not readable.

    Versions 1 and 2 of cgroups; the narrowest of the group and of those above it holds.
    """
    quotas: list[float] = []
    memories: list[int] = []
    for controllers, folder in own_groups(read):
        if "" in controllers:
            quotas += _quota_of(read(f"{folder}/cpu.max"))
        if "cpu" in controllers:
            quotas += _quota_of(f"{read(f'{folder}/cpu.cfs_quota_us')} {read(f'{folder}/cpu.cfs_period_us')}")
        for controller in MEMORY_FILES.keys() & controllers:
            memories += _bytes_of(read(f"{folder}/{MEMORY_FILES[controller][0]}"))
    return {"cpus": min(quotas, default=None), "memory_bytes": min(memories, default=None)}


def read_memory_left(read: Read) -> int | None:
    """Return how many bytes we can still have: of the machine, or of the narrowest control group; None: not readable.

    Files that were read once are in a group's memory, too, and make room when it is needed.
    """
    machine = re.search(r"^MemAvailable:\s+(\d+) kB$", read("/proc/meminfo"), re.MULTILINE)
    left = [int(machine[1]) * 1024] if machine else []
    for controllers, folder in own_groups(read):
        for controller in MEMORY_FILES.keys() & controllers:
            *places, name = MEMORY_FILES[controller]
            limit, used = (_bytes_of(read(f"{folder}/{place}")) for place in places)
            files = re.search(rf"^{name} (\d+)$", read(f"{folder}/memory.stat"), re.MULTILINE)
            if limit and used:
                left.append(limit[0] - used[0] + (int(files[1]) if files else 0))
    return min(left, default=None)


def own_groups(read: Read) -> Iterator[tuple[set[str], str]]:
    """Yield the controllers and the folder of each of our control groups and of those above it, the own one first.

    Version 2 names no controllers, which is "". Inside a container the own group is often mounted as the root.
    """
    for line in read("/proc/self/cgroup").splitlines():
        _, controllers, path = line.split(":", 2)
        mounted = f"/sys/fs/cgroup/{controllers}".rstrip("/")
        parts = [part for part in path.split("/") if part]
        for count in range(len(parts), -1, -1):
            yield set(controllers.split(",")), "/".join([mounted, *parts[:count]])


def _quota_of(text: str) -> list[float]:
    """Return the CPUs that "QUOTA PERIOD" allows; none for "max" and -1."""
    match = re.fullmatch(r"(\d+)\s+(\d+)", text.strip())
    return [int(match[1]) / int(match[2])] if match and int(match[2]) else []


def _bytes_of(text: str) -> list[int]:
    return [int(text)] if text.strip().isdecimal() and int(text) < UNLIMITED_BYTES else []


def _versions() -> dict[str, str]:
    """Return versions of libcurl, of the libraries that measure, and of what the load generator pins."""
    import pycurl  # loads libcurl, which most commands have no use for

    found = {"libcurl": str(pycurl.version)}
    for name in LIBRARIES:
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            found[name] = importlib.metadata.version(name)
    pinned = pins(read_text(LOAD_REQUIREMENTS))
    return found | {f"loadtest {name}": version for name, version in pinned.items()}


def pins(requirements: str) -> dict[str, str]:
    """Return what a requirements file pins: versions by package."""
    return dict(re.findall(r"^([\w.-]+)(?:\[[^\]]*\])?==([^\s;#]+)", requirements, re.MULTILINE))


def _cpu_name() -> str:
    match = re.search(r"^model name\s*:\s*(.+)$", read_text("/proc/cpuinfo"), re.MULTILINE)
    return match[1].strip() if match else platform.processor() or "unknown"


def _os_name() -> str:
    try:
        return platform.freedesktop_os_release()["PRETTY_NAME"]
    except (OSError, KeyError):
        return platform.system()


def _git_commit() -> str | None:
    try:
        done = subprocess.run(
            ["git", "describe", "--always", "--dirty", "--abbrev=12"], cwd=ROOT, capture_output=True, text=True
        )
    except OSError:
        return None
    return done.stdout.strip() or None
