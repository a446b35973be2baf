"""Every number of a run again from its raw samples."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from pyarrow import ArrowException
from pydantic import TypeAdapter

from bakeoff.analysis.compare import compare_endpoints, default_reference
from bakeoff.analysis.summary import add_floors, summarize_rounds, summarize_trial
from bakeoff.errors import UsageError
from bakeoff.host.files import as_json
from bakeoff.measure.samples import read_samples
from bakeoff.results.migrate import recognised
from bakeoff.schema import Endpoint, Measurement, Reason, Report, Trial, Watch, Workload, is_from_samples
from bakeoff.schema.samples import TrialSamples

COUNTED = ("measurements", "summary", "comparisons")
"""The parts of a report that follow from the samples."""
KEPT = ("server_cpu_ms_per_request", "peak_rss_bytes", "memory_from", "breakdown", "disturbed", "judged_by")
"""What of a trial no sample tells."""
ASKED = ("arrival", "concurrency", "rate_rps", "batch_size", "seed")
"""What of a trial's workload its measurement says."""
TOLERANCE = 1e-9


def recount_report(folder: Path, report: Report) -> Report:
    """Return a report with every figure taken anew from the samples in its folder.

    Raises UsageError naming the file where a trial's samples are missing or broken.
    """
    return summarize_report(report, [recount_trial(folder, stored) for stored in report.measurements], report.reference)


def summarize_report(report: Report, trials: Sequence[Measurement], reference: str | None) -> Report:
    """Return a report with these trials and what follows from them; without a reference it takes the usual one."""
    measurements = add_floors(trials)
    summarized = replace(report, measurements=measurements, summary=tuple(summarize_rounds(measurements)))
    reference = reference or default_reference(summarized)
    comparisons = compare_endpoints(measurements, reference) if reference else []
    return replace(summarized, reference=reference, comparisons=tuple(comparisons))


def recount_trial(folder: Path, stored: Measurement) -> Measurement:
    """Return a trial's measurement by its samples; what they can't tell is kept.

    Of the reasons, those that samples give are found anew, and the others are kept: what disturbed the machine is in
    no sample.
    """
    endpoint = Endpoint(stored.endpoint, stored.model, stored.target, stored.format, stored.protocol, stored.wire)
    counted = summarize_trial(_trial_of(stored), endpoint, load_samples(folder, stored.trial_id))
    outside = [reason for reason in stored.reasons if not is_from_samples(reason) and reason not in counted.reasons]
    reasons = (*counted.reasons, *outside)
    return replace(
        counted,
        verdict="invalid" if reasons else "valid",
        reasons=reasons,
        **{name: getattr(stored, name) for name in KEPT},
    )


def load_samples(folder: Path, trial_id: str) -> TrialSamples:
    """Read the samples of a run's trial; raise UsageError naming the file where it is missing or broken."""
    path = folder / "samples" / f"{trial_id}.parquet"
    try:
        samples = read_samples(path)
        _check_samples(samples)
        return replace(samples, lost=tuple(recognised(reason) for reason in samples.lost))
    except FileNotFoundError:
        raise UsageError(f"{path}: no such file; without it the trial's figures can't be made again") from None
    # A file of another program lacks our columns or metadata, a cut-off one ends within a page.
    except (OSError, ArrowException, LookupError, AttributeError, TypeError, ValueError, OverflowError) as error:
        raise UsageError(f"{path}: holds no samples that can be read: {error}") from None


def _check_samples(samples: TrialSamples) -> None:
    """Raise ValueError where columns can't be what the load generator writes."""
    columns = (samples.intended_ns, samples.start_ns, samples.end_ns, samples.status, samples.request)
    if {len(column) for column in (*columns, samples.connects, samples.answer)} != {len(samples.status)}:
        raise ValueError("its columns differ in length")
    if any(column.dtype.kind != "i" for column in (*columns, samples.connects, samples.answer)):
        raise ValueError("a column has no whole numbers, or none in places")
    for indices, values in ((samples.status, samples.statuses), (samples.answer, samples.answers)):
        if len(indices) and not -1 <= indices.min() <= indices.max() < len(values):
            raise ValueError("a status or answer has no meaning")
    if any(not isinstance(status, str) for status in samples.statuses):
        raise ValueError("a status is no text")
    if not 0 <= samples.window.start_ns < samples.window.end_ns:
        raise ValueError("its window is empty")
    TypeAdapter(tuple[Watch, ...]).validate_python(samples.watches, strict=True)
    TypeAdapter(tuple[Reason, ...]).validate_python(samples.lost, strict=True)


def find_changes(stored: Report, recounted: Report) -> list[str]:
    """Return where the figures differ by more than floating point does, each as "place: new, was old"."""
    old, new = (json.loads(as_json(report)) for report in (stored, recounted))
    return [line for part in COUNTED for line in _differing(part, new[part], old[part])]


def _differing(place: str, new: Any, old: Any) -> Iterator[str]:
    """Yield the leaves of two JSON values that differ; a list's items go by trial's id or number."""
    if isinstance(new, dict) and isinstance(old, dict):
        for key in new.keys() | old.keys():
            yield from _differing(f"{place}.{key}", new.get(key), old.get(key))
    elif isinstance(new, list) and isinstance(old, list) and len(new) == len(old):
        for number, (ours, theirs) in enumerate(zip(new, old, strict=True)):
            name = ours.get("trial_id", number) if isinstance(ours, dict) else number
            yield from _differing(f"{place}[{name}]", ours, theirs)
    elif isinstance(new, list) and isinstance(old, list):
        yield f"{place}: {len(new)} rows, was {len(old)}"
    elif not _same(new, old):
        yield f"{place}: {new}, was {old}"


def _same(new: Any, old: Any) -> bool:
    if isinstance(new, int | float) and isinstance(old, int | float):
        return math.isclose(new, old, rel_tol=TOLERANCE, abs_tol=1e-12)
    return bool(new == old)


def _trial_of(stored: Measurement) -> Trial:
    workload = Workload(stored.workload, **{name: getattr(stored, name) for name in ASKED})
    return Trial(stored.trial_id, stored.endpoint, workload, stored.round, 0, None, stored.attempt)
