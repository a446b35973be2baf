"""Which processes are run, and which of them count; the processes themselves are scripted here."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sizes_example import artifact

from bakeoff.host.progress import Show
from bakeoff.report.words import reason_text
from bakeoff.schema import Artifact, EdgeMeasurement, Reason, quoted
from bakeoff.sizes import measuring
from bakeoff.sizes.records import MEASURED, load_measured

Said = dict[str, Any]


def said(p50_ms: float = 1.0, waited: float = 0.0) -> Said:
    figures = {"load_ns": 1, "first_ns": 1, "p10_ns": 1, "p50_ns": round(p50_ms * 1e6), "p90_ns": 1, "count": 20}
    sizes = {"version": "1", "runtime_bytes": 3, "dependencies_bytes": 2, "shared_objects_bytes": 1}
    return {**figures, **sizes, "threads": 1, "peak_bytes": 5, "waited": waited, "max_abs_error": 0.1}


@pytest.fixture
def measure(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., tuple[list[str], list[Reason]]]:
    """A function that measures with scripted answers: by format an answer a process, or what it raises."""

    def run(**scripts: list[Said | BaseException]) -> tuple[list[str], list[Reason]]:
        answers: dict[str, Iterator[Said | BaseException]] = {name: iter(script) for name, script in scripts.items()}
        order: list[str] = []

        def one(job: Any, folder: Path) -> Said:
            order.append(job.artifact.format)
            answer = next(answers[job.artifact.format])
            if isinstance(answer, BaseException):
                raise answer
            return answer

        monkeypatch.setattr(measuring, "_run", one)
        monkeypatch.setattr(measuring, "ensure_venv", lambda *files, say: Path("python"))
        monkeypatch.setattr(measuring.os, "sched_getaffinity", lambda pid: {0})
        artifacts: list[Artifact] = [artifact(name) for name in scripts]
        failed = measuring.measure_artifacts(artifacts, Show(), tmp_path, processes=2)
        return order, failed

    return run


def kept(folder: Path) -> list[EdgeMeasurement]:
    return load_measured(folder / "m")


def test_every_artifact_has_its_first_process_before_any_has_its_second(measure: Any) -> None:
    order, failed = measure(onnx=[said(), said()], torchscript=[said(), said()])
    assert (order, failed) == (["onnx", "torchscript"] * 2, [])


def test_the_disturbed_is_repeated_and_what_waited_least_counts_however_fast(measure: Any, tmp_path: Path) -> None:
    order, _ = measure(
        onnx=[said(1.0, 0.9), said(3.0, 0.05), said(2.0, 0.5), said(4.0, 0.01)], torchscript=[said()] * 2
    )
    assert order == ["onnx", "torchscript", "onnx", "torchscript", "onnx", "onnx"]
    (onnx,) = (m for m in kept(tmp_path) if m.format == "onnx")
    assert sorted(p.p50_ns for p in onnx.processes) == [3_000_000, 4_000_000]


def test_on_a_machine_that_stays_busy_it_ends_all_the_same(measure: Any, tmp_path: Path) -> None:
    order, failed = measure(onnx=[said(1.0, 0.9 - i / 10) for i in range(9)])
    assert len(order) == 4 and not failed
    assert sorted(p.waited for p in kept(tmp_path)[0].processes) == pytest.approx([0.6, 0.7])


def test_a_refusal_is_a_result_and_not_tried_again(measure: Any, tmp_path: Path) -> None:
    order, failed = measure(onnx=[measuring._Failed(quoted("no such op"), refused=True)])
    assert (order, failed) == (["onnx"], [])
    assert [(m.reason, m.processes) for m in kept(tmp_path)] == [(quoted("no such op"), ())]


def test_a_crash_is_a_failure_of_the_command_too(measure: Any, tmp_path: Path) -> None:
    _, failed = measure(onnx=[said(), measuring._Failed(quoted("signal 11"), refused=False)], torchscript=[said()] * 2)
    assert [reason_text(reason) for reason in failed] == ["m onnx in onnxruntime: signal 11"]
    assert {m.format: m.reason for m in kept(tmp_path)} == {"onnx": quoted("signal 11"), "torchscript": None}


def test_what_was_measured_before_an_interruption_is_kept(measure: Any, tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        measure(onnx=[said(7.0), KeyboardInterrupt()])
    assert [p.p50_ns for m in kept(tmp_path) for p in m.processes] == [7_000_000]


def test_a_reason_that_was_kept_as_text_is_read(measure: Any, tmp_path: Path) -> None:
    measure(onnx=[measuring._Failed(quoted("no such op"), refused=True)])
    path = tmp_path / "m" / MEASURED
    rows = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps([rows[0] | {"reason": "no such op"}]), encoding="utf-8")
    assert [m.reason for m in kept(tmp_path)] == [quoted("no such op")]
