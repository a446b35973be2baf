"""Whether two runs may be compared: what must have been equal for a difference to mean anything."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path

from bakeoff.host.files import validated
from bakeoff.schema import Reason, Report, Workload

MACHINE_KEYS = ("cpu", "cpus", "architecture", "memory_bytes", "governor")
"""What makes a machine another one. Kernel and versions of software don't: they are what one may want to compare."""
CODES = {
    "other_machine": "key",
    "other_cpus": "of",
    "other_workers": "target",
    "other_weights": "model",
    "other_workload": "workload",
    "other_surroundings": "what",
}
"""The reason that each difference is, and what it calls that which differs."""
OF_BOTH = {"other_workers", "other_weights", "other_workload"}
"""Where only what both runs have must be equal: what one alone has is left out of the comparison."""

Conditions = Mapping[str, Mapping[str, object]]
"""What must be equal, by name, by the code of the reason where it isn't."""


def find_differences(new: Report, old: Report, relative: bool = False) -> list[Reason]:
    """Return the reasons why two runs can't be compared; none means they can.

    Models, targets and workloads that only one run has are no reason unless nothing is left, nor are artifacts' hashes:
    what another export does to speed is a fair question. With `relative`, only ratios between targets of the same run
    are compared, and the machine is none.
    """
    ours, theirs = conditions_of(new, "the new run's"), conditions_of(old, "the old run's")
    reasons = [
        reason
        for code, key_is in CODES.items()
        if not (relative and code == "other_machine")
        for reason in _differing(ours[code], theirs[code], code, key_is)
    ]
    for code in ("other_weights", "other_workload"):
        if not ours[code].keys() & theirs[code].keys():
            reasons.append(Reason("nothing_in_common", {"what": CODES[code]}))
    kept = [name for name, run in (("new", new), ("old", old)) if not run.restarted]
    return reasons + [Reason("servers_not_restarted", {"run": name}) for name in kept]


def conditions_of(report: Report, whose: str) -> Conditions:
    """Return what a run was made under; raises UsageError saying whose configuration can't be read."""
    around, cpus = report.surroundings, report.config.get("cpus")
    sets = cpus if isinstance(cpus, dict) else {}
    states = [s for s in report.targets if s.workers is not None and s.threads is not None]
    server, load = (around.server_cpus, around.load_cpus) if around else (sets.get("server"), sets.get("load"))
    return {
        "other_machine": _machine(report.machine),
        "other_cpus": {"servers": str(server), "load": str(load)},
        "other_workers": {state.name: (state.workers, state.threads) for state in states},
        "other_weights": {model.name: model.sha256 for model in report.models},
        # What a workload is judged by changes nothing that is measured; the new run says it.
        "other_workload": {w.name: asdict(replace(w, judged_by="", seed=0)) for w in workloads_of(report, whose)},
        "other_surroundings": {
            "platform": report.platform,
            "stopping of idle servers": report.paused,
            "network": around.network if around else None,
            "memory limit": around.memory_limit_bytes if around else None,
        },
    }


def workloads_of(report: Report, whose: str) -> tuple[Workload, ...]:
    """Return a run's workloads; raises UsageError saying whose configuration can't be read."""
    stored = report.config.get("workloads")
    return validated(tuple[Workload, ...], stored or (), Path(f"{whose} results.json: config.workloads"))


def _machine(machine: Mapping[str, object]) -> dict[str, object]:
    """Return what identifies a machine; memory in whole GiB, since another kernel keeps a little more for itself."""
    found = {key: machine.get(key) for key in MACHINE_KEYS}
    memory = found["memory_bytes"]
    return found | ({"memory_bytes": f"{memory / 2**30:.0f} GiB"} if isinstance(memory, int) else {})


def _differing(new: Mapping[str, object], old: Mapping[str, object], code: str, key_is: str) -> list[Reason]:
    """Return a reason for each key whose values differ."""
    keys = new.keys() & old.keys() if code in OF_BOTH else new.keys() | old.keys()
    pairs = {key: (new.get(key), old.get(key)) for key in sorted(keys)}
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
