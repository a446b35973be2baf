"""Measure what the TFLite server costs over the interpreter, and over Python servers that do nothing.

    .venv/bin/python benchmarks/lean_overhead.py [--quick] [--json]

Servers run on one CPU, the load on another. Each repetition starts the server anew and measures everything once in a
drawn order; a figure is the median over the repetitions, a ratio or difference is taken within each repetition first.
Exit status 1 when a goal is missed. Progress is told on stderr.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

from clients_run import CLIENTS, command_line, conclude, end_with, make_goal, print_goals, run_client, tell
from floor_servers import start, wait_for_port

from bakeoff.artifacts.export import ExportOptions
from bakeoff.errors import BakeoffError, TargetUnavailable
from bakeoff.host.catalog import load_targets
from bakeoff.host.cpus import Cpus
from bakeoff.host.files import ROOT
from bakeoff.host.machine import describe_machine
from bakeoff.host.processes import terminate
from bakeoff.host.progress import Show
from bakeoff.host.venvs import ensure_venv
from bakeoff.platforms.deploy import Deployment, Selection, deployed, restart
from bakeoff.platforms.local import Local
from bakeoff.platforms.ports import free_ports
from bakeoff.report.words import optional_text
from bakeoff.schema import PROTOCOLS, Endpoint
from bakeoff.wire import WIRES
from bakeoff.wire.client import OK, Client

HERE = Path(__file__).resolve().parent
LOCAL = Local()
GRPC, RAW = "tfserving-grpc", "tfserving-binary"
ECHOES = {"asgi": RAW, "grpc-aio": GRPC, "grpc-threads": GRPC}

Found = dict[str, float]
"""What one repetition found, by name: `WHO WIRE CALLERS p50` in us, `... rps`, `bare MODEL` in us, ..."""


@dataclass(frozen=True, slots=True)
class Goal:
    """A limit on what one repetition's figures give."""

    text: str
    limit: float
    at_least: bool
    value: Callable[[Found], float]


def fastest_p50(found: Found, wire: str) -> float:
    """Return the p50 at one caller of the fastest echo server of a wire, in us."""
    return min(found[f"{kind} {wire} 1 p50"] for kind, its in ECHOES.items() if its == wire)


def most_rps(found: Found, wire: str) -> float:
    """Return the throughput at eight callers of the fastest echo server of a wire."""
    return max(found[f"{kind} {wire} 8 rps"] for kind, its in ECHOES.items() if its == wire)


def share_of_bare(wire: str) -> Callable[[Found], float]:
    """Return how MobileNetV2's throughput is told as a share of a bare loop's."""
    return lambda found: found[f"lean-tflite {wire} 2 rps"] * found["bare mobilenet_v2"] / 1e6


def over_echo(wire: str) -> Callable[[Found], float]:
    """Return how digits_cnn's p50 is told over that of echo and bare invoke."""
    return lambda found: found[f"lean-tflite {wire} 1 p50"] - fastest_p50(found, wire) - found["bare digits_cnn"]


def share_of_echo(wire: str) -> Callable[[Found], float]:
    """Return how digits_cnn's throughput is told as a share of echo's."""
    return lambda found: found[f"lean-tflite {wire} 8 rps"] / most_rps(found, wire)


GOALS = (
    Goal("MobileNetV2, gRPC, 2 callers: throughput / bare invoke's", 0.90, True, share_of_bare(GRPC)),
    Goal("MobileNetV2, binary, 2 callers: throughput / bare invoke's", 0.90, True, share_of_bare(RAW)),
    Goal("digits_cnn, gRPC, 1 caller: p50 - (echo + bare invoke), us", 60, False, over_echo(GRPC)),
    Goal("digits_cnn, binary, 1 caller: p50 - (echo + bare invoke), us", 60, False, over_echo(RAW)),
    Goal(
        "digits_cnn, binary, 1 caller: p50 / TorchServe's", 0.333, False,
        lambda found: found[f"lean-tflite {RAW} 1 p50"] / found["torchserve torchserve-binary 1 p50"],
    ),
    Goal("digits_cnn, gRPC, 8 callers: throughput / echo's", 0.75, True, share_of_echo(GRPC)),
    Goal("digits_cnn, binary, 8 callers: throughput / echo's", 0.75, True, share_of_echo(RAW)),
    Goal("digits_cnn: resident memory, MB", 120, False, lambda found: found["resident MB"]),
    Goal("digits_cnn: process start to first answer, s", 1, False, lambda found: found["start s"]),
)  # fmt: skip


class Say(Show):
    """Tells what goes on."""

    def say(self, text: str) -> None:
        """Tell progress."""
        tell(text)

    def note(self, text: str) -> None:
        """Tell what stays."""
        tell(text)


def measure_digits(cpus: Cpus, plan: argparse.Namespace, found: list[Found]) -> None:
    """Measure digits_cnn on the TFLite server, TorchServe, and the echo servers."""
    with up("digits_cnn", ("lean-tflite", "torchserve"), cpus) as deployment, echoes(deployment, cpus) as ports:
        torchserve = deployment.server_of("torchserve-binary")
        wire = "torchserve-binary"
        call(wire, deployment.folder, endpoint_of(deployment, wire).port, 8, plan.prime_s, cpus)
        LOCAL.pause(torchserve)
        for repetition, figures in enumerate(found):
            restart(deployment, deployment.server_of("lean-tflite-grpc"))
            jobs = [
                ("lean-tflite", its, endpoint_of(deployment, its).port, callers)
                for its in (GRPC, RAW)
                for callers in (1, 8)
            ]
            jobs += [(kind, its, ports[kind], callers) for kind, its in ECHOES.items() for callers in (1, 8)]
            jobs.append(("torchserve", wire, endpoint_of(deployment, wire).port, 1))
            for who, its, port, callers in shuffled(jobs, plan.seed + repetition):
                tell(f"{repetition + 1}/{len(found)}: {who} {its}, {callers} callers")
                if who == "torchserve":
                    LOCAL.resume(torchserve)
                take(figures, f"{who} {its} {callers}", call(its, deployment.folder, port, callers, plan.seconds, cpus))
                if who == "torchserve":
                    LOCAL.pause(torchserve)
            server = deployment.server_of("lean-tflite-grpc")
            usage = LOCAL.read_usage(server)
            figures["resident MB"] = usage.peak_rss_bytes / 1e6 if usage else float("nan")
            figures["start s"] = server.ready_seconds or float("nan")
            figures["bare digits_cnn"] = bare_us(deployment, cpus)


def measure_mobilenet(cpus: Cpus, plan: argparse.Namespace, found: list[Found]) -> None:
    """Measure MobileNetV2 with two callers, and its bare invoke."""
    with up("mobilenet_v2", ("lean-tflite",), cpus) as deployment:
        for repetition, figures in enumerate(found):
            for wire in shuffled([GRPC, RAW, ""], plan.seed + repetition):
                tell(f"{repetition + 1}/{len(found)}: mobilenet_v2 {wire or 'bare'}")
                if wire:
                    port, seconds = endpoint_of(deployment, wire).port, 2 * plan.seconds
                    take(figures, f"lean-tflite {wire} 2", call(wire, deployment.folder, port, 2, seconds, cpus))
                else:
                    figures["bare mobilenet_v2"] = bare_us(deployment, cpus)


@contextmanager
def up(model: str, names: tuple[str, ...], cpus: Cpus) -> Iterator[Deployment]:
    """Export a model and bring its targets up, verified."""
    known = load_targets()
    folder, _ = LOCAL.export(model, ExportOptions(), Say())
    selection = Selection(tuple(known[name] for name in names), PROTOCOLS)
    with deployed(folder, LOCAL, selection, cpus.server, Say()) as deployment:
        for state in deployment.states.values():
            if state.status == "unavailable":
                raise TargetUnavailable(f"{state.name} is unavailable: {optional_text(state.reason)}", state.remedy)
            if state.status != "available":
                raise BakeoffError(f"{state.name} is {state.status}: {optional_text(state.reason)}")
        yield deployment


@contextmanager
def echoes(deployment: Deployment, cpus: Cpus) -> Iterator[dict[str, int]]:
    """Run the echo servers with the TFLite server's own answers; return their ports."""
    python = ensure_venv(ROOT / "serving" / "lean-tflite" / "requirements.txt", say=tell)
    processes, ports = [], {}
    with tempfile.TemporaryDirectory(prefix="echo-") as name:
        try:
            for kind, wire in ECHOES.items():
                folder = Path(name) / kind
                folder.mkdir()
                (folder / "reply").write_bytes(answer_of(deployment, wire))
                ports[kind] = free_ports(1)[0]
                argv = [str(python), str(HERE / "echo_servers.py"), kind, str(ports[kind]), str(folder / "reply")]
                processes.append(start(argv, folder, cpus.server))
                wait_for_port(processes[-1], ports[kind], folder / "log")
            yield ports
        finally:
            for process in processes:
                terminate(process)


def answer_of(deployment: Deployment, wire: str) -> bytes:
    """Return the TFLite server's answer to the first golden input."""
    client = Client(endpoint_of(deployment, wire), deployment.model, 10)
    reply = client.send(WIRES[wire].encode(deployment.model, deployment.golden.inputs([0])))
    client.close()
    if reply.status != OK:
        raise BakeoffError(f"{wire}: {reply.status} {reply.message}")
    return reply.body


def call(wire: str, model_dir: Path, port: int, callers: int, seconds: float, cpus: Cpus) -> dict[str, float]:
    """Run the callers' program to its end; return what it printed."""
    argv = [sys.executable, str(CLIENTS / "callers.py"), "--wire", wire, "--model-dir", str(model_dir)]
    argv += ["--port", str(port), "--callers", str(callers), "--seconds", str(seconds)]
    return run_client(argv, cpus.load)


def take(figures: Found, name: str, said: dict[str, float]) -> None:
    """Keep what the callers found."""
    figures[f"{name} p50"], figures[f"{name} rps"] = said["p50_us"], said["rps"]


def endpoint_of(deployment: Deployment, wire: str) -> Endpoint:
    """Return the endpoint that speaks a wire."""
    return next(endpoint for endpoint in deployment.endpoints if endpoint.wire == wire)


def bare_us(deployment: Deployment, cpus: Cpus) -> float:
    """Return what the TFLite artifact takes in process, in us."""
    server = deployment.server_of("lean-tflite-grpc")
    time = LOCAL.time_bare(server.prepared, deployment.folder, server.format, cpus.server)
    return time.p50_ms * 1000 if time else float("nan")


def shuffled(jobs: list, seed: int) -> list:
    """Return the jobs in a drawn order."""
    return random.Random(seed).sample(jobs, len(jobs))


def judge(goal: Goal, found: list[Found]) -> dict[str, object]:
    """Return a goal's text, value and verdict."""
    return make_goal(goal.text, median(goal.value(figures) for figures in found), goal.limit, goal.at_least)


def summarize(found: list[Found]) -> dict[str, float]:
    """Return the median of each figure."""
    return {name: median(figures[name] for figures in found) for name in sorted(found[0])}


def print_tables(result: dict) -> None:
    """Print figures and goals as Markdown."""
    out = sys.stdout.write
    out("| figure | median |\n|---|---|\n")
    for name, value in result["figures"].items():
        out(f"| {name} | {value:,.4g} |\n")
    print_goals(result["goals"])


def parse_command_line() -> argparse.Namespace:
    """Read the options."""
    parser = command_line(__doc__)
    parser.add_argument("--quick", action="store_true", help="3 repetitions of 0.5 s instead of 7 of 1 s")
    options = parser.parse_args()
    options.repetitions, options.seconds = (3, 0.5) if options.quick else (7, 1.0)
    options.prime_s, options.seed = load_targets()["torchserve"].prime_s, 1
    return options


def main() -> int:
    """Measure, print, and return 1 where a goal is missed."""
    options = parse_command_line()
    found: list[Found] = [{} for _ in range(options.repetitions)]
    try:
        LOCAL.open()
        cpus = LOCAL.resolve_cpus(Cpus())
        measure_mobilenet(cpus, options, found)
        measure_digits(cpus, options, found)
    finally:
        LOCAL.close()
    result = {
        "created_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": describe_machine(),
        "cpus": {"servers": cpus.server, "load": cpus.load},
        "repetitions": found,
        "figures": summarize(found),
        "goals": [judge(goal, found) for goal in GOALS],
    }
    return conclude(result, options.json, print_tables)


if __name__ == "__main__":
    end_with(main)
