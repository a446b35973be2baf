"""Bringing a model's targets up, proving that they answer rightly, and taking them down again."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from bakeoff.artifacts.export import REQUIREMENTS
from bakeoff.artifacts.golden import Golden, load_artifacts, load_missing, load_model, verify_files
from bakeoff.errors import BakeoffError, FormatUnsupported, TargetFailed, TargetUnavailable, reason_of
from bakeoff.host.catalog import make_endpoints
from bakeoff.host.interpreters import best_pythons
from bakeoff.host.progress import Show
from bakeoff.measure.requests import write_requests
from bakeoff.platforms.platform import Platform, Prepared, Server, StartOptions, Usage
from bakeoff.platforms.verify import Arrays, Expected, canary, verify_endpoint
from bakeoff.schema import (
    CLIENT_FLOOR,
    FLOORS,
    NO_FORMAT,
    WIRE_PROTOCOLS,
    Artifact,
    Endpoint,
    MissingArtifact,
    Model,
    Parity,
    Plan,
    Protocol,
    Reason,
    Support,
    Target,
    TargetState,
    Workload,
    quoted,
)


@dataclass(frozen=True, slots=True)
class Selection:
    """Which endpoints: targets, protocols, and formats beside each target's default.

    `floors` are targets that compute nothing, measured on the wires of the others.
    """

    targets: tuple[Target, ...]
    protocols: tuple[Protocol, ...]
    formats: tuple[str, ...] = ()
    base_port: int = 0
    floors: tuple[Target, ...] = ()

    @property
    def everything(self) -> tuple[Target, ...]:
        """The targets and the floors."""
        return (*self.targets, *self.floors)

    def endpoints_of(self, model: str, target: Target, format: str) -> list[Endpoint]:
        """Return a target's endpoints that are wanted: of a floor, those that say something about another."""
        endpoints = make_endpoints(model, target, [format], self.protocols)
        if target not in self.floors:
            return endpoints
        wires = {wire for other in self.targets for wire in other.wires}
        spoken = {WIRE_PROTOCOLS[wire] for wire in wires}
        return [e for e in endpoints if e.wire in wires or (target.name == CLIENT_FLOOR and e.protocol in spoken)]

    @property
    def ids(self) -> list[str]:
        """The ids of all endpoints that are wanted, the same for every model."""
        return [
            endpoint.id
            for target in self.everything
            for format in self.formats_of(target)
            for endpoint in self.endpoints_of("", target, format)
        ]

    def formats_of(self, target: Target) -> tuple[str, ...]:
        """Return the formats in which a target is measured: its default first."""
        return (target.formats[0], *(f for f in target.formats[1:] if f in self.formats))


def with_floors(selection: Selection, known: Mapping[str, Target]) -> Selection:
    """Return a selection in which the floors are measured, too."""
    chosen = {target.name for target in selection.targets}
    return replace(selection, floors=tuple(known[name] for name in sorted(FLOORS - chosen)))


@dataclass(slots=True)
class Deployment:
    """What is up for one model, and what was found while bringing it up."""

    model: Model
    folder: Path
    golden: Golden
    artifacts: dict[str, Artifact]
    platform: Platform[Any]
    missing: tuple[MissingArtifact, ...] = ()
    servers: list[Server] = field(default_factory=list)
    states: dict[str, TargetState] = field(default_factory=dict)
    parity: list[Parity] = field(default_factory=list)
    support: list[Support] = field(default_factory=list)
    own_outputs: dict[tuple[str, str], Arrays] = field(default_factory=dict)

    @property
    def endpoints(self) -> list[Endpoint]:
        """The endpoints that are up and answer rightly."""
        wrong = {row.endpoint for row in self.parity if row.kind == "serving" and not row.ok}
        return [e for server in self.servers for e in server.endpoints if e.id not in wrong]

    def expected(self, target: str, format: str) -> Expected:
        """Return the right answers of a target in a format."""
        own = self.own_outputs.get((target, format))
        return Expected(self.golden, own if own is not None else self.golden.outputs(format))

    def server_of(self, endpoint: str) -> Server:
        """Return the server of an endpoint's id."""
        return next(server for server in self.servers if any(e.id == endpoint for e in server.endpoints))

    def plan(self, workloads: tuple[Workload, ...]) -> Plan:
        """Encode the requests that these workloads need and return the plan without its trials."""
        sizes = sorted({workload.batch_size for workload in workloads})
        wires = sorted({endpoint.wire for endpoint in self.endpoints})
        requests = {wire: {size: write_requests(self.golden, wire, size) for size in sizes} for wire in wires}
        return Plan(self.model, str(self.golden.path), tuple(self.endpoints), requests)


def open_deployment(folder: Path, platform: Platform[Any]) -> Deployment:
    """Read what the export of a model left in artifacts/MODEL."""
    model = load_model(folder)
    verify_files(folder)
    artifacts = {artifact.format: artifact for artifact in load_artifacts(folder)}
    golden, missing = Golden(folder / "golden.npz", model), tuple(load_missing(folder, model.name))
    return Deployment(model, folder, golden, artifacts, platform, missing)


@contextmanager
def deployed(
    folder: Path, platform: Platform[Any], selection: Selection, cpus: str, show: Show
) -> Iterator[Deployment]:
    """Bring a model's targets up and verify them; take all down at the end, whatever happens."""
    deployment = open_deployment(folder, platform)
    try:
        bring_up(deployment, selection, StartOptions(cpus=cpus), show)
        yield deployment
    finally:
        show.say(f"{deployment.model.name}: taking the servers down")
        # All at once: some servers take seconds to end.
        with ThreadPoolExecutor(max(1, len(deployment.servers))) as pool:
            list(pool.map(platform.stop, tuple(deployment.servers)))


def bring_up(deployment: Deployment, selection: Selection, options: StartOptions, show: Show) -> None:
    """Start and verify every target; one that can't run or fails is recorded, and the others go on."""
    platform = deployment.platform
    for number, target in enumerate(selection.everything):
        show.say(f"{deployment.model.name}: starting {target.name}")
        state = TargetState(target.name, target.framework, target.server, None, "available")
        state = replace(state, workers=target.workers, threads=target.threads)
        try:
            prepared = platform.prepare(target, show)
            state = replace(state, version=prepared.version, install_bytes=prepared.install_bytes)
            unsupported = _check_formats(deployment, prepared)
            for at, format in enumerate(selection.formats_of(target)):
                endpoints = selection.endpoints_of(deployment.model.name, target, format)
                if not endpoints:
                    show.note(f"{target.name} speaks none of {', '.join(selection.protocols)}: left out")
                    continue
                problem = _problem_with(deployment, target, format, unsupported)
                if problem is not None:
                    if format == target.formats[0]:
                        raise problem
                    show.note(problem.reason)
                    continue
                first = selection.base_port + 10 * number + 2 * at
                wanted = replace(options, ports=(first, first + 1) if selection.base_port else None)
                server = _start(deployment, prepared, format, endpoints, wanted)
                state = _with_start(state, server, platform.read_usage(server), deployment.model.name)
                _verify(deployment, server, show)
        except TargetUnavailable as error:
            state = replace(state, status="unavailable", reason=error.reason, remedy=error.remedy)
            show.note(Reason("target_unavailable", {"target": target.name}, error.reason))
        except BakeoffError as error:
            reason = Reason("of_model", {"model": deployment.model.name}, reason_of(error))
            state = replace(state, status="failed", reason=reason)
            show.note(Reason("target_failed", {"target": target.name}, reason_of(error)))
        deployment.states[target.name] = state
        show.step()


def _start(
    deployment: Deployment, prepared: Prepared, format: str, endpoints: list[Endpoint], options: StartOptions
) -> Server:
    """Start one server and wait for its first right answers; it joins the deployment before anything can fail."""
    server: Server = deployment.platform.start(prepared, format, endpoints, deployment.folder, options)
    deployment.servers.append(server)
    try:
        deployment.platform.wait_ready(server, lambda endpoint: canary(endpoint, deployment.golden))
    except BakeoffError:
        deployment.servers.remove(server)
        raise
    return server


def _problem_with(
    deployment: Deployment, target: Target, format: str, unsupported: dict[str, Reason]
) -> FormatUnsupported | TargetFailed | TargetUnavailable | None:
    """Return why a target can't serve a format, None where it can."""
    name, missing = deployment.model.name, {row.format: row.reason for row in deployment.missing}
    if format in unsupported:
        values = {"target": target.name, "format": format}
        return FormatUnsupported(Reason("format_unsupported", values, unsupported[format]))
    if format == NO_FORMAT or format in deployment.artifacts:
        return None
    cause = missing.get(format, Reason("export_failed"))
    reason = Reason("artifact_missing", {"model": name, "format": format}, cause)
    if cause.code == "package_missing":  # of the export's environment, on this machine's Pythons
        return TargetUnavailable(reason, Reason("install_one_of", {"pythons": best_pythons([REQUIREMENTS])}))
    return TargetFailed(reason)


def _with_start(state: TargetState, server: Server, usage: Usage | None, model: str) -> TargetState:
    """Add what a server's start took, and its memory before any load."""
    idle = None if usage is None else usage.rss_bytes
    found = {"ready_seconds": server.ready_seconds, "startup": server.startup, "idle_rss_bytes": idle}
    known = {name: {f"{model} {server.format}": value} for name, value in found.items() if value is not None}
    return joined_starts(state, state, replace(state, **known))  # type: ignore[arg-type]


def joined_starts(state: TargetState, *parts: TargetState) -> TargetState:
    """Return a state with the starts of several, by model and format; the last one's of the same stand."""
    found = {
        name: {what: value for part in parts for what, value in (getattr(part, name) or {}).items()} or None
        for name in ("ready_seconds", "startup", "idle_rss_bytes")
    }
    return replace(state, **found)  # type: ignore[arg-type]


def restart(deployment: Deployment, server: Server) -> Server:
    """Start a server anew, as it was; raises BakeoffError where it doesn't come up, and it is gone then."""
    deployment.servers.remove(server)
    deployment.platform.stop(server)
    return _start(deployment, server.prepared, server.format, list(server.endpoints), server.options)


def _verify(deployment: Deployment, server: Server, show: Show) -> None:
    expected = deployment.expected(server.target.name, server.format)
    for endpoint in server.endpoints:
        show.say(f"{deployment.model.name}: verifying {endpoint.id}")
        rows = verify_endpoint(endpoint, expected)
        deployment.parity += rows
        for row in rows:
            if not row.ok:
                show.note(parity_failure(row))


def parity_failure(row: Parity) -> Reason:
    """Return what a failed row of parity is a reason for."""
    what = row.endpoint or f"{row.model} {row.format} on {row.runtime}"
    values = {"what": what, "batch": row.batch, "length": row.length, "error": row.max_abs_error}
    return Reason("parity_failed", values, row.message)


def _check_formats(deployment: Deployment, prepared: Prepared) -> dict[str, Reason]:
    """Ask the target's runtime how far each artifact's answers are from PyTorch's.

    Returns the formats that it can't load, can't run, or runs wrongly, with the reason.
    """
    target, name, unsupported = prepared.target, deployment.model.name, dict[str, Reason]()
    for format in target.formats if target.checks and deployment.platform.CHECKS else ():
        if format not in deployment.artifacts:
            continue
        try:
            check = deployment.platform.check_format(prepared, deployment.folder, format)
        except TargetFailed as failure:
            deployment.support.append(Support(name, target.name, format, False, None, failure.reason))
            unsupported[format] = failure.reason
            continue
        error, message = check.max_abs_error, quoted(check.message) if check.message else None
        deployment.support.append(Support(name, target.name, format, check.ok, error, message))
        if error is not None:  # it ran, so what it answered is right or wrong
            row = Parity(name, format, check.runtime, "format", None, error, check.ok, message=message)
            deployment.parity.append(row)
        if check.ok:
            deployment.own_outputs[target.name, format] = check.outputs
        else:
            unsupported[format] = message or Reason("nothing_said")
    return unsupported
