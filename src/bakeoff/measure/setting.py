"""How a machine is set up: what makes figures unsteady and can be read without waiting."""

from __future__ import annotations

import re

from bakeoff.host.cpus import find_siblings, parse_cpus, write_cpus
from bakeoff.host.machine import read_governor, read_limits, read_memory_left, read_turbo
from bakeoff.measure.finding import Finding, Place, unreadable
from bakeoff.schema import Reason
from bakeoff.schema.reasons import Value

STEADY_GOVERNOR = "performance"
MEMORY_BYTES = 2 << 30
"""Less is short: a server of a photo network takes half of it, the load generator and bakeoff some more."""
GIVE_CPUS = Reason("give_cpus")
ONLINE = "/sys/devices/system/cpu/online"


def look_at_setting(place: Place) -> list[Finding]:
    """Return what is found of CPU sets, cpuset, governor, turbo and memory."""
    return [
        find_cpu_sets(place),
        find_cpuset(place),
        find_governor(place),
        find_turbo(place),
        find_memory(place),
    ]


def find_cpu_sets(place: Place) -> Finding:
    """Say whether servers and load share CPUs, or the threads of a core (SMT)."""
    what = "CPU sets"
    sets: dict[str, Value] = {"server": write_cpus(place.server), "load": write_cpus(place.load)}
    shared = place.server & place.load
    if shared:
        return Finding(what, "unsteady", Reason("cpus_shared", {"cpus": write_cpus(shared)}), GIVE_CPUS)
    siblings = {cpu: find_siblings(cpu, place.read) for cpu in sorted(place.server)}
    if None in siblings.values():
        return Finding(what, "unknown", Reason("siblings_unreadable", sets))
    cores = sorted({write_cpus(core) for core in siblings.values() if core and core & place.load})
    if cores:
        return Finding(what, "unsteady", Reason("cores_shared", {"cores": "; ".join(cores)}), Reason("part_cores"))
    return Finding(what, "steady", Reason("cpus_apart", sets))


def find_cpuset(place: Place) -> Finding:
    """Say on how many of the machine's CPUs we may run."""
    status = re.search(r"^Cpus_allowed_list:\s+(\S+)$", place.read("/proc/self/status"), re.MULTILINE)
    online = place.read(ONLINE).strip()
    if status is None or not online:
        return unreadable("cpuset", ONLINE if status else "/proc/self/status")
    here = parse_cpus(status[1]) & parse_cpus(online)
    if here == parse_cpus(online) and len(here) > 1:
        return Finding("cpuset", "steady", Reason("cpuset_whole", {"online": online}))
    part = Reason("cpuset_part", {"usable": write_cpus(here), "online": online})
    return Finding("cpuset", "steady", part) if len(here) > 1 else Finding("cpuset", "unsteady", part, GIVE_CPUS)


def find_governor(place: Place) -> Finding:
    """Say whether the kernel changes the CPUs' clock with their load."""
    what = "frequency governor"
    governor = read_governor(place.read)
    if governor is None:
        return Finding(what, "unknown", Reason("clock_unreadable"))
    found = Reason("governor", {"governor": governor})
    if governor == STEADY_GOVERNOR:
        return Finding(what, "steady", found)
    return Finding(what, "unsteady", found, Reason("set_governor", {"governor": STEADY_GOVERNOR}))


def find_turbo(place: Place) -> Finding:
    """Say whether the CPUs' clock changes with heat and with how many cores work."""
    turbo = read_turbo(place.read)
    if turbo is None:
        return Finding("turbo", "unknown", Reason("clock_unreadable"))
    path, on, off = turbo
    if on:
        return Finding("turbo", "unsteady", Reason("turbo_on"), Reason("turn_off", {"path": path, "value": off}))
    return Finding("turbo", "steady", Reason("turbo_off"))


def find_memory(place: Place) -> Finding:
    """Say how much memory is left, of the machine or within the control group's limit."""
    left = read_memory_left(place.read)
    if left is None:
        return unreadable("memory", "/proc/meminfo")
    found = Reason("memory_left", {"bytes": left, "limit_bytes": read_limits(place.read)["memory_bytes"]})
    if left < MEMORY_BYTES:
        return Finding("memory", "unsteady", found, Reason("free_memory", {"bytes": MEMORY_BYTES}))
    return Finding("memory", "steady", found)
