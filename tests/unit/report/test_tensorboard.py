"""TensorBoard's event files, read record by record; tests/unit/models reads them by TensorBoard itself."""

from __future__ import annotations

import struct
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from tensorboard_run import P50S, known_run
from tensorboardX.proto.event_pb2 import Event

from bakeoff.cli import main
from bakeoff.report.tensorboard import write_tensorboard
from bakeoff.report.words import reason_text
from bakeoff.results.store import write_results


def events(folder: Path) -> Iterator[Event]:
    """Yield what the one file of a folder holds: each record has its length, a checksum, the event, a checksum."""
    (path,) = folder.glob("events*")
    data = path.read_bytes()
    at = 0
    while at < len(data):
        (length,) = struct.unpack_from("<Q", data, at)
        yield Event.FromString(data[at + 12 : at + 12 + length])
        at += 16 + length


def test_scalars_are_the_valid_trials_figures_by_round(tmp_path: Path) -> None:
    place = write_tensorboard(tmp_path, known_run(tmp_path))
    found = [
        (e.step, v.tag, v.simple_value)
        for e in events(place / "digits_cnn" / "lean-tflite-grpc")
        for v in e.summary.value
    ]
    assert [(step, value) for step, tag, value in found if tag == "c1/p50 ms"] == list(enumerate(P50S))
    assert [value for _, tag, value in found if tag == "c1/req/s"] == [1234.5] * 3
    assert {tag for _, tag, _ in found} == {"c1/p50 ms", "c1/req/s", "c1/CPU ms/req"}, "a missing p99 is not 0"


def test_a_chart_is_a_picture(tmp_path: Path) -> None:
    place = write_tensorboard(tmp_path, known_run(tmp_path))
    ((tag, image),) = [(v.tag, v.image) for e in events(place / "charts") for v in e.summary.value]
    assert tag == "digits_cnn-latency" and image.encoded_image_string.startswith(b"\x89PNG\r\n")
    assert (image.width, image.height) == (180, 120)


def test_a_run_without_charts_has_none(tmp_path: Path) -> None:
    report = known_run(tmp_path / "drawn")
    assert not (write_tensorboard(tmp_path / "run", report) / "charts").exists()


def test_writing_again_leaves_one_file_each(tmp_path: Path) -> None:
    for _ in range(2):
        place = write_tensorboard(tmp_path, known_run(tmp_path))
    assert len(list(place.rglob("events*"))) == 2


@pytest.mark.parametrize("name", ["../../up", "/root", "..", "a/b", "."])
def test_no_name_leads_out_of_the_folder(name: str, tmp_path: Path) -> None:
    place = write_tensorboard(tmp_path / "run", known_run(tmp_path / "run", name))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["run"]
    assert {len(path.relative_to(place).parts) for path in place.rglob("events*")} == {2, 3}


def test_the_command_writes_them_when_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    write_results(tmp_path, replace(known_run(tmp_path), measurements=()), reason_text)
    monkeypatch.setattr(sys, "argv", ["bakeoff", "report", str(tmp_path)])
    with pytest.raises(SystemExit) as ended:
        main()
    assert not ended.value.code and not (tmp_path / "tensorboard").exists()
    monkeypatch.setattr(sys, "argv", ["bakeoff", "report", str(tmp_path), "--tensorboard"])
    with pytest.raises(SystemExit) as ended:
        main()
    assert not ended.value.code
    assert f"tensorboard --logdir {tmp_path / 'tensorboard'}" in capsys.readouterr().err.replace("\n", " ")
