"""Whether two runs may be compared: what must have been equal for a difference to mean anything."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import TypeVar

from bakeoff.schema import Reason, Workload

V = TypeVar("V")

MACHINE_KEYS = ("cpu", "cpus", "architecture", "memory_bytes", "governor")
"""What makes a machine another one. Kernel and versions of software don't: they are what one may want to compare."""


@dataclass(frozen=True, slots=True)
class Conditions:
    """What a run was made under.

    `machine` as the report has it; `servers` are each target's workers and threads; `models` the hashes by name;
    `surroundings` whatever else must be equal, by name (platform, network, memory limit); `restarted`: servers were
    restarted between rounds. Artifacts' hashes aren't here: what another export does to speed is a fair question.
    """

    machine: Mapping[str, object]
    server_cpus: str
    load_cpus: str
    servers: Mapping[str, tuple[int, int]]
    models: Mapping[str, str]
    workloads: tuple[Workload, ...]
    restarted: bool
    surroundings: Mapping[str, object] = field(default_factory=dict)


def find_differences(new: Conditions, old: Conditions, relative: bool = False) -> list[Reason]:
    """Return the reasons why two runs can't be compared; none means they can.

    Models, targets and workloads that only one run has are left out of the comparison, and are no reason unless
    nothing is left. With `relative`, only ratios between targets of the same run are compared, and the machine is none.
    """
    reasons = [] if relative else _differing(_machine(new), _machine(old), "other_machine", "key")
    placed, before = ({"servers": run.server_cpus, "load": run.load_cpus} for run in (new, old))
    reasons += _differing(placed, before, "other_cpus", "of")
    reasons += _differing(*_shared(new.servers, old.servers), "other_workers", "target")
    reasons += _differing(*_shared(new.models, old.models), "other_weights", "model")
    # What a workload is judged by changes nothing that is measured; the new run says it.
    news, olds = (
        {w.name: asdict(replace(w, judged_by="")) | {"seed": None} for w in run.workloads} for run in (new, old)
    )
    reasons += _differing(*_shared(news, olds), "other_workload", "workload")
    reasons += _differing(new.surroundings, old.surroundings, "other_surroundings", "what")
    for what, ours, theirs in (("model", new.models, old.models), ("workload", news, olds)):
        if not ours.keys() & theirs.keys():
            reasons.append(Reason("nothing_in_common", {"what": what}))
    kept = [name for name, run in (("new", new), ("old", old)) if not run.restarted]
    return reasons + [Reason("servers_not_restarted", {"run": name}) for name in kept]


def _machine(run: Conditions) -> dict[str, object]:
    """Return what identifies a machine; memory in whole GiB, since another kernel keeps a little more for itself."""
    found = {key: run.machine.get(key) for key in MACHINE_KEYS}
    memory = found["memory_bytes"]
    return found | ({"memory_bytes": f"{memory / 2**30:.0f} GiB"} if isinstance(memory, int) else {})


def _shared(new: Mapping[str, V], old: Mapping[str, V]) -> tuple[dict[str, V], dict[str, V]]:
    """Return both without the keys that only one has."""
    return {k: v for k, v in new.items() if k in old}, {k: v for k, v in old.items() if k in new}


def _differing(new: Mapping[str, object], old: Mapping[str, object], code: str, key_is: str) -> list[Reason]:
    """Return a reason for each key whose values differ."""
    pairs = {key: (new.get(key), old.get(key)) for key in sorted(new.keys() | old.keys())}
    return [
        Reason(code, {key_is: key, "new": _shown(ours, theirs), "old": _shown(theirs, ours)})
        for key, (ours, theirs) in pairs.items()
        if ours != theirs
    ]


def _shown(value: object, other: object) -> str | None:
    """Return a value as text: of mappings only what differs from the other, of hashes the beginning."""
    if isinstance(value, dict) and isinstance(other, dict):
        return ", ".join(f"{key}={item}" for key, item in value.items() if item != other.get(key))
    if isinstance(value, tuple):
        return " x ".join(map(str, value))
    if value is None:
        return None
    return value[:12] if isinstance(value, str) and len(value) == 64 else str(value)
