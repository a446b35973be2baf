"""What others took from this machine's CPUs during a trial: the hypervisor's share, and what a CPU quota withheld."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from bakeoff.schema import Disturbance, Reason

STEAL_LIMIT_PERCENT, THROTTLED_LIMIT_PERCENT = 3.0, 1.0
STEAL_FIELD, CPU_FIELDS = 7, 8  # proc(5): user nice system idle iowait irq softirq steal; guests are in user and nice
IDLE_FIELDS = (3, 4)


@dataclass(frozen=True, slots=True)
class Counters:
    """Ticks of the CPUs in use and periods of the own cgroup's quota, counted since the start; None: not readable."""

    stolen: int | None
    ticks: int | None
    throttled: int | None
    periods: int | None


def read_counters(cpus: Iterable[int], root: Path = Path("/")) -> Counters:
    """Read this machine's counters for some of its CPUs; /proc and /sys lie below `root`."""
    stolen, ticks = count_ticks(_read(root / "proc/stat"), cpus)
    cpu_stat = _cpu_stat(_read(root / "proc/self/cgroup"), root / "sys/fs/cgroup")
    throttled, periods = count_periods(_read(cpu_stat))
    return Counters(stolen, ticks, throttled, periods)


def count_ticks(stat: str, cpus: Iterable[int]) -> tuple[int | None, int | None]:
    """Return stolen and all ticks of these CPUs by the text of /proc/stat."""
    rows = _rows_of(stat, cpus)
    return (sum(row[STEAL_FIELD] for row in rows), sum(map(sum, rows))) if rows else (None, None)


def count_busy(stat: str, cpus: Iterable[int]) -> int | None:
    """Return the ticks in which these CPUs ran anything of this machine, by the text of /proc/stat."""
    rows = _rows_of(stat, cpus)
    return sum(sum(row) - row[STEAL_FIELD] - sum(row[at] for at in IDLE_FIELDS) for row in rows) if rows else None


def _rows_of(stat: str, cpus: Iterable[int]) -> list[list[int]]:
    """Return the fields of these CPUs; none where one lacks some."""
    rows = {int(name): fields.split() for name, fields in re.findall(r"^cpu(\d+) (.+)$", stat, re.MULTILINE)}
    found = [[int(field) for field in rows[cpu][:CPU_FIELDS]] for cpu in cpus if cpu in rows]
    return [] if any(len(fields) < CPU_FIELDS for fields in found) else found


def count_periods(cpu_stat: str) -> tuple[int | None, int | None]:
    """Return throttled and all periods by the text of a cgroup's cpu.stat; without a quota there are none."""
    fields = dict(re.findall(r"^(nr_\w+) (\d+)$", cpu_stat, re.MULTILINE))
    if "nr_periods" not in fields or "nr_throttled" not in fields:
        return None, None
    return int(fields["nr_throttled"]), int(fields["nr_periods"])


def summarize_disturbance(before: Counters, after: Counters) -> Disturbance:
    """Return what was taken between two readings."""
    return Disturbance(
        steal_percent=_share(before.stolen, after.stolen, before.ticks, after.ticks),
        throttled_percent=_share(before.throttled, after.throttled, before.periods, after.periods),
    )


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


def _share(part_before: int | None, part_after: int | None, before: int | None, after: int | None) -> float | None:
    if part_before is None or part_after is None or before is None or after is None:
        return None
    return 100 * (part_after - part_before) / (after - before) if after > before else 0.0


def _cpu_stat(cgroups: str, mounted: Path) -> Path:
    """Return the cpu.stat of our own cgroup, of version 2 or 1, by the text of /proc/self/cgroup."""
    for line in cgroups.splitlines():
        _, controllers, path = line.split(":", 2)
        if controllers == "":
            return mounted / path.lstrip("/") / "cpu.stat"
        if "cpu" in controllers.split(","):
            return mounted / controllers / path.lstrip("/") / "cpu.stat"
    return mounted / "cpu.stat"


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii", errors="replace")
    except OSError:
        return ""
