"""CPU sets: which CPUs servers and load get."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar

from bakeoff.errors import UsageError
from bakeoff.host.machine import Read, read_text
from bakeoff.schema import STRICT


@dataclass(frozen=True, slots=True)
class Cpus:
    """CPU sets of the servers and of the load generator, as taskset writes them."""

    __pydantic_config__: ClassVar[dict[str, str]] = STRICT

    server: str = "auto"
    load: str = "auto"

    def filled(self, server: str, load: str) -> Cpus:
        """Return the sets with these in place of "auto"."""
        return Cpus(server if self.server == "auto" else self.server, load if self.load == "auto" else self.load)


def resolve_cpus(cpus: Cpus) -> Cpus:
    """Replace "auto" by halves of the CPUs this process may use; a lone core is shared by both.

    The threads of one core stay together, or servers and load would slow each other down. Raises UsageError for a set
    that is malformed or has a CPU that isn't there.
    """
    available = os.sched_getaffinity(0)
    for key, text in (("cpus.server", cpus.server), ("cpus.load", cpus.load)):
        if text != "auto" and not parse_cpus(text) <= available:
            raise UsageError(f"{key}: {text!r}; allowed: auto, or some of the CPUs {write_cpus(available)}")
    cores = list(dict.fromkeys(tuple(sorted((find_siblings(cpu) or {cpu}) & available)) for cpu in sorted(available)))
    middle = max(1, len(cores) // 2)
    halves = (cores[:middle], cores[middle:] or cores)
    server, load = (write_cpus({cpu for core in half for cpu in core}) for half in halves)
    return cpus.filled(server, load)


def find_siblings(cpu: int, read: Read = read_text) -> set[int] | None:
    """Return the CPUs that are threads of the same core, this one among them; None where the kernel doesn't say."""
    siblings = read(f"/sys/devices/system/cpu/cpu{cpu}/topology/thread_siblings_list").strip()
    return {cpu} | parse_cpus(siblings) if siblings else None


def find_allowed(pid: int | str, read: Read) -> set[int] | None:
    """Return the CPUs that a process, or "self", may run on; None where the kernel doesn't say."""
    match = re.search(r"^Cpus_allowed_list:\s+(\S+)$", read(f"/proc/{pid}/status"), re.MULTILINE)
    return parse_cpus(match[1]) if match else None


def parse_cpus(text: str) -> set[int]:
    """Return the CPUs of a list like "0-3,8"; -1 stands for what is malformed, and is never there."""
    found: set[int] = set()
    for part in text.split(","):
        first, dash, last = part.partition("-")
        if not first.isdecimal() or not (last if dash else first).isdecimal():
            return {-1}
        found |= set(range(int(first), int(last if dash else first) + 1))
    return found or {-1}


def write_cpus(cpus: Iterable[int]) -> str:
    """Return CPUs as a list that taskset takes."""
    return ",".join(map(str, sorted(cpus)))
