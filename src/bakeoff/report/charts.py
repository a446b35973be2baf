"""Charts as SVG: Vega-Lite drawn by vl-convert, without a browser."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import altair as alt
import numpy as np
import vl_convert

from bakeoff.samples import read_samples
from bakeoff.stats import milliseconds, percentile, within
from bakeoff.types import PROTOCOLS, Measurement

# Okabe and Ito's palette, told apart with any colour vision; one colour a target throughout.
PALETTE = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#7F7F7F", "#B8A800")
QUANTILES = tuple(np.concatenate([np.linspace(0.005, 0.99, 120), [0.995, 0.999]]))


def latency_chart(folder: Path, measurements: Sequence[Measurement], targets: Sequence[str]) -> str | None:
    """Return the latency distributions of these trials as SVG; None where there are no samples."""
    points = [point for m in measurements if m.verdict == "valid" for point in _distribution(folder, m)]
    if not points:
        return None
    colours = alt.Scale(domain=list(targets), range=[PALETTE[i % len(PALETTE)] for i in range(len(targets))])
    axis = alt.Axis(values=[m * 10.0**e for e in range(-3, 6) for m in (1, 2, 5)], format="~g", labelOverlap=True)
    line = (
        alt.Chart(alt.InlineData(values=points))
        .mark_line(strokeWidth=2, interpolate="step-after")
        .encode(
            x=alt.X("ms:Q", scale=alt.Scale(type="log", nice=False), axis=axis, title="latency, ms (log scale)"),
            y=alt.Y("share:Q", title="share of requests answered", scale=alt.Scale(domain=[0, 1])),
            color=alt.Color("target:N", scale=colours, title="target", sort=list(targets)),
            detail="trial:N",
        )
        .properties(width=280, height=240)
        .facet(column=alt.Column("protocol:N", title=None, sort=list(PROTOCOLS)))
        .configure_view(stroke=None)
        # The width of text is estimated without the reader's font: the legend needs room to be wider.
        .configure(font="sans-serif", background="transparent", padding={"left": 5, "top": 5, "bottom": 5, "right": 40})
    )
    svg: str = vl_convert.vegalite_to_svg(line.to_json())
    return svg


def _distribution(folder: Path, measurement: Measurement) -> list[dict[str, object]]:
    path = folder / "samples" / f"{measurement.trial_id}.parquet"
    if not path.exists():
        return []
    samples = read_samples(path)
    inside = within(samples.intended_ns, samples.window)
    ordered = np.sort(milliseconds(samples.intended_ns, samples.end_ns, samples.ok)[inside])
    if not len(ordered):
        return []
    place = {"target": measurement.target, "protocol": measurement.protocol, "trial": measurement.trial_id}
    values = ((percentile(ordered, q), q) for q in QUANTILES)
    return [{**place, "ms": ms, "share": float(q)} for ms, q in values if np.isfinite(ms)]
