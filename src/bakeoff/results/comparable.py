"""Whether two runs may be compared: what must have been equal for a difference to mean anything."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace

from bakeoff.schema import Workload

MACHINE_KEYS = ("cpu", "cpus", "architecture", "memory_bytes", "governor")
"""What makes a machine another one. Kernel and versions of software don't: they are what one may want to compare."""


@dataclass(frozen=True, slots=True)
class Conditions:
    """What a run was made under.

    `machine` as the report has it; `servers` are each target's workers and threads; `models` the hashes by name;
    `surroundings` whatever else must be equal, by name (runtime, network, memory limit); `restarted`: servers were
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


def find_differences(new: Conditions, old: Conditions, relative: bool = False) -> list[str]:
    """Return the reasons why two runs can't be compared; none means they can.

    Models, targets and workloads that only one run has are left out of the comparison, and are no reason unless
    nothing is left. With `relative`, only ratios between targets of the same run are compared, and the machine is none.
    """
    reasons = [] if relative else list(_differing(_machine(new), _machine(old), "other machine: {}"))
    reasons += _differing(
        {"of the servers": new.server_cpus, "of the load": new.load_cpus},
        {"of the servers": old.server_cpus, "of the load": old.load_cpus},
        "other CPU set {}",
    )
    reasons += _differing(new.servers, old.servers, "other workers and threads: {}", shared=True)
    reasons += _differing(new.models, old.models, "other weights of the model {}", shared=True)
    # What a workload is judged by changes nothing that is measured; the new run says it.
    news, olds = ({w.name: asdict(replace(w, seed=0, judged_by="")) for w in run.workloads} for run in (new, old))
    reasons += _differing(news, olds, "the workload {} is another", shared=True)
    reasons += _differing(new.surroundings, old.surroundings, "other {}")
    for what, ours, theirs in (("model", new.models, old.models), ("workload", news, olds)):
        if not ours.keys() & theirs.keys():
            reasons.append(f"they have no {what} in common")
    for name, run in (("new", new), ("old", old)):
        if not run.restarted:
            reasons.append(
                f"the {name} run did not restart its servers between rounds, so that a process's luck would pass for "
                "a difference; repeat it with --restart-between-rounds"
            )
    return reasons


def _machine(run: Conditions) -> dict[str, object]:
    """Return what identifies a machine; memory in whole GiB, since another kernel keeps a little more for itself."""
    found = {key: run.machine.get(key) for key in MACHINE_KEYS}
    memory = found["memory_bytes"]
    return found | ({"memory_bytes": f"{memory / 2**30:.0f} GiB"} if isinstance(memory, int) else {})


def _differing(new: Mapping[str, object], old: Mapping[str, object], words: str, shared: bool = False) -> Iterable[str]:
    """Yield a reason for each key whose values differ; with `shared`, only for keys that both have."""
    for key in sorted(new.keys() & old.keys() if shared else new.keys() | old.keys()):
        ours, theirs = new.get(key), old.get(key)
        if ours != theirs:
            yield f"{words.format(key)} ({_shown(ours, theirs)}, was {_shown(theirs, ours)})"


def _shown(value: object, other: object) -> str:
    """Return a value as text: of mappings only what differs from the other, of hashes the beginning."""
    if isinstance(value, dict) and isinstance(other, dict):
        return ", ".join(f"{key}={item}" for key, item in value.items() if item != other.get(key))
    if isinstance(value, tuple):
        return " x ".join(map(str, value))
    return value[:12] if isinstance(value, str) and len(value) == 64 else str(value)
