"""Measuring artifacts in process: edge/measure.py in fresh processes, each pinned to its CPUs."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bakeoff.files import ARTIFACTS, STATE
from bakeoff.machine import describe_machine
from bakeoff.processes import child_environment, confined, log_end, spawn, terminate
from bakeoff.show import Show
from bakeoff.sizes.records import keep_measured
from bakeoff.sizes.runtimes import EDGE, EdgeRuntime, runtimes_of
from bakeoff.types import Artifact, EdgeMeasurement, EdgeProcess
from bakeoff.venvs import ensure_venv

PROCESSES = 3
TIMEOUT_S = 300.0
EX_DATAERR = 65


@dataclass
class _Failed(Exception):
    """A process without figures: `refused` where the runtime said that it can't have this artifact."""

    reason: str
    refused: bool


def measure_artifacts(artifacts: Iterable[Artifact], show: Show, folder: Path = ARTIFACTS) -> list[str]:
    """Measure each artifact in each runtime for its format, keep the results beside it; return a line for each failure.

    That a runtime can't load an artifact is a result. So that what disturbs the machine for a while meets all alike,
    every artifact has its first process before any has its second.
    """
    pairs = [(artifact, runtime) for artifact in artifacts for runtime in runtimes_of(artifact.format)]
    threads = [count for count in (1, 2) if count <= len(os.sched_getaffinity(0))]
    show.expect(len(pairs) * len(threads) * PROCESSES)
    pythons = {pair: ensure_venv(pair[1].requirements, say=show.say) for pair in pairs}
    seen: dict[tuple[Artifact, EdgeRuntime], list[dict[str, Any]]] = {pair: [] for pair in pairs}
    failed: dict[tuple[Artifact, EdgeRuntime], _Failed] = {}
    for number in range(PROCESSES):
        for pair in pairs:
            artifact, runtime = pair
            for count in threads if pair not in failed else []:
                show.say(f"{artifact.model} {artifact.format} in {runtime.name}: process {number + 1}, threads {count}")
                try:
                    seen[pair].append(_run(pythons[pair], artifact, runtime, count, folder))
                except _Failed as failure:
                    failed[pair] = failure
                    show.note(f"{artifact.model} {artifact.format} in {runtime.name}: {failure.reason}")
                    break
                finally:
                    show.step()
    _keep(seen, failed, folder)
    return [
        f"{artifact.model} {artifact.format} in {runtime.name}: {failure.reason}"
        for (artifact, runtime), failure in failed.items()
        if not failure.refused
    ]


def _keep(
    seen: dict[tuple[Artifact, EdgeRuntime], list[dict[str, Any]]],
    failed: dict[tuple[Artifact, EdgeRuntime], _Failed],
    folder: Path,
) -> None:
    now = datetime.now(UTC).isoformat(timespec="seconds")
    cpu = str(describe_machine()["cpu"])
    for model in sorted({artifact.model for artifact, _ in seen}):
        rows = []
        for (artifact, runtime), said in seen.items():
            if artifact.model == model:
                failure = failed.get((artifact, runtime))
                place = (model, artifact.format, artifact.sha256, runtime.name, now, cpu)
                rows.append(EdgeMeasurement(*place, reason=failure.reason) if failure else _measurement(place, said))
        keep_measured(folder / model, rows)


def _measurement(place: tuple[str, str, str, str, str, str], said: list[dict[str, Any]]) -> EdgeMeasurement:
    """Put together what the processes said; of what is the same in all, the first one's."""
    processes = tuple(EdgeProcess(**{field.name: one[field.name] for field in fields(EdgeProcess)}) for one in said)
    same = ("version", "runtime_bytes", "dependencies_bytes", "shared_objects_bytes")
    largest = max(one["max_abs_error"] for one in said)
    return EdgeMeasurement(*place, **{key: said[0][key] for key in same}, max_abs_error=largest, processes=processes)


def _run(python: Path, artifact: Artifact, runtime: EdgeRuntime, threads: int, folder: Path) -> dict[str, Any]:
    """Measure once, in a fresh process on as many CPUs as threads. Raises _Failed."""
    argv = [str(python), str(EDGE / "measure.py"), "--runtime", runtime.module, "--distribution", runtime.distribution]
    argv += ["--model-dir", str(folder / artifact.model), "--format", artifact.format, "--threads", str(threads)]
    log = STATE / "logs" / f"sizes-{artifact.model}-{artifact.format}-{runtime.name}.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    environment = child_environment(OMP_NUM_THREADS=str(threads), MKL_NUM_THREADS=str(threads))
    with log.open("wb") as noise:
        process = spawn(confined(argv, _cpus(threads)), noise, STATE, environment, stdin=subprocess.PIPE)
        try:
            output, _ = process.communicate(timeout=TIMEOUT_S)
        except subprocess.TimeoutExpired:
            raise _Failed(f"it took more than {TIMEOUT_S:.0f} s", refused=True) from None
        finally:
            terminate(process)
    if process.returncode not in (0, EX_DATAERR):
        how = f"signal {-process.returncode}" if process.returncode < 0 else f"status {process.returncode}"
        raise _Failed(f"edge/measure.py ended with {how}: {log_end(log, 1)}", refused=False)
    said: dict[str, Any] = json.loads(output.splitlines()[-1])
    if "reason" in said:
        raise _Failed(said["reason"], refused=True)
    return said


def _cpus(count: int) -> str:
    """Return the last CPUs that we may use, as taskset writes them: the first ones have most of the interrupts."""
    return ",".join(str(cpu) for cpu in sorted(os.sched_getaffinity(0))[-count:])
