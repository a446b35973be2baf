"""`bakeoff up`, `bakeoff down` and `bakeoff verify`."""

from __future__ import annotations

import sys
from contextlib import closing
from pathlib import Path
from typing import Annotated, Any

import typer

from bakeoff.artifacts.export import ExportOptions
from bakeoff.cli import options as o
from bakeoff.cli.terminal import print_rows, progress, tell
from bakeoff.errors import BakeoffError, UsageError, require_known
from bakeoff.host.catalog import make_endpoints
from bakeoff.host.files import STATE, as_json, write_atomic
from bakeoff.host.progress import Show
from bakeoff.host.venvs import ensure_venv
from bakeoff.measure.generator import REQUIREMENTS
from bakeoff.platforms import docker_engine, leftovers
from bakeoff.platforms.deploy import Deployment, Selection, bring_up, deployed, open_deployment, parity_failure
from bakeoff.platforms.local import LocalServer
from bakeoff.platforms.platform import Platform, Prepared, StartOptions
from bakeoff.platforms.remote import Remote
from bakeoff.report.cells import Table, scientific
from bakeoff.report.words import reason_text
from bakeoff.schema import Parity, TargetState

UP = STATE / "up.json"
RUNNING = STATE / "up-servers.json"


def up(
    config: o.ConfigFile = o.DEFAULT_CONFIG,
    platform: o.PlatformName = "local",
    model: o.Models = [],  # noqa: B006
    target: o.Targets = [],  # noqa: B006
    format: o.Formats = [],  # noqa: B006
    protocol: o.Protocols = [],  # noqa: B006
    trust: o.Trust = False,
    json: o.AsJson = False,
) -> None:
    """Start the targets of one model and leave them running, to be loaded by hand; `bakeoff down` ends them."""
    experiment, selection = o.experiment(config, model or ["digits_cnn"], target, format, protocol)
    chosen = o.make_platform(platform)
    if len(experiment.models) > 1:
        raise UsageError("--model: one model can be up at a time")
    if platform == "local" and leftovers.read_running(RUNNING):
        raise UsageError("servers are up already; end them with `scripts/bakeoff down`")
    with progress() as show:
        chosen.open()
        cpus = chosen.resolve_cpus(experiment.cpus)
        locust = "locust" if platform == "remote" else str(ensure_venv(REQUIREMENTS, say=show.say).parent / "locust")
        try:
            folder, _ = chosen.export(experiment.models[0], ExportOptions(trust=trust), show)
            deployment = open_deployment(folder, chosen)
            show.expect(len(selection.targets))
            _leave_up(deployment, selection, StartOptions(cpus=cpus.server, detached=True), show)
            write_atomic(UP, as_json(deployment.plan(experiment.workloads)))
        except BaseException:
            chosen.close()
            raise
    _show_up(deployment, json)
    missing = [name for name in target if deployment.states[name].status != "available"]
    if missing:
        raise BakeoffError("\n".join(f"{name}: {_why(deployment.states[name])}" for name in missing))
    end = "scripts/bakeoff down" + ("" if platform == "local" else f" --platform {platform}")
    example = f"{locust} -f loadtest/locustfile.py --endpoint {deployment.endpoints[0].id}"
    tell(f"load one: {example}\nend them: {end}")


def _show_up(deployment: Deployment, json: bool) -> None:
    """Print the endpoints; raise BakeoffError where there is none."""
    rows = deployment.endpoints
    cells = tuple((e.id, e.format, e.wire, f"{e.host}:{e.port}") for e in rows)
    table = Table("Endpoints that are up", "", ("endpoint", "format", "wire", "address"), cells, frozenset())
    print_rows(rows, table, json)
    if not rows:
        raise BakeoffError("no target came up")


def _leave_up(deployment: Deployment, selection: Selection, options: StartOptions, show: Show) -> None:
    """Bring the targets up, and write down those that only we know; end them where that fails."""
    try:
        bring_up(deployment, selection, options, show)
        if deployment.platform.NAME == "local":
            local = [s for s in deployment.servers if isinstance(s, LocalServer)]
            leftovers.write_running(RUNNING, [(s.target.name, s.process.pid, s.folder) for s in local])
    except BaseException:
        for server in deployment.servers:
            deployment.platform.stop(server)
        raise


def plan(model: o.Models = []) -> None:  # noqa: B006
    """Write down the endpoints of a `docker compose up` for Locust's page, whether they are up yet or not."""
    experiment, selection = o.experiment(o.DEFAULT_CONFIG, model, [], [], [])
    remote = Remote()
    folder, _ = remote.export(experiment.models[0], ExportOptions(), Show())
    deployment = open_deployment(folder, remote)
    for target in selection.targets:
        endpoints = make_endpoints(deployment.model.name, target, target.formats[:1], selection.protocols)
        server = remote.start(Prepared(target), target.formats[0], endpoints, folder, StartOptions())
        deployment.servers.append(server)
    write_atomic(UP, as_json(deployment.plan(experiment.workloads)))


def down(
    platform: o.PlatformName = "local",
    volumes: Annotated[bool, typer.Option("--volumes", help="docker: remove artifacts and results too.")] = False,
) -> None:
    """End the servers that `bakeoff up` started; with --platform docker, everything of ours in the engine."""
    require_known("--platform", [platform], ("local", "docker"))
    if platform == "local":
        ended = leftovers.stop_running(RUNNING)
    else:
        docker_engine.require_engine()
        with docker_engine.undisturbed():
            ended = docker_engine.remove_all(docker_engine.RUN_PROJECT, docker_engine.STACK_PROJECT, volumes=volumes)
    UP.unlink(missing_ok=True)
    sys.stderr.write(f"ended: {', '.join(ended)}\n" if ended else "nothing was up\n")


def verify(
    config: o.ConfigFile = o.DEFAULT_CONFIG,
    platform: o.PlatformName = "local",
    model: o.Models = [],  # noqa: B006
    target: o.Targets = [],  # noqa: B006
    format: o.Formats = [],  # noqa: B006
    protocol: o.Protocols = [],  # noqa: B006
    trust: o.Trust = False,
    json: o.AsJson = False,
) -> None:
    """Serve every endpoint and prove that it answers what its artifact answers; nothing is loaded or timed."""
    experiment, selection = o.experiment(config, model, target, format, protocol)
    chosen = o.make_platform(platform)
    rows: list[Parity] = []
    problems: list[str] = []
    with progress() as show, closing(chosen):
        chosen.open()
        for name in experiment.models:
            show.expect(1 + len(selection.targets))
            folder = _export(name, chosen, trust, show)
            cpus = chosen.resolve_cpus(experiment.cpus).server
            with deployed(folder, chosen, selection, cpus, show) as found:
                rows += found.parity
            problems += [
                f"{state.name} is {state.status}: {_why(state)}"
                for state in found.states.values()
                if state.status == "failed" or (state.status == "unavailable" and state.name in target)
            ]
    problems += [reason_text(parity_failure(row)) for row in rows if not row.ok]
    print_rows(rows, _parity_table(rows), json)
    if problems:
        raise BakeoffError("\n".join(problems))


def _parity_table(rows: list[Parity]) -> Table:
    cells = tuple(
        (
            r.model,
            r.endpoint or r.format,
            r.runtime,
            str(r.batch or ""),
            str(r.length or ""),
            scientific(r.max_abs_error),
            str(r.ok),
        )
        for r in rows
    )
    columns = ("model", "what", "runtime", "batch", "length", "max error", "same")
    return Table("Parity", "", columns, cells, frozenset({"max error", "batch", "length"}))


def _why(state: TargetState) -> str:
    return reason_text(state.reason) if state.reason else "no reason was written down"


def _export(name: str, platform: Platform[Any], trust: bool, show: Show) -> Path:
    """Export a model; return its artifacts' folder, and note what failed."""
    folder, failed = platform.export(name, ExportOptions(trust=trust), show)
    show.step()
    for line in failed:
        show.note(line)
    return folder
