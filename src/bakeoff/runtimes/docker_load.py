"""The load generator in its container, on the servers' network: files go in and out through the engine."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from bakeoff.errors import BakeoffError
from bakeoff.files import as_json
from bakeoff.load import LoadGenerator, Workers
from bakeoff.runtimes import engine
from bakeoff.types import Plan, Trial

NAME = f"{engine.RUN_PROJECT}-loadtest"
EXCHANGE = "/exchange"
WORKER = "loadworker"


class ContainerLoad(LoadGenerator):
    """A running loadtest/conductor.py in the loadtest container, with workers in their own; a context manager.

    `files` are what moved_files returns.
    """

    def __init__(self, files: dict[str, bytes], folder: Path, cpus: str, workers: Workers) -> None:
        on_host = engine.services()["loadtest"].get("network_mode") == "host"
        variables = {"LOAD_CPUS": cpus, "LOAD_MASTER": "127.0.0.1" if on_host else NAME}
        # An anonymous volume, since files can't be copied into a read-only container otherwise.
        argv = ["run", "--detach", "--no-deps", "--name", NAME, "--volume", EXCHANGE, "--entrypoint", "sleep"]
        done = engine.compose(*argv, "loadtest", "infinity", env=variables)
        if done.returncode != 0:
            raise BakeoffError(f"the loadtest container did not start: {engine.last_line(done.stderr)}")
        self._container = engine.client().containers.get(NAME)
        try:
            if workers.own > 1:
                _start_workers(workers.own, variables)
                workers = Workers(awaited=workers.own)
            engine.copy_in(self._container, EXCHANGE, files)
            conduct = ["python", "/app/loadtest/conductor.py", f"{EXCHANGE}/plan.json"]
            conduct += workers.arguments("127.0.0.1" if on_host else "*")
            super().__init__(["docker", "exec", "--interactive", NAME, *conduct], folder / "load.log")
        except BaseException:
            engine.remove_services(engine.RUN_PROJECT, "loadtest", WORKER)
            raise

    def __exit__(self, *details: object) -> None:
        engine.remove_services(engine.RUN_PROJECT, "loadtest", WORKER)
        super().__exit__(*details)

    def run_trial(self, trial: Trial) -> int:
        """Run a trial to its end, bring its samples here; return how many requests were sent."""
        sent = super().run_trial(trial)
        if trial.samples is not None:
            here = Path(trial.samples)
            here.parent.mkdir(parents=True, exist_ok=True)
            engine.copy_out(self._container, _inside(trial.samples), here.parent)
        return sent


def _start_workers(count: int, variables: dict[str, str]) -> None:
    """Start so many containers of the worker's service, which connect to the master in the loadtest container."""
    up = ["up", "--detach", "--no-deps", "--scale", f"{WORKER}={count}", WORKER]
    done = engine.compose(*up, env=variables)
    if done.returncode != 0:
        raise BakeoffError(f"the load generator's workers did not start: {engine.last_line(done.stderr)}")


def _inside(samples: str) -> str:
    return f"{EXCHANGE}/samples/{Path(samples).name}"


def moved_files(plan: Plan, addresses: dict[str, tuple[str, int]]) -> dict[str, bytes]:
    """Return the plan with its paths and addresses as they are in the container, and the requests it names."""
    files: dict[str, bytes] = {}
    requests: dict[str, dict[int, tuple[str, ...]]] = {}
    for wire, sizes in plan.requests.items():
        requests[wire] = {}
        for size, paths in sizes.items():
            names = [f"requests/{wire}/b{size}/{Path(path).name}" for path in paths]
            files |= {name: Path(path).read_bytes() for name, path in zip(names, paths, strict=True)}
            requests[wire][size] = tuple(f"{EXCHANGE}/{name}" for name in names)
    endpoints = tuple(
        replace(e, host=addresses[e.id][0], port=addresses[e.id][1]) for e in plan.endpoints if e.id in addresses
    )
    trials = tuple(replace(t, samples=_inside(t.samples) if t.samples else None) for t in plan.trials)
    moved = replace(plan, endpoints=endpoints, requests=requests, trials=trials)
    return {"plan.json": as_json(moved).encode(), **files}
