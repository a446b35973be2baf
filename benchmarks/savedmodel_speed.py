"""Measure our SavedModels beside Keras models of the same shape, written by hand.

    .venv/bin/python benchmarks/savedmodel_speed.py [--quick] [--json]

One thread, batch 1 (the encoder: 32 tokens). Both run in one process, a round of calls each in turn; a figure is the
median over the rounds, a ratio's interval a bootstrap over them. Exit status 1 when a goal is missed: no SavedModel may
be slower than its twin. Progress is told on stderr.
"""

from __future__ import annotations

import random
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from statistics import median

from clients_run import CLIENTS, command_line, conclude, end_with, make_goal, print_goals, run_client, tell

from bakeoff.host.files import ROOT
from bakeoff.host.machine import describe_machine
from bakeoff.host.venvs import ensure_venv

MODELS = {"mobilenet_v2": 10, "resnet50": 3, "text_encoder": 50}
"""Calls in a round, by model."""

ROUNDS, QUICK_ROUNDS, RESAMPLES = 25, 5, 2000


def ratio_with_interval(ours: Sequence[float], twin: Sequence[float]) -> tuple[float, float, float]:
    """Give the ratio of the medians and its 95% interval, resampling rounds, each with both its figures."""
    draw = random.Random(0)
    rounds = list(zip(ours, twin, strict=True))
    ratios = []
    for _ in range(RESAMPLES):
        chosen = draw.choices(rounds, k=len(rounds))
        ratios.append(median(o for o, _ in chosen) / median(t for _, t in chosen))
    ratios.sort()
    return median(ours) / median(twin), ratios[RESAMPLES // 40], ratios[-1 - RESAMPLES // 40]


def measure(rounds: int) -> list[dict[str, object]]:
    """Measure each model; a row a model."""
    python = str(ensure_venv(ROOT / "models" / "requirements.txt", say=tell))
    rows: list[dict[str, object]] = []
    for model, calls in MODELS.items():
        tell(f"{model}: {rounds} rounds of {calls} calls each")
        argv = [python, "-W", "ignore", str(CLIENTS / "savedmodel_twins.py"), model, str(rounds), str(calls)]
        found = run_client(argv, cpus=None)
        ratio, low, high = ratio_with_interval(found["ours"], found["twin"])
        figures = {"ours_ms": median(found["ours"]), "twin_ms": median(found["twin"])}
        rows.append({"model": model, **figures, "ratio": ratio, "low": low, "high": high})
    return rows


def print_table(result: dict) -> None:
    """Print rows and goals as Markdown."""
    sys.stdout.write("| model | ours, ms | Keras twin, ms | ratio | 95% interval |\n|---|---|---|---|---|\n")
    for row in result["models"]:
        figures = f"{row['ours_ms']:.2f} | {row['twin_ms']:.2f} | {row['ratio']:.2f}"
        sys.stdout.write(f"| {row['model']} | {figures} | {row['low']:.2f} to {row['high']:.2f} |\n")
    print_goals(result["goals"])


def main() -> int:
    """Measure, print, and return 1 where a goal is missed."""
    parser = command_line(__doc__)
    parser.add_argument("--quick", action="store_true", help="a few rounds, only to see that all works")
    options = parser.parse_args()
    rows = measure(QUICK_ROUNDS if options.quick else ROUNDS)
    result = {
        "created_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": describe_machine(),
        "models": rows,
        "goals": [make_goal(f"{row['model']}: lower end of ours / twin's", row["low"], 1.0) for row in rows],
    }
    return conclude(result, options.json, print_table)


if __name__ == "__main__":
    end_with(main)
