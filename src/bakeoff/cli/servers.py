"""`bakeoff up`, `bakeoff down` and `bakeoff verify`."""

from __future__ import annotations

import sys

from bakeoff.cli import options as o
from bakeoff.cli.terminal import console, print_rows, progress
from bakeoff.deploy import Deployment, Selection, bring_up, deployed, open_deployment
from bakeoff.errors import BakeoffError, UsageError
from bakeoff.export import ExportOptions, export_model
from bakeoff.files import STATE, as_json, write_atomic
from bakeoff.load import REQUIREMENTS
from bakeoff.report.tables import Table, scientific
from bakeoff.runtimes import local
from bakeoff.show import Show
from bakeoff.types import Parity
from bakeoff.venvs import ensure_venv

UP = STATE / "up.json"
RUNNING = STATE / "up-servers.json"


def up(
    config: o.ConfigFile = o.DEFAULT_CONFIG,
    model: o.Models = [],  # noqa: B006
    target: o.Targets = [],  # noqa: B006
    format: o.Formats = [],  # noqa: B006
    protocol: o.Protocols = [],  # noqa: B006
    json: o.AsJson = False,
) -> None:
    """Start the targets of one model and leave them running, to be loaded by hand; `bakeoff down` ends them."""
    experiment, selection = o.experiment(config, model or ["digits_cnn"], target, format, protocol)
    if len(experiment.models) > 1:
        raise UsageError("--model: one model can be up at a time")
    if local.read_running(RUNNING):
        raise UsageError("servers are up already; end them with `scripts/bakeoff down`")
    with progress() as show:
        python = ensure_venv(REQUIREMENTS, say=show.say)
        folder, _ = export_model(experiment.models[0], ExportOptions(), show)
        deployment = open_deployment(folder)
        try:
            show.expect(len(selection.targets))
            bring_up(deployment, selection, local.StartOptions(cpus=experiment.cpus.server, detached=True), show)
            write_atomic(UP, as_json(deployment.plan(experiment.workloads)))
            local.write_running(RUNNING, deployment.servers)
        except BaseException:
            for server in deployment.servers:
                local.stop(server)
            raise
    rows = deployment.endpoints
    cells = tuple((e.id, e.format, e.wire, f"{e.host}:{e.port}") for e in rows)
    table = Table("Endpoints that are up", "", ("endpoint", "format", "wire", "address"), cells, frozenset())
    print_rows(rows, table, json)
    if not rows:
        raise BakeoffError("no target came up")
    example = f"{python.parent / 'locust'} -f loadtest/locustfile.py --endpoint {rows[0].id}"
    console.print(f"load one: {example}\nend them: scripts/bakeoff down", markup=False, highlight=False)


def down() -> None:
    """End the servers that `bakeoff up` started."""
    ended = local.stop_running(RUNNING)
    UP.unlink(missing_ok=True)
    sys.stderr.write(f"ended: {', '.join(ended)}\n" if ended else "nothing was up\n")


def verify(
    config: o.ConfigFile = o.DEFAULT_CONFIG,
    model: o.Models = [],  # noqa: B006
    target: o.Targets = [],  # noqa: B006
    format: o.Formats = [],  # noqa: B006
    protocol: o.Protocols = [],  # noqa: B006
    json: o.AsJson = False,
) -> None:
    """Serve every endpoint and prove that it answers what its artifact answers; nothing is loaded or timed."""
    experiment, selection = o.experiment(config, model, target, format, protocol)
    rows: list[Parity] = []
    problems: list[str] = []
    with progress() as show:
        for name in experiment.models:
            show.expect(1 + len(selection.targets))
            found = _verify_model(name, selection, experiment.cpus.server, show)
            rows += found.parity
            problems += [
                f"{state.name} is {state.status}: {state.reason}"
                for state in found.states.values()
                if state.status == "failed" or (state.status == "unavailable" and state.name in target)
            ]
    problems += [f"{row.endpoint or row.format} failed parity: {row.message}" for row in rows if not row.ok]
    cells = tuple(
        (r.model, r.endpoint or r.format, r.runtime, str(r.batch or ""), scientific(r.max_abs_error), str(r.ok))
        for r in rows
    )
    columns = ("model", "what", "runtime", "batch", "max error", "same")
    print_rows(rows, Table("Parity", "", columns, cells, frozenset({"max error", "batch"})), json)
    if problems:
        raise BakeoffError("\n".join(problems))


def _verify_model(name: str, selection: Selection, cpus: str, show: Show) -> Deployment:
    folder, failed = export_model(name, ExportOptions(), show)
    show.step()
    for line in failed:
        show.note(line)
    with deployed(folder, selection, cpus, show) as deployment:
        return deployment
