"""How a machine is set up: what makes figures unsteady and can be read without waiting."""

from __future__ import annotations

from bakeoff.host.cpus import find_allowed, find_siblings, parse_cpus, write_cpus
from bakeoff.host.machine import read_governor, read_limits, read_memory_left, read_turbo
from bakeoff.measure.finding import Finding, Place, judged, unreadable
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
    found = Reason("cores_shared", {"cores": "; ".join(cores)}) if cores else Reason("cpus_apart", sets)
    return judged(what, not cores, found, Reason("part_cores"))


def find_cpuset(place: Place) -> Finding:
    """Say on how many of the machine's CPUs we may run."""
    allowed, online = find_allowed("self", place.read), place.read(ONLINE).strip()
    if allowed is None or not online:
        return unreadable("cpuset", ONLINE if allowed else "/proc/self/status")
    here = allowed & parse_cpus(online)
    whole = here == parse_cpus(online) and len(here) > 1
    part = Reason("cpuset_part", {"usable": write_cpus(here), "online": online})
    return judged("cpuset", len(here) > 1, Reason("cpuset_whole", {"online": online}) if whole else part, GIVE_CPUS)


def find_governor(place: Place) -> Finding:
    """Say whether the kernel changes the CPUs' clock with their load."""
    what = "frequency governor"
    governor = read_governor(place.read)
    if governor is None:
        return Finding(what, "unknown", Reason("clock_unreadable"))
    remedy = Reason("set_governor", {"governor": STEADY_GOVERNOR})
    return judged(what, governor == STEADY_GOVERNOR, Reason("governor", {"governor": governor}), remedy)


def find_turbo(place: Place) -> Finding:
    """Say whether the CPUs' clock changes with heat and with how many cores work."""
    turbo = read_turbo(place.read)
    if turbo is None:
        return Finding("turbo", "unknown", Reason("clock_unreadable"))
    path, on, off = turbo
    remedy = Reason("turn_off", {"path": path, "value": off})
    return judged("turbo", not on, Reason("turbo_on") if on else Reason("turbo_off"), remedy)


def find_memory(place: Place) -> Finding:
    """Say how much memory is left, of the machine or within the control group's limit."""
    left = read_memory_left(place.read)
    if left is None:
        return unreadable("memory", "/proc/meminfo")
    found = Reason("memory_left", {"bytes": left, "limit_bytes": read_limits(place.read)["memory_bytes"]})
    return judged("memory", left >= MEMORY_BYTES, found, Reason("free_memory", {"bytes": MEMORY_BYTES}))
