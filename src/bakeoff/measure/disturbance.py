"""What others took from this machine's CPUs during a trial: the hypervisor's share, and what a CPU quota withheld."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from bakeoff.host.machine import Read, own_groups, read_text
from bakeoff.schema import Disturbance, Reason

STEAL_LIMIT_PERCENT, THROTTLED_LIMIT_PERCENT = 3.0, 1.0
STEAL_FIELD, CPU_FIELDS = 7, 8  # proc(5): user nice system idle iowait irq softirq steal; guests are in user and nice
IDLE_FIELDS = (3, 4)


Taken = tuple[int, int] | None
"""How many were taken, of how many; None: not readable."""


@dataclass(frozen=True, slots=True)
class Counters:
    """Ticks of the CPUs in use, and periods of the own cgroup's quota, counted since the start."""

    ticks: Taken
    periods: Taken


def read_counters(cpus: Iterable[int], read: Read = read_text) -> Counters:
    """Read this machine's counters for some of its CPUs."""
    own = (folder for controllers, folder in own_groups(read) if {"", "cpu"} & controllers)
    cpu_stat = read(f"{next(own, '/sys/fs/cgroup')}/cpu.stat")
    return Counters(count_ticks(read("/proc/stat"), cpus), count_periods(cpu_stat))


def count_ticks(stat: str, cpus: Iterable[int]) -> Taken:
    """Return stolen and all ticks of these CPUs by the text of /proc/stat."""
    rows = _rows_of(stat, cpus)
    return (sum(row[STEAL_FIELD] for row in rows), sum(map(sum, rows))) if rows else None


def count_busy(stat: str, cpus: Iterable[int]) -> int | None:
    """Return the ticks in which these CPUs ran anything of this machine, by the text of /proc/stat."""
    rows = _rows_of(stat, cpus)
    return sum(sum(row) - row[STEAL_FIELD] - sum(row[at] for at in IDLE_FIELDS) for row in rows) if rows else None


def _rows_of(stat: str, cpus: Iterable[int]) -> list[list[int]]:
    """Return the fields of these CPUs; none where one lacks some."""
    rows = {int(name): fields.split() for name, fields in re.findall(r"^cpu(\d+) (.+)$", stat, re.MULTILINE)}
    found = [[int(field) for field in rows[cpu][:CPU_FIELDS]] for cpu in cpus if cpu in rows]
    return [] if any(len(fields) < CPU_FIELDS for fields in found) else found


def count_periods(cpu_stat: str) -> Taken:
    """Return throttled and all periods by the text of a cgroup's cpu.stat; without a quota there are none."""
    fields = dict(re.findall(r"^(nr_\w+) (\d+)$", cpu_stat, re.MULTILINE))
    if "nr_periods" not in fields or "nr_throttled" not in fields:
        return None
    return int(fields["nr_throttled"]), int(fields["nr_periods"])


def summarize_disturbance(before: Counters, after: Counters) -> Disturbance:
    """Return what was taken between two readings."""
    return Disturbance(_percent(before.ticks, after.ticks), _percent(before.periods, after.periods))


def judge_disturbance(disturbed: Disturbance) -> list[Reason]:
    """Return the reasons why a trial that was so disturbed is invalid; none means valid."""
    taken = (
        ("steal", disturbed.steal_percent, STEAL_LIMIT_PERCENT),
        ("throttled", disturbed.throttled_percent, THROTTLED_LIMIT_PERCENT),
    )
    return [
        Reason(code, {"percent": percent, "limit_percent": limit})
        for code, percent, limit in taken
        if percent is not None and percent > limit
    ]


def _percent(before: Taken, after: Taken) -> float | None:
    if before is None or after is None:
        return None
    taken, all_ = after[0] - before[0], after[1] - before[1]
    return 100 * taken / all_ if all_ > 0 else 0.0
