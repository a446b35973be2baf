"""TensorBoard's event files of a run: each endpoint's figures over the rounds, and the charts."""

from __future__ import annotations

import re
import shutil
import struct
from collections.abc import Iterable, Iterator
from datetime import datetime
from pathlib import Path

import vl_convert
from tensorboardX.event_file_writer import EventsWriter
from tensorboardX.proto.event_pb2 import Event
from tensorboardX.proto.summary_pb2 import Summary

from bakeoff.schema import Measurement, Report
from bakeoff.schema.metrics import shown_in

NAME = "tensorboard"
CHARTS = "charts"
"""The folder of the report's charts as SVG, and the name of their run in TensorBoard."""
RGBA = 4


def write_tensorboard(folder: Path, report: Report) -> Path:
    """Write the event files anew, in a folder a model and endpoint; return where: `tensorboard --logdir` takes it.

    The step is the round, the tag WORKLOAD/FIGURE. Invalid trials are left out, as everywhere. All events have the time
    at which the run began: when each trial ran was not written down.
    """
    place = folder / NAME
    if place.exists():
        shutil.rmtree(place)
    began = datetime.fromisoformat(report.created_at).timestamp()
    groups: dict[Path, list[Measurement]] = {}
    for m in report.measurements:
        if m.verdict == "valid":
            groups.setdefault(Path(_file_name(m.model), _file_name(m.endpoint)), []).append(m)
    for path, trials in groups.items():
        _write_events(place / path, began, (event for m in trials for event in _scalars(m)))
    charts = [_chart(path) for path in sorted((folder / CHARTS).glob("*.svg"))]
    if charts:
        _write_events(place / CHARTS, began, charts)
    return place


def _write_events(folder: Path, began: float, events: Iterable[Event]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    # Not SummaryWriter: it writes from a thread of its own, which nothing here needs.
    writer = EventsWriter(str(folder / "events"))
    for event in events:
        event.wall_time = began
        writer.write_event(event)
    writer.close()


def _scalars(m: Measurement) -> Iterator[Event]:
    for row in shown_in("tensorboard"):
        value = row.of(m)
        if value is not None:
            scalar = Summary.Value(tag=f"{m.workload}/{row.heading}", simple_value=value)
            yield Event(step=m.round, summary=Summary(value=[scalar]))


def _chart(path: Path) -> Event:
    """Return a chart as a picture, on a step that all have in common."""
    png: bytes = vl_convert.svg_to_png(path.read_text(encoding="utf-8"), scale=2.0)
    width, height = struct.unpack(">II", png[16:24])  # PNG's header chunk comes first
    image = Summary.Image(width=width, height=height, colorspace=RGBA, encoded_image_string=png)
    return Event(summary=Summary(value=[Summary.Value(tag=path.stem, image=image)]))


def _file_name(name: str) -> str:
    """Return a name as one part of a path that leads nowhere else."""
    return re.sub(r"[^\w.@-]|^\.+", "_", name) or "_"
