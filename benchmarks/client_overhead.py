"""Measure what a request costs its client: this project's and its peers, on servers that cost almost nothing.

    .venv/bin/python benchmarks/client_overhead.py [--quick] [--json]

Each repetition runs every client once in a drawn order, each in a process of its own: servers on one CPU, the client on
another. The figures are medians over the repetitions; ratios and differences are taken within each repetition first.
Exit status 1 when a goal is missed. Progress and what could not be measured are told on stderr.
"""

from __future__ import annotations

import argparse
import os
import random
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

from clients_run import CLIENTS, command_line, conclude, end_with, make_goal, print_goals, run_client, tell
from floor_servers import Floor, floor_servers

from bakeoff.errors import BakeoffError
from bakeoff.host.files import ROOT
from bakeoff.host.machine import describe_machine
from bakeoff.host.venvs import ensure_venv

HERE = Path(__file__).resolve().parent
REQUIREMENTS = (HERE / "requirements.txt", ROOT / "loadtest" / "requirements.txt")
OURS, RAW, FASTHTTP, GRPC_GEVENT, PERF_ANALYZER = (
    "bakeoff (libcurl)",
    "raw socket",
    "Locust FastHttpUser",
    "Locust, grpcio in gevent",
    "perf_analyzer",
)
PROGRAMS = {
    "rest": {
        RAW: "raw_socket.py",
        OURS: "bakeoff_curl.py",
        FASTHTTP: "locust_fasthttp.py",
        "requests": "requests_session.py",
        PERF_ANALYZER: "perf_analyzer.py",
    },
    "grpc": {
        RAW: "raw_socket.py",
        OURS: "bakeoff_curl.py",
        GRPC_GEVENT: "locust_grpcio.py",
        "grpcio in threads": "grpcio_threads.py",
        PERF_ANALYZER: "perf_analyzer.py",
    },
}
MAIN_SIZE = 3_072
SIZES = (MAIN_SIZE, 256, 602_112)  # 602,112: an image of 224 x 224 x 3 float32
RATE_RPS = 200.0
PACED = (OURS, FASTHTTP, GRPC_GEVENT)


@dataclass(frozen=True, slots=True)
class Goal:
    """A limit on our client at the main size: a ratio to a peer's figure or a distance from it."""

    protocol: str
    figure: str
    peer: str
    limit: float
    is_ratio: bool


GOALS = (
    Goal("rest", "cpu_us", FASTHTTP, 0.35, is_ratio=True),
    Goal("grpc", "cpu_us", GRPC_GEVENT, 0.40, is_ratio=True),
    Goal("rest", "p50_us", RAW, 40.0, is_ratio=False),
    Goal("grpc", "p50_us", RAW, 60.0, is_ratio=False),
)


@dataclass(frozen=True, slots=True)
class Contest:
    """One client on one payload; what it found in each repetition."""

    protocol: str
    size: int
    client: str


Found = dict[Contest, list[dict[str, float]]]


def measure(floors: list[Floor], python: Path, cpus: str | None, plan: argparse.Namespace) -> tuple[Found, dict]:
    """Run every contest in every repetition; return what was found and why some were not measured."""
    contests = list(all_contests())
    found: Found = {contest: [] for contest in contests}
    missing: dict[Contest, str] = {}
    order = random.Random(plan.seed)
    for repetition in range(plan.repetitions):
        order.shuffle(contests)
        for number, contest in enumerate(contests):
            tell(f"\r{repetition + 1}/{plan.repetitions}: {number + 1}/{len(contests)} {contest.client:30}", end="")
            if contest in missing:
                continue
            floor = next(floor for floor in floors if floor.protocol == contest.protocol)
            try:
                found[contest].append(run_contest(contest, floor, python, cpus, plan.seconds))
            except BakeoffError as error:
                if contest.client != PERF_ANALYZER:
                    raise
                missing[contest] = str(error).splitlines()[-1]
    tell("")
    return found, missing


def all_contests() -> Iterator[Contest]:
    """List what is measured; perf_analyzer at the main size alone."""
    for protocol, programs in PROGRAMS.items():
        for size in SIZES:
            for client in programs:
                if client != PERF_ANALYZER or size == MAIN_SIZE:
                    yield Contest(protocol, size, client)


def run_contest(contest: Contest, floor: Floor, python: Path, cpus: str | None, seconds: float) -> dict[str, float]:
    """Run one client's program to its end; raises BakeoffError with its last line when it fails."""
    if contest.client == PERF_ANALYZER and floor.name == "echo":
        raise BakeoffError("it can't ask the echo target for what it needs")
    program = CLIENTS / PROGRAMS[contest.protocol][contest.client]
    argv = [str(python), str(program), "--protocol", contest.protocol, "--port", str(floor.port)]
    argv += ["--path", floor.paths[contest.size], "--message", str(floor.messages[contest.size])]
    argv += ["--seconds", str(seconds)]
    if contest.client in PACED and contest.size == MAIN_SIZE:
        argv += ["--rate-rps", str(RATE_RPS)]
    return run_client(argv, cpus)


def summarize(found: Found) -> list[dict[str, object]]:
    """Return a row a contest: the median of each figure, and of our share of the peer's CPU time."""
    rows = []
    for contest, results in sorted(found.items(), key=lambda pair: (pair[0].protocol != "rest", pair[0].size)):
        if results:
            figures = {name: median(result[name] for result in results) for name in results[0]}
            rows.append({**asdict(contest), **figures, "repetitions": results})
    return rows


def judge(goal: Goal, found: Found) -> dict[str, object]:
    """Return a goal's text, value and verdict."""
    ours = found[Contest(goal.protocol, MAIN_SIZE, OURS)]
    peer = found[Contest(goal.protocol, MAIN_SIZE, goal.peer)]
    pairs = [(a[goal.figure], b[goal.figure]) for a, b in zip(ours, peer, strict=True)]
    value = median(a / b if goal.is_ratio else a - b for a, b in pairs)
    name = {"cpu_us": "CPU time", "p50_us": "p50"}[goal.figure]
    relation = f"{name} / that of {goal.peer}" if goal.is_ratio else f"{name} - that of the {goal.peer}, us"
    return make_goal(f"{goal.protocol}: {relation}", value, goal.limit)


def print_table(result: dict) -> None:
    """Print rows and goals as Markdown."""
    out = sys.stdout.write
    out("| protocol | payload | client | p50, us | CPU, us a request | lag p50, us | lag p99, us |\n")
    out("|---|---|---|---|---|---|---|\n")
    for row in result["rows"]:
        names = ("p50_us", "cpu_us", "lag_p50_us", "lag_p99_us")
        figures = " | ".join(f"{row[name]:,.0f}" if name in row else "-" for name in names)
        out(f"| {row['protocol']} | {row['size']:,} B | {row['client']} | {figures} |\n")
    for text in result["not_measured"]:
        out(f"\nnot measured: {text}\n")
    out(f"\nGoals, at a payload of {MAIN_SIZE:,} bytes:\n")
    print_goals(result["goals"])


def parse_command_line() -> argparse.Namespace:
    """Read the options."""
    parser = command_line(__doc__)
    parser.add_argument("--quick", action="store_true", help="3 repetitions of 0.3 s instead of 9 of 0.6 s")
    options = parser.parse_args()
    options.repetitions, options.seconds = (3, 0.3) if options.quick else (9, 0.6)
    options.seed = 1
    return options


def main() -> int:
    """Measure, print, and return 1 where a goal is missed."""
    options = parse_command_line()
    python = ensure_venv(*REQUIREMENTS, say=tell)
    cpus = sorted(os.sched_getaffinity(0))
    if len(cpus) == 1:
        tell("there is one CPU: servers and clients share it, and p50 has both in it")
    with (
        tempfile.TemporaryDirectory(prefix="floor-") as folder,
        floor_servers(Path(folder), SIZES, f"{cpus[0]}") as floors,
    ):
        found, missing = measure(floors, python, f"{cpus[-1]}", options)
    result = {
        "created_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": describe_machine(),
        "servers": {floor.protocol: floor.name for floor in floors},
        "repetitions": options.repetitions,
        "rate_rps": RATE_RPS,
        "rows": summarize(found),
        "not_measured": [f"{contest.client} over {contest.protocol}: {why}" for contest, why in missing.items()],
        "goals": [judge(goal, found) for goal in GOALS],
    }
    return conclude(result, options.json, print_table)


if __name__ == "__main__":
    end_with(main)
