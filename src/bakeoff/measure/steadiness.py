"""What disturbs this machine over some seconds, and how small a difference a run of two minutes sees meanwhile."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from bakeoff.analysis.compare import MARGIN
from bakeoff.analysis.foresight import foresee
from bakeoff.host.cpus import find_allowed
from bakeoff.host.machine import read_limits
from bakeoff.host.neighbours import (
    TICKS_PER_S,
    Neighbour,
    Process,
    find_neighbours,
    list_processes,
    used_ticks,
)
from bakeoff.measure.disturbance import (
    STEAL_LIMIT_PERCENT,
    Counters,
    count_busy,
    judge_disturbance,
    read_counters,
    summarize_disturbance,
)
from bakeoff.measure.finding import Finding, Place, judged, unreadable
from bakeoff.measure.setting import look_at_setting
from bakeoff.schema import Disturbance, Reason
from bakeoff.schema.reasons import Value

RUN_S = 120.0
WAIT_LIMIT_PERCENT = 1.0
NEIGHBOUR_LIMIT_PERCENT, UNSEEN_LIMIT_PERCENT, MOST_NEIGHBOURS = 5.0, 10.0, 5
"""Percent of one CPU. The unseen are a difference of two counts that the kernel makes in different ways."""
PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
SCHEDSTAT, UPTIME, CGROUP, SWAPS = "/proc/thread-self/schedstat", "/proc/uptime", "/proc/self/cgroup", "/proc/swaps"


@dataclass(frozen=True, slots=True)
class Readings:
    """What the kernel has counted so far; None: not readable. `waited_ns`: for how long our thread was kept waiting."""

    uptime_s: float | None
    counters: Counters
    busy: int | None
    waited_ns: int | None
    processes: list[Process] | None
    swapped: int | None


@dataclass(frozen=True, slots=True)
class Observation:
    """Two readings, and the times in s of the slices of work that lie between them."""

    before: Readings
    after: Readings
    slices: Sequence[float]

    @property
    def seconds(self) -> float | None:
        """How long it took; None where that is not known."""
        start, end = self.before.uptime_s, self.after.uptime_s
        return end - start if start is not None and end is not None and end > start else None


def read_machine(place: Place) -> Readings:
    """Read the counters."""
    read = place.read
    waited = re.match(r"\d+ (\d+) \d+", read(SCHEDSTAT))
    uptime = re.match(r"[\d.]+", read(UPTIME))
    swapped = re.findall(r"^pswp(?:in|out) (\d+)$", read("/proc/vmstat"), re.MULTILINE)
    return Readings(
        uptime_s=float(uptime[0]) if uptime else None,
        counters=read_counters(place.cpus, read),
        busy=count_busy(read("/proc/stat"), place.cpus),
        waited_ns=int(waited[1]) if waited else None,
        processes=list_processes(place.root),
        swapped=sum(map(int, swapped)) if swapped else None,
    )


def observe_machine(place: Place, work: Callable[[], Sequence[float]]) -> Observation:
    """Read the counters before and after the work, which is done in this thread and returns its slices' times in s."""
    before = read_machine(place)
    slices = work()
    return Observation(before, read_machine(place), slices)


def judge_machine(place: Place, seen: Observation, own: int) -> list[Finding]:
    """Return what makes figures unsteady here, what doesn't, and what can't be known; `own` is our own pid."""
    disturbed = summarize_disturbance(seen.before.counters, seen.after.counters)
    return [
        find_difference(seen),
        find_steal(seen, disturbed),
        find_waiting(seen),
        *find_busy_neighbours(place, seen, own),
        find_quota(place, disturbed),
        find_swapping(place, seen),
        *look_at_setting(place),
    ]


def find_difference(seen: Observation) -> Finding:
    """Say how large a difference between two equals a run of two minutes will see."""
    count, what = len(seen.slices), "a 2-minute run"
    total = sum(seen.slices)
    foreseen = foresee(np.array(seen.slices, dtype=np.float64), RUN_S * count / total if total else 0.0)
    known: dict[str, Value] = {"run_s": RUN_S, "slices": count, "slice_ms": 1000 * total / count if count else None}
    turns = None if foreseen.turns is None else 100 * foreseen.turns
    if foreseen.apart is None:
        unknown = Reason("difference_unknown", {**known, "turns_percent": turns})
        return Finding(what, "unknown", unknown, Reason("watch_longer"))
    found = Reason("difference_seen", {**known, "percent": 100 * foreseen.apart, "turns_percent": turns})
    remedy = Reason("calm_first", {"margin_percent": 100 * (MARGIN - 1)})
    return judged(what, foreseen.apart <= MARGIN - 1, found, remedy)


def find_steal(seen: Observation, disturbed: Disturbance) -> Finding:
    """Say what the hypervisor took of the CPUs."""
    percent = disturbed.steal_percent
    if percent is None or seen.before.counters.ticks == seen.after.counters.ticks:
        return unreadable("steal", "/proc/stat")
    over = _over(disturbed, "steal")
    within = Reason("steal_within", {"percent": percent, "limit_percent": STEAL_LIMIT_PERCENT})
    return judged("steal", over is None, over or within, Reason("own_host"))


def find_waiting(seen: Observation) -> Finding:
    """Say for how long our own work waited for one of the servers' CPUs while others ran there."""
    what, start, end = "run queue", seen.before.waited_ns, seen.after.waited_ns
    if start is None or end is None or seen.seconds is None:
        return unreadable(what, UPTIME if seen.seconds is None else SCHEDSTAT)
    percent = 100 * (end - start) / 1e9 / seen.seconds
    found = Reason("waited", {"percent": percent, "limit_percent": WAIT_LIMIT_PERCENT})
    return judged(what, percent <= WAIT_LIMIT_PERCENT, found, Reason("free_cpus"))


def find_busy_neighbours(place: Place, seen: Observation, own: int) -> list[Finding]:
    """Name the processes of others that used the CPUs, and what can't be put down to any of them."""
    what, before, after = "neighbours", seen.before.processes, seen.after.processes
    if before is None or after is None or seen.seconds is None:
        return [unreadable(what, "/proc" if seen.seconds else UPTIME)]
    used = used_ticks(before, after)
    near = [
        neighbour
        for neighbour in find_neighbours(used, seen.seconds, own)
        if neighbour.percent > NEIGHBOUR_LIMIT_PERCENT
        and (find_allowed(neighbour.pid, place.read) or place.cpus) & place.cpus
    ]
    findings = [_name_neighbour(each) for each in near[:MOST_NEIGHBOURS]]
    if rest := near[MOST_NEIGHBOURS:]:
        more = Reason("neighbours_more", {"count": len(rest), "percent": sum(each.percent for each in rest)})
        findings.append(Finding(what, "unsteady", more, Reason("calm_many")))
    return findings + _find_unseen(seen, sum(used.values()), not findings)


def _name_neighbour(neighbour: Neighbour) -> Finding:
    found = Reason("neighbour", {"pid": neighbour.pid, "name": neighbour.name, "percent": neighbour.percent})
    return Finding("neighbours", "unsteady", found, Reason("calm_neighbour", {"pid": neighbour.pid}))


def _find_unseen(seen: Observation, used: int, calm: bool) -> list[Finding]:
    """Return what ran and no process that can be seen used: in other containers, or in what ended meanwhile."""
    what, start, end = "neighbours", seen.before.busy, seen.after.busy
    if start is None or end is None or seen.seconds is None:
        return [unreadable(what, "/proc/stat")]
    percent = 100 * (end - start - used) / TICKS_PER_S / seen.seconds
    if percent > UNSEEN_LIMIT_PERCENT:
        return [Finding(what, "unsteady", Reason("unseen_work", {"percent": percent}), Reason("look_outside"))]
    quiet = Reason("no_neighbour", {"limit_percent": NEIGHBOUR_LIMIT_PERCENT})
    return [Finding(what, "steady", quiet)] if calm else []


def find_quota(place: Place, disturbed: Disturbance) -> Finding:
    """Say whether a control group's quota holds our CPUs back."""
    what, cpus = "CPU quota", read_limits(place.read)["cpus"]
    if not place.read(CGROUP) or not (place.root / "sys/fs/cgroup").is_dir():
        return unreadable(what, CGROUP)
    if cpus is None:
        return Finding(what, "steady", Reason("no_quota"))
    over, used = _over(disturbed, "throttled"), len(place.cpus)
    quota = Reason("quota", {"cpus": cpus, "used": used, "percent": disturbed.throttled_percent})
    return judged(what, over is None and cpus >= used, over or quota, Reason("raise_quota", {"cpus": used}))


def _over(disturbed: Disturbance, code: str) -> Reason | None:
    """Return the reason of this code for which a trial would be invalid, if there is one."""
    return next((reason for reason in judge_disturbance(disturbed) if reason.code == code), None)


def find_swapping(place: Place, seen: Observation) -> Finding:
    """Say whether memory was moved to swap or back, which zram pays with CPU time."""
    text, start, end = place.read(SWAPS), seen.before.swapped, seen.after.swapped
    if not text:
        return unreadable("swap", SWAPS)
    rows = [line.split() for line in text.splitlines()[1:]]
    if not rows:
        return Finding("swap", "steady", Reason("no_swap"))
    if start is None or end is None:
        return unreadable("swap", "/proc/vmstat")
    moved = (end - start) * PAGE_BYTES
    used: dict[str, Value] = {
        "places": ", ".join(row[0] for row in rows),
        "bytes": sum(int(row[3]) for row in rows) * 1024,
        "moved_bytes": moved,
    }
    return judged("swap", not moved, Reason("swap", used), Reason("stop_swapping"))
