"""`bakeoff doctor`: what can run on this machine, and what makes its figures unsteady."""

from __future__ import annotations

import math
import os
import shutil
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from bakeoff.artifacts.export import REQUIREMENTS as EXPORT_REQUIREMENTS
from bakeoff.cli import options as o
from bakeoff.cli.terminal import print_rows, print_table, progress
from bakeoff.errors import BakeoffError, printable
from bakeoff.host.apt import Offer, find_obstacle, find_offer
from bakeoff.host.catalog import load_targets
from bakeoff.host.cpus import parse_cpus, resolve_cpus
from bakeoff.host.files import ARTIFACTS
from bakeoff.host.interpreters import best_pythons, find_interpreter
from bakeoff.host.locks import MACHINE
from bakeoff.host.machine import below
from bakeoff.host.progress import Show
from bakeoff.host.venvs import is_ready
from bakeoff.measure.finding import Finding, Place
from bakeoff.measure.generator import REQUIREMENTS as LOAD_REQUIREMENTS
from bakeoff.measure.pulse import take_pulse
from bakeoff.measure.steadiness import judge_machine, observe_machine
from bakeoff.platforms import docker_engine
from bakeoff.platforms.local import missing_prerequisite, requirements_of
from bakeoff.report.cells import Table, tabulate
from bakeoff.report.words import optional_text, reason_text
from bakeoff.schema import Reason, Target

ROOT = Path("/")
"""What /proc, /sys and /etc lie below."""
STEADY_WORDS = {"steady": "yes", "unsteady": "no", "unknown": "unknown"}


def doctor(
    config_file: o.ConfigFile = o.DEFAULT_CONFIG,
    seconds: Annotated[float, typer.Option("--seconds", min=0.5, max=600, help="How long to watch the machine.")] = 10,
    json: o.AsJson = False,
    quiet: o.Quietly = False,
) -> None:
    """Say what can run on this machine, what makes its figures unsteady, and what to do about each.

    For 10 seconds it times the same piece of work on the servers' CPUs (--config: whose) and watches what else goes on:
    what the hypervisor takes, how long work waits for a CPU, who else uses them, quotas, swap; besides clock, cores and
    memory. It foretells how large a difference between two equal servers a run of 2 minutes will still see. "unknown"
    is what can't be read here. End other work before a run, not before this: it shows what disturbs.

    Where TensorFlow Serving is missing and apt can reach its archive, the commands that install it are printed. Nothing
    is started or installed, and the exit status is 0 whatever was found.
    """
    cpus = o.experiment(config_file, [], [], [], [])[0].cpus
    sets = resolve_cpus(cpus)
    place = Place(frozenset(parse_cpus(sets.server)), frozenset(parse_cpus(sets.load)), ROOT)
    with progress(quiet) as show:
        findings = watch(place, seconds, show)
        show.say("looking for what can run here")
        runnable, offers = find_runnable(), find_offers()
        show.step()
    print_rows({"can_run": runnable, "machine": findings, "offers": offers}, runnable_table(runnable), json)
    if not json:
        print_table(steadiness_table(findings))
        for offer in offers:
            sys.stdout.write(printable(offer_text(offer)))


def watch(place: Place, seconds: float, show: Show) -> list[Finding]:
    """Watch the machine for some seconds and return what was found."""
    show.expect(math.floor(seconds) + 1)
    show.say(f"watching this machine for {seconds:g} s, with work on the servers' CPUs")
    seen = observe_machine(place, lambda: take_pulse(set(place.server), seconds, show.step))
    return judge_machine(place, seen, os.getpid())


def find_runnable() -> list[dict[str, Any]]:
    """Return what can run on this machine, and the remedy for what can't."""
    taskset, remedy = shutil.which("taskset"), "servers and load share CPUs: install util-linux"
    rows = [_found("taskset", taskset or "not on PATH", taskset is not None, remedy), _disk(), _engine()]
    for name, requirements in (("export", EXPORT_REQUIREMENTS), ("load generator", LOAD_REQUIREMENTS)):
        rows.append(_environment(name, requirements))
    return rows + [_target(target) for target in load_targets().values()]


def runnable_table(rows: Iterable[Mapping[str, Any]]) -> Table:
    """Return what can run here as a table."""
    cells = [{**row, "ok": "yes" if row["ok"] else "no", "remedy": row["remedy"] or ""} for row in rows]
    columns = {"what": "what", "ok": "ok", "what was found": "says", "remedy": "remedy"}
    return tabulate("What can run here", "Nothing was started or installed.", cells, columns, 4)


def steadiness_table(findings: Iterable[Finding]) -> Table:
    """Return what was found as a table."""
    cells = [
        {
            "what": each.what,
            "steady": STEADY_WORDS[each.state],
            "found": reason_text(each.found),
            "what to do": optional_text(each.remedy),
        }
        for each in findings
    ]
    columns = {name: name for name in ("what", "steady", "found", "what to do")}
    return tabulate("What makes figures unsteady here", "Figures are of the seconds watched.", cells, columns, 4)


def find_offers() -> list[Offer]:
    """Return how apt would install the servers that are missing here, of those whose makers have an archive."""
    return [
        find_offer(target.name, target.archive, below(ROOT), find_obstacle)
        for target in load_targets().values()
        if target.archive is not None and missing_prerequisite(target) is not None
    ]


def offer_text(offer: Offer) -> str:
    """Return an offer as lines that can be copied."""
    head = f"{offer.target} without Docker: {reason_text(offer.found)}"
    if not offer.commands:
        return f"{head}. {optional_text(offer.remedy)}\n"
    commands = "".join(f"  {command}\n" for command in offer.commands)
    return f"{head}. Nothing was installed; these commands do it:\n{commands}"


def _found(what: str, says: str, ok: bool = True, remedy: str | None = None) -> dict[str, Any]:
    return {"what": what, "ok": ok, "says": says, "remedy": None if ok else remedy}


def _engine() -> dict[str, Any]:
    try:
        docker_engine.require_engine()
    except BakeoffError as error:
        return _found(
            "docker", str(error).removeprefix("--platform docker: "), False, "only --platform docker needs it"
        )
    return _found("docker", f"Docker {docker_engine.client().version()['Version']}")


def _disk() -> dict[str, Any]:
    free = shutil.disk_usage(ARTIFACTS.parent).free
    remedy = "the environments of all targets take about 8 GB"
    return _found("disk", f"{free / 1e9:.0f} GB free", free > 8e9, remedy)


def _target(target: Target) -> dict[str, Any]:
    missing = missing_prerequisite(target)
    if missing:
        remedy = reason_text(missing.remedy) if missing.remedy else None
        return _found(target.name, reason_text(missing.reason), False, remedy)
    if target.requirements is None:
        return _found(target.name, "needs no environment")
    return _environment(target.name, requirements_of(target))


def _environment(what: str, requirements: Path) -> dict[str, Any]:
    """Return whether an environment is there, else with which Python it would be made."""
    if is_ready(requirements):
        return _found(what, "environment ready")
    found, best = find_interpreter([requirements]), best_pythons([requirements])
    if found is None:
        says = f"its packages exist for Python {best} alone, none is here, and uv is asked for one on first use"
        return _found(what, says if best else f"its packages have no wheels for {MACHINE}", False, _python_remedy(best))
    version = f"{found.version[0]}.{found.version[1]}"
    lacking = f" without {', '.join(found.without)}" if found.without else ""
    return _found(what, f"environment is made on first use, on Python {version}{lacking}")


def _python_remedy(pythons: str) -> str:
    return reason_text(Reason("install_one_of", {"pythons": pythons}) if pythons else Reason("other_machine_needed"))
