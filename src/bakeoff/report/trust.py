"""Why the figures may be trusted, and which may not: verdicts with reasons, the machine, hashes, how to repeat it."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from bakeoff.analysis.compare import ROUNDS_FOR_VERDICT
from bakeoff.analysis.completeness import Place, uncounted, unmeasured
from bakeoff.report.cells import MISSING, Table, most, number
from bakeoff.report.words import first_line, joined, listed, reason_text
from bakeoff.schema import FLOORS, Measurement, Reason, Report

MOST_GAPS = 5
UNSTEADY_PERCENT = 10.0


@dataclass(frozen=True, slots=True)
class Notice:
    """Something a reader must know before the figures."""

    kind: Literal["warn", "note"]
    what: str
    says: str


def notices(report: Report) -> list[Notice]:
    """Return what failed, what couldn't run and what doesn't count."""
    found = []
    for row in report.parity:
        if not row.ok:
            where = row.endpoint or f"{row.format} in {row.runtime}"
            why = reason_text(row.message) if row.message else "its answers are not the reference's"
            batch = f" at batch {row.batch}" if row.batch is not None else ""
            length = f", length {row.length}" if row.length is not None else ""
            found.append(Notice("warn", f"{row.model}: {where} failed parity", f"{why}{batch}{length}"))
    for state in report.targets:
        if state.status != "available":
            why = first_line(state.reason)
            remedy = f". Remedy: {reason_text(state.remedy)}" if state.remedy else ""
            kind: Literal["warn", "note"] = "warn" if state.status == "failed" else "note"
            found.append(Notice(kind, f"{state.name} is {state.status}", f"{why}{remedy}"))
    for name in dict.fromkeys(m.model for m in report.missing_artifacts):
        gone = ", ".join(m.format for m in report.missing_artifacts if m.model == name)
        found.append(Notice("note", f"{name} is unavailable as {gone}", "the reasons are in the table of sizes."))
    invalid = sum(m.verdict == "invalid" for m in report.measurements)
    if invalid:
        says = f"{invalid} of {len(report.measurements)} trials are invalid and excluded; the reasons are under Trust."
        found.append(Notice("note", "Invalid trials", says))
    gaps = unmeasured(report.measurements)
    if gaps:
        found.append(Notice("warn", "Not measured", f"{_places(gaps)} gave no right answers, or wrong ones."))
    found += unsettled(report)
    cut_off = [model.name for model in report.models if model.name not in report.finished]
    if cut_off and report.measurements:
        found.append(Notice("warn", "Not finished", f"Not all rounds of {', '.join(cut_off)} ran."))
    rounds = {m.round for m in report.measurements if m.target not in FLOORS}
    if rounds and len(rounds) < ROUNDS_FOR_VERDICT:
        says = f"{len(rounds)} round{'s' * (len(rounds) > 1)}: it takes {ROUNDS_FOR_VERDICT} for a verdict on speed."
        found.append(Notice("note", "A first look", says))
    return found


def unsettled(report: Report) -> list[Notice]:
    """Return what the machine's noise makes of the figures: how far to trust them. It fails nothing."""
    found = []
    doubtful = uncounted(report.measurements)
    if doubtful:
        says = f"{_places(doubtful)} answered right, but none of the trials counts: see Trust, and run it again."
        found.append(Notice("warn", "Measured, but nothing counts", says))
    known = [m for m in report.measurements if m.drift_percent is not None and m.target not in FLOORS]
    moved = Counter(m.endpoint for m in known if abs(m.drift_percent or 0.0) > UNSTEADY_PERCENT)
    if moved:
        often = listed([f"{name} ({count})" for name, count in moved.most_common(MOST_GAPS)])
        says = (
            f"in {moved.total()} of {len(known)} trials the median latency moved by over {UNSTEADY_PERCENT:.0f}% from "
            f"the first third to the last, most often of {often}. It is shown under Trust and excludes nothing."
        )
        found.append(Notice("note", "Unsteady", says))
    return found


def _places(places: Sequence[Place]) -> str:
    return listed([" ".join(place) for place in places], MOST_GAPS)


MOST_TRIALS = 400
"""A page with more rows would be slow and large; results.json has them all."""


def trial_table(report: Report) -> Table:
    """Return the trials with their verdict and what the load generator saw of itself; of too many the invalid ones."""
    everything = len(report.measurements) <= MOST_TRIALS
    shown = [m for m in report.measurements if everything or m.verdict == "invalid"]
    figures = ("round", "try", "requests", "errors", "p50 ms", "unsteady %", "lag p99 ms", "generator CPU %", "steal %")
    columns = ("trial", "endpoint", "workload", "verdict", *figures, "reasons")
    rows = tuple(
        (
            m.trial_id,
            m.endpoint,
            m.workload,
            m.verdict,
            str(m.round),
            str(m.attempt + 1),
            f"{m.request_count:,}",
            str(m.error_count),
            number(m.latency_ms.p50),
            number(m.drift_percent),
            number(m.lag_ms.p99) if m.lag_ms else MISSING,
            number(m.client_cpu_percent),
            number(m.disturbed.steal_percent) if m.disturbed else MISSING,
            joined(m.reasons),
        )
        for m in shown[:MOST_TRIALS]
    )
    says = (
        "In the order they ran. Lag: from a request's intended start to its send; a closed loop has none. Unsteady: by "
        "how much the last third's median is off the first's; it excludes nothing. A disturbed trial was repeated at "
        "the end of its round, at most twice; one that answered wrongly, or nothing, was not."
    )
    if not everything:
        says += f" Of {len(report.measurements)} trials only {len(rows)} invalid ones: the others are in results.json."
    return Table("Every trial" if everything else "Invalid trials", says, columns, rows, frozenset(figures))


def reason_table(report: Report) -> Table:
    """Return why trials were invalid, counted by code, each with its latest example in words."""
    alike: dict[str, list[Reason]] = {}
    for m in report.measurements:
        for reason in m.reasons:
            alike.setdefault(reason.code, []).append(reason)
    most_first = sorted(alike.values(), key=len, reverse=True)
    rows = tuple((reason_text(reasons[-1]), str(len(reasons))) for reasons in most_first)
    says = "One example of each reason, with its figures: every trial has its own below."
    return Table("Why trials are invalid", says, ("for example", "trials"), rows, frozenset({"trials"}))


def verdict_table(report: Report) -> Table:
    """Return how many trials of each target count."""
    groups: dict[str, list[Measurement]] = {}
    for m in report.measurements:
        groups.setdefault(m.target, []).append(m)
    rows = []
    for target, trials in groups.items():
        valid = sum(m.verdict == "valid" for m in trials)
        worst = (most(m.client_cpu_percent for m in trials), most(m.lag_ms.p99 if m.lag_ms else None for m in trials))
        rows.append((target, str(valid), str(len(trials) - valid), str(sum(m.error_count for m in trials)), *worst))
    columns = ("target", "valid", "invalid", "failed requests", "most generator CPU %", "most lag p99 ms")
    says = "Over 80% of its CPUs, or late by more than 1 ms and a fifth of the median latency, a trial is invalid."
    return Table("Trials by target", says, columns, tuple(rows), frozenset(columns[1:]))


def machine_table(report: Report) -> Table:
    """Return the machine and the versions of what measured."""
    rows = []
    for key, value in report.machine.items():
        if isinstance(value, dict):
            rows += [(f"{key}: {name}", _plain(inner)) for name, inner in value.items()]
        else:
            rows.append((key, _plain(value)))
    if report.surroundings:
        around = report.surroundings
        rows += [("servers' CPUs", around.server_cpus), ("load's CPUs", around.load_cpus), ("network", around.network)]
    rows += [(f"server: {s.name}", s.version or MISSING) for s in report.targets if s.status == "available"]
    says = "As found when the run began; a dash is what the machine doesn't say."
    return Table("Machine and versions", says, ("what", "value"), tuple(rows), frozenset())


def _plain(value: object) -> str:
    return MISSING if value is None else f"{value:,}" if isinstance(value, int) and value > 9999 else str(value)


def hash_table(report: Report) -> Table:
    """Return the hashes of what was measured."""
    rows = [(model.name, "model", model.sha256) for model in report.models]
    rows += [(a.model, a.format, a.sha256) for a in report.artifacts]
    rows += [(image.target, f"image {image.name}", image.digest or image.id) for image in report.images]
    says = "SHA-256 of the model's source, data and weights, and of each artifact's files."
    return Table("Hashes", says, ("of", "what", "hash"), tuple(rows), frozenset())


def repeat_command(report: Report) -> str:
    """Return the commands that repeat the run on a checkout."""
    commit = report.machine.get("git_commit")
    checkout = f"git checkout {commit}\n" if commit else ""
    return f"{checkout}scripts/{report.command}"


def configuration(report: Report) -> str:
    """Return the experiment as the run had it."""
    return json.dumps(report.config, indent=2, ensure_ascii=False)


def trust_tables(report: Report) -> list[Table]:
    """Return the trust panel's tables that have rows."""
    found = [
        verdict_table(report),
        reason_table(report),
        trial_table(report),
        machine_table(report),
        hash_table(report),
    ]
    return [table for table in found if table.rows]
