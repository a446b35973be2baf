"""Measuring artifacts in process: engines/measure.py in fresh processes, each pinned to its CPUs."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bakeoff.host.files import ARTIFACTS, ROOT, STATE
from bakeoff.host.machine import describe_machine
from bakeoff.host.processes import child_environment, confined, log_end, spawn, terminate
from bakeoff.host.progress import Show
from bakeoff.host.venvs import ensure_venv
from bakeoff.schema import Artifact, EdgeMeasurement, EdgeProcess, Reason, quoted
from bakeoff.schema.engines import EngineRow, engines_of
from bakeoff.sizes.records import keep_measured
from bakeoff.sizes.rows import BUSY

PROCESSES = 3
"""Fresh processes for each number of threads; as many more at most where some were disturbed."""
TIMEOUT_S = 300.0
EX_DATAERR = 65


class _Failed(Exception):
    """A process without figures: `refused` where the engine said that it can't have this artifact."""

    def __init__(self, reason: Reason, refused: bool) -> None:
        super().__init__(reason)
        self.reason, self.refused = reason, refused


def measure_artifacts(
    artifacts: Iterable[Artifact], show: Show, folder: Path = ARTIFACTS, processes: int = PROCESSES
) -> list[Reason]:
    """Measure each artifact in each engine for its format, keep the results beside it; return why some failed.

    That an engine can't load an artifact is a result. So that what disturbs the machine for a while meets all alike,
    every artifact has its first process before any has its second. Disturbed ones are repeated after all others.
    """
    threads = [count for count in (1, 2) if count <= len(os.sched_getaffinity(0))]
    jobs = [
        _Job(artifact, engine, ensure_venv(ROOT / engine.requirements, say=show.say), count)
        for artifact in artifacts
        for engine in engines_of(artifact.format)
        for count in threads
    ]
    show.expect(len(jobs) * processes)
    for number in range(2 * processes):
        for job in jobs:
            if job.failure is None and (number < processes or job.disturbed(processes)):
                show.expect(int(number >= processes))
                again = "" if number < processes else ", again because the machine was busy"
                show.say(f"{job.name}, {job.threads} thread{'s' * (job.threads > 1)}: process {number + 1}{again}")
                job.run(folder)
                show.step()
                if job.failure is not None:
                    show.note(job.why(job.failure))
        _keep(jobs, folder, processes)  # after each pass, so that a measurement that is cut off isn't lost
    return list(dict.fromkeys(job.why(job.failure) for job in jobs if job.failure and not job.failure.refused))


def _keep(jobs: Sequence[_Job], folder: Path, processes: int) -> None:
    for model in dict.fromkeys(job.artifact.model for job in jobs):
        keep_measured(folder / model, _measurements([job for job in jobs if job.artifact.model == model], processes))


@dataclass
class _Job:
    """One artifact in one engine with one number of threads: what its processes said, or why there are none."""

    artifact: Artifact
    engine: EngineRow
    python: Path
    threads: int
    said: list[dict[str, Any]] = field(default_factory=list)
    failure: _Failed | None = None

    @property
    def name(self) -> str:
        return f"{self.artifact.model} {self.artifact.format} in {self.engine.name}"

    def why(self, failure: _Failed) -> Reason:
        """Return a failure as a reason why this job has no figures."""
        return Reason("not_measured_in_process", {"what": self.name}, failure.reason)

    def run(self, folder: Path) -> None:
        """Measure in one more process."""
        try:
            self.said.append(_run(self, folder))
        except _Failed as failure:
            self.failure = failure

    def disturbed(self, processes: int) -> bool:
        """Tell whether fewer processes than asked for had their CPUs to themselves."""
        return len([one for one in self.said if one["waited"] <= BUSY]) < processes

    def calmest(self, processes: int) -> list[dict[str, Any]]:
        """Return what the least disturbed processes said: chosen by their waiting, never by their speed."""
        return sorted(self.said, key=lambda one: one["waited"])[:processes]


def _measurements(jobs: list[_Job], processes: int) -> list[EdgeMeasurement]:
    """Return a measurement for each artifact and engine."""
    now = datetime.now(UTC).isoformat(timespec="seconds")
    cpu = str(describe_machine()["cpu"])
    together: dict[str, list[_Job]] = {}
    for job in jobs:
        together.setdefault(job.name, []).append(job)
    found = []
    for same in together.values():
        artifact, engine = same[0].artifact, same[0].engine
        place = (artifact.model, artifact.format, artifact.sha256, engine.name, now, cpu)
        failure = next((job.failure for job in same if job.failure), None)
        said = [one for job in same for one in job.calmest(processes)]
        found.append(EdgeMeasurement(*place, reason=failure.reason) if failure else _measurement(place, said))
    return found


def _measurement(place: tuple[str, str, str, str, str, str], said: list[dict[str, Any]]) -> EdgeMeasurement:
    """Put together what the processes said; of what is the same in all, the first one's."""
    processes = tuple(EdgeProcess(**{each.name: one[each.name] for each in fields(EdgeProcess)}) for one in said)
    same = ("version", "runtime_bytes", "dependencies_bytes", "shared_objects_bytes")
    largest = max(one["max_abs_error"] for one in said)
    return EdgeMeasurement(*place, **{key: said[0][key] for key in same}, max_abs_error=largest, processes=processes)


def _run(job: _Job, folder: Path) -> dict[str, Any]:
    """Measure once, in a fresh process on as many CPUs as threads. Raises _Failed."""
    model, format, engine, threads = job.artifact.model, job.artifact.format, job.engine, job.threads
    argv = [str(job.python), "-m", "engines.measure", "--engine", engine.module, "--model-dir", str(folder / model)]
    argv += ["--format", format, "--threads", str(threads)]
    log = STATE / "logs" / f"sizes-{model}-{format}-{engine.name}.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    environment = child_environment(OMP_NUM_THREADS=str(threads), MKL_NUM_THREADS=str(threads))
    with log.open("wb") as noise:
        process = spawn(confined(argv, _cpus(threads)), noise, STATE, environment, stdin=subprocess.PIPE)
        try:
            output, _ = process.communicate(timeout=TIMEOUT_S)
        except subprocess.TimeoutExpired:
            raise _Failed(Reason("measuring_slow", {"seconds": TIMEOUT_S}), refused=True) from None
        finally:
            terminate(process)
    if process.returncode not in (0, EX_DATAERR):
        how = f"signal {-process.returncode}" if process.returncode < 0 else f"status {process.returncode}"
        raise _Failed(quoted(f"engines/measure.py ended with {how}: {log_end(log, 1)}"), refused=False)
    said: dict[str, Any] = json.loads(output.splitlines()[-1])
    if "reason" in said:
        raise _Failed(quoted(said["reason"]), refused=True)
    return said


def _cpus(count: int) -> str:
    """Return the last CPUs that we may use, as taskset writes them: the first ones have most of the interrupts."""
    return ",".join(str(cpu) for cpu in sorted(os.sched_getaffinity(0))[-count:])
