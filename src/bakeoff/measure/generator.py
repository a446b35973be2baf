"""The load generator's process: started once for all trials of a model, told one trial at a time.

With several workers it is their master: see loadtest/coordinator.py.
"""

from __future__ import annotations

import json
import select
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from pydantic import TypeAdapter

from bakeoff.errors import BakeoffError
from bakeoff.host.files import ROOT, as_json, write_atomic
from bakeoff.host.processes import child_environment, confined, log_end, spawn, terminate
from bakeoff.host.progress import Show
from bakeoff.schema import Endpoint, Plan, Task, Trial

REQUIREMENTS = ROOT / "loadtest" / "requirements.txt"

SLACK_S = 60.0
ASSEMBLE_S = 120.0
MASTER_PORT = 5557
"""Where workers of other machines and containers connect to; Locust's own default."""


@dataclass(frozen=True, slots=True)
class LoadWorkers:
    """How many share the load: so many processes or containers of ours, or so many that connect by themselves."""

    own: int = 1
    awaited: int = 0

    def arguments(self, bind: str) -> list[str]:
        """Return the coordinator's options; those who connect by themselves do so at this address."""
        if self.awaited:
            return ["--await-load-workers", str(self.awaited), "--bind", f"{bind}:{MASTER_PORT}"]
        return ["--load-workers", str(self.own)]


def start_load(python: Path, plan: Plan, folder: Path, cpus: str | None, workers: LoadWorkers) -> LoadGenerator:
    """Start the load generator as a process of this machine; its log and its plan stay in the run's folder."""
    plan_file = folder / "plan.json"
    write_atomic(plan_file, as_json(plan))
    argv = [str(python), str(ROOT / "loadtest" / "coordinator.py"), str(plan_file), *workers.arguments("*")]
    return LoadGenerator(confined(argv, cpus), folder / "load.log")


class LoadLost(BakeoffError):
    """The load generator ended or hung in the middle of a trial, whose samples are lost."""


class RenewedLoad:
    """A load generator that is started anew where it was lost, and then runs the trial again.

    `lost` counts how often that was.
    """

    def __init__(self, start: Callable[[], LoadGenerator], show: Show) -> None:
        self._start, self._show = start, show
        self._load = start()
        self.lost = 0

    def close(self) -> None:
        """End the load generator."""
        self._load.close()

    def run_trial(self, trial: Trial, endpoint: Endpoint) -> int:
        """Run a trial; raises LoadLost where a second load generator is lost in it, too."""
        try:
            return self._load.run_trial(trial, endpoint)
        except LoadLost as error:
            self.lost += 1
            self._show.note(f"{trial.id} is run again with another load generator: {str(error).splitlines()[0]}")
            self._load.close()
            self._load = self._start()
            return self._load.run_trial(trial, endpoint)


class LoadGenerator:
    """A running loadtest/coordinator.py."""

    def __init__(self, argv: list[str], log: Path) -> None:
        self.log = log
        with log.open("ab") as noise:
            self._process = spawn(argv, noise, ROOT, child_environment(), stdin=subprocess.PIPE)
        try:
            self._answer(ASSEMBLE_S)
        except BaseException:
            terminate(self._process)
            raise

    def close(self) -> None:
        """End the load generator."""
        terminate(self._process)

    def run_trial(self, trial: Trial, endpoint: Endpoint) -> int:
        """Run a trial to its end; return how many requests were sent, priming and warm-up included.

        Raises LoadLost with the end of its log where the load generator died.
        """
        stdin: IO[bytes] | None = self._process.stdin
        if stdin is None:
            raise BakeoffError("the load generator has no stdin")
        try:
            stdin.write(TypeAdapter(Task).dump_json(Task(trial, endpoint)) + b"\n")
            stdin.flush()
        except BrokenPipeError:
            raise self._died() from None
        # Priming, warm-up and duration, then a last request that may take its whole timeout.
        workload = trial.workload
        patience = workload.warmup_s + workload.duration_s + 5 * workload.timeout_s + SLACK_S
        return int(self._answer(patience)["requests_sent"])

    def _answer(self, patience_s: float = SLACK_S) -> dict[str, Any]:
        stdout = self._process.stdout
        if stdout is None or not select.select([stdout], [], [], patience_s)[0]:
            raise LoadLost(f"the load generator did not answer in {patience_s:.0f} s; see {self.log}")
        line = stdout.readline()
        if not line:
            raise self._died()
        answer: dict[str, Any] = json.loads(line)
        return answer

    def _died(self) -> LoadLost:
        terminate(self._process)
        return LoadLost(f"the load generator ended early; the end of its log:\n{log_end(self.log)}")
