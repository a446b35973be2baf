"""End real runs with Ctrl-C and SIGTERM at drawn moments: .venv/bin/python benchmarks/long/faults.py

Each run is that of tests/faults: digits_cnn on lean-tflite and lean-litert, two rounds, about twenty seconds. The
moment lies in the ten seconds after its folder appeared. Ends with status 1 where a run that was hit ended with
another status than the signal's, or a run ended with a traceback, or left a results.json that can't be read, a
process or a server's folder. Runs that had ended before their signal are counted apart. Needs a checkout in which
nothing else runs.
"""

from __future__ import annotations

import random
import signal
import sys
import tempfile
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from clients_run import command_line, conclude, end_with, make_goal, print_goals, tell  # noqa: E402

from bakeoff.errors import BakeoffError  # noqa: E402
from bakeoff.host.files import ROOT  # noqa: E402

sys.path[:0] = [str(ROOT / "tests" / "faults"), str(ROOT / "tests" / "e2e")]

from faulty_run import EXPERIMENT, STATUS, FaultyRun, interrupt, left_behind  # noqa: E402

SIGNALS = tuple(STATUS)


def end_a_run(number: signal.Signals, draw: random.Random) -> dict[str, object]:
    """Run, send the signal, and return what came of it."""
    with tempfile.TemporaryDirectory(prefix="faults-") as name:
        folder, experiment = Path(name) / "run", Path(name) / "experiment.toml"
        experiment.write_text(EXPERIMENT, encoding="utf-8")
        run = FaultyRun(folder, ("--config", str(experiment), "--out", str(folder)), {})
        try:
            going = interrupt(run, number, draw)
        finally:
            if run.process.poll() is None:
                run.process.terminate()
                run.end()
        return {
            "signal": number.name,
            "hit": going,
            "status": run.process.returncode,
            "as_it_should": run.process.returncode == STATUS[number] or not going,
            "traceback": "Traceback" in run.said,
            "readable": is_readable(run),
            "left": left_behind(),
            "said": run.said[-2000:],
        }


def is_readable(run: FaultyRun) -> bool:
    """Tell whether results.json is whole."""
    try:
        return isinstance(run.results["measurements"], list)
    except (ValueError, KeyError):
        return False


def judge(found: list[dict]) -> list[dict[str, object]]:
    """Return the goals: each counts runs, and must be none."""
    counts = {
        "runs that ended with another status than the signal's": sum(not row["as_it_should"] for row in found),
        "runs that ended with a traceback": sum(row["traceback"] for row in found),
        "runs whose results.json can't be read": sum(not row["readable"] for row in found),
        "runs that left processes or folders": sum(bool(row["left"]) for row in found),
    }
    return [make_goal(text, count, 0) for text, count in counts.items()]


def print_tables(result: dict) -> None:
    """Print how often which signal hit a run, and how that ended, and the goals, as Markdown."""
    sys.stdout.write("| signal | sent | the run had ended before | statuses |\n|---|---|---|---|\n")
    for number in SIGNALS:
        rows = [row for row in result["runs"] if row["signal"] == number.name]
        statuses = Counter(row["status"] for row in rows)
        text = ", ".join(f"{status}: {count}" for status, count in sorted(statuses.items()))
        missed = sum(not row["hit"] for row in rows)
        sys.stdout.write(f"| {number.name} | {len(rows) - missed} | {missed} | {text} |\n")
    print_goals(result["goals"])


def main() -> int:
    """End runs, print, and return 1 where one left something or ended otherwise."""
    parser = command_line(__doc__)
    parser.add_argument("--signals", type=int, default=50, help="how many runs are ended")
    parser.add_argument("--seed", type=int, default=0, help="of the moments and of which signal it is")
    options = parser.parse_args()
    before = left_behind()
    if before:
        raise BakeoffError("in this checkout something else runs: " + "; ".join(before))
    found = []
    for at in range(options.signals):
        draw = random.Random(f"{options.seed}/{at}")
        found.append(end_a_run(draw.choice(SIGNALS), draw))
        tell("{}/{}: {signal}, status {status}, left {left}".format(at + 1, options.signals, **found[-1]))
    return conclude({"seed": options.seed, "runs": found, "goals": judge(found)}, options.json, print_tables)


if __name__ == "__main__":
    end_with(main)
