"""The load generator in its container, on the servers' network: files go in and out through the engine."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from bakeoff.errors import BakeoffError
from bakeoff.host.files import as_json
from bakeoff.measure.generator import LoadGenerator, LoadWorkers
from bakeoff.platforms import docker_engine
from bakeoff.schema import Endpoint, Plan, Trial

NAME = f"{docker_engine.RUN_PROJECT}-loadtest"
EXCHANGE = "/exchange"
WORKER = "loadworker"


class ContainerLoad(LoadGenerator):
    """A running loadtest/coordinator.py in the loadtest container, with workers in their own.

    `files` are what moved_files returns; `inside` gives an endpoint as containers reach it.
    """

    def __init__(
        self,
        files: dict[str, bytes],
        folder: Path,
        cpus: str,
        workers: LoadWorkers,
        inside: Callable[[Endpoint], Endpoint],
    ) -> None:
        self._inside = inside
        on_host = docker_engine.services()["loadtest"].get("network_mode") == "host"
        variables = {"LOAD_CPUS": cpus, "LOAD_MASTER": "127.0.0.1" if on_host else NAME}
        # An anonymous volume, since files can't be copied into a read-only container otherwise.
        argv = ["run", "--detach", "--no-deps", "--name", NAME, "--volume", EXCHANGE, "--entrypoint", "sleep"]
        done = docker_engine.compose(*argv, "loadtest", "infinity", env=variables)
        if done.returncode != 0:
            raise BakeoffError(f"the loadtest container did not start: {docker_engine.last_line(done.stderr)}")
        self._container = docker_engine.client().containers.get(NAME)
        try:
            if workers.own > 1:
                _start_workers(workers.own, variables)
                workers = LoadWorkers(awaited=workers.own)
            docker_engine.copy_in(self._container, EXCHANGE, files)
            coordinate = ["python", "/app/loadtest/coordinator.py", f"{EXCHANGE}/plan.json"]
            coordinate += workers.arguments("127.0.0.1" if on_host else "*")
            super().__init__(["docker", "exec", "--interactive", NAME, *coordinate], folder / "load.log")
        except BaseException:
            docker_engine.remove_services(docker_engine.RUN_PROJECT, "loadtest", WORKER)
            raise

    def close(self) -> None:
        """End the load generator, its container and its workers'."""
        docker_engine.remove_services(docker_engine.RUN_PROJECT, "loadtest", WORKER)
        super().close()

    def run_trial(self, trial: Trial, endpoint: Endpoint) -> int:
        """Run a trial to its end, bring its samples here; return how many requests were sent."""
        moved = replace(trial, samples=_path_inside(trial.samples) if trial.samples else None)
        sent = super().run_trial(moved, self._inside(endpoint))
        if trial.samples is not None:
            here = Path(trial.samples)
            here.parent.mkdir(parents=True, exist_ok=True)
            docker_engine.copy_out(self._container, _path_inside(trial.samples), here.parent)
        return sent


def _start_workers(count: int, variables: dict[str, str]) -> None:
    """Start so many containers of the worker's service, which connect to the master in the loadtest container."""
    up = ["up", "--detach", "--no-deps", "--scale", f"{WORKER}={count}", WORKER]
    done = docker_engine.compose(*up, env=variables)
    if done.returncode != 0:
        raise BakeoffError(f"the load generator's workers did not start: {docker_engine.last_line(done.stderr)}")


def _path_inside(samples: str) -> str:
    return f"{EXCHANGE}/samples/{Path(samples).name}"


def moved_files(plan: Plan) -> dict[str, bytes]:
    """Return the plan with its paths as they are in the container, and the requests it names."""
    files: dict[str, bytes] = {}
    requests: dict[str, dict[int, tuple[str, ...]]] = {}
    for wire, sizes in plan.requests.items():
        requests[wire] = {}
        for size, paths in sizes.items():
            names = [f"requests/{wire}/b{size}/{Path(path).name}" for path in paths]
            files |= {name: Path(path).read_bytes() for name, path in zip(names, paths, strict=True)}
            requests[wire][size] = tuple(f"{EXCHANGE}/{name}" for name in names)
    moved = replace(plan, requests=requests)
    return {"plan.json": as_json(moved).encode(), **files}
