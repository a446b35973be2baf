"""One endpoint under whatever load a search asks for, one trial after the other."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path

from bakeoff.analysis.capacity import SweepPoint
from bakeoff.analysis.summary import Floats, milliseconds, summarize_trial, within
from bakeoff.experiment.slices import checked_samples
from bakeoff.experiment.stream import ATTEMPTS, draw_primers, samples_path
from bakeoff.host.progress import Show
from bakeoff.measure.generator import LoadGenerator
from bakeoff.platforms.deploy import Deployment
from bakeoff.report.words import joined
from bakeoff.schema import Endpoint, Measurement, Trial, Workload
from bakeoff.schema.samples import TrialSamples

LAG_OF_OBJECTIVE = 0.1
"""Requests are measured from when they should have started, so that lag only adds to a p99; up to this share of the
objective it can hardly decide on which side of it the p99 is."""


@dataclass(slots=True)
class Probe:
    """An endpoint that is up, the load generator, and where samples go; `workload` is what trials have in common."""

    deployment: Deployment
    endpoint: Endpoint
    load: LoadGenerator
    workload: Workload
    out: Path
    show: Show
    measurements: list[Measurement] = field(default_factory=list)

    def prime(self) -> None:
        """Load the server until its speed has settled."""
        server = self.deployment.server_of(self.endpoint.id)
        workload = replace(self.workload, concurrency=8)
        for trial in draw_primers(self.deployment.model.name, [self.endpoint], [workload], server.target.prime_s):
            self.load.run_trial(trial, self.endpoint)

    def offer(self, rate_rps: float, seed: int, slo_ms: float) -> Floats | None:
        """Offer Poisson arrivals at a rate; return the latencies in ms in order of arrival.

        None: the trial tells nothing of the objective, as where the load generator can't offer so much.
        """
        name = f"poisson-{rate_rps:.1f}"
        workload = replace(self.workload, name=name, arrival="poisson", rate_rps=rate_rps, seed=seed)
        measurement, samples = self._run(workload)
        if tells_of(slo_ms, measurement):
            inside = within(samples.intended_ns, samples.window)
            return milliseconds(samples.intended_ns, samples.end_ns, samples.ok)[inside]
        self.show.note(f"{rate_rps:,.0f} a second, seed {seed}: {joined(measurement.reasons)}")
        return None

    def call(self, concurrency: int) -> SweepPoint:
        """Call with so many callers that wait for each answer; an invalid trial is repeated, twice at most."""
        workload = replace(self.workload, name=f"c{concurrency}", arrival="closed", concurrency=concurrency)
        for _ in range(ATTEMPTS):
            measurement, _ = self._run(workload)
            if measurement.verdict == "valid":
                return SweepPoint(concurrency, measurement.throughput_rps, measurement.latency_ms.p50)
            self.show.note(f"{concurrency} callers: {joined(measurement.reasons)}")
        return SweepPoint(concurrency, measurement.throughput_rps, None)

    def _run(self, workload: Workload) -> tuple[Measurement, TrialSamples]:
        self.show.say(f"{self.endpoint.id}: {workload.name}")
        name = f"{self.endpoint.model}.{self.endpoint.id}.{workload.name}.{len(self.measurements):03}"
        path = samples_path(self.out, name)
        trial = Trial(name, self.endpoint.id, workload, 0, len(self.measurements), path)
        self.load.run_trial(trial, self.endpoint)
        expected = self.deployment.expected(self.endpoint.target, self.endpoint.format)
        samples = checked_samples(Path(path), workload.batch_size, self.endpoint, expected)
        measurement = summarize_trial(trial, self.endpoint, samples)
        self.measurements.append(measurement)
        self.show.step()
        return measurement, samples


def tells_of(slo_ms: float, m: Measurement) -> bool:
    """Tell whether a trial can decide on an objective: it is valid, or invalid in ways that don't touch this question.

    That the server was too slow is just what is to be found out: then requests are held back, which makes them late.
    """
    lag = None
    if m.lag_ms is not None:
        lag = m.lag_ms.max if m.lag_ms.p99 is None else m.lag_ms.p99  # of few requests there is no p99
    punctual = m.held_back > 0 or (lag is not None and lag <= LAG_OF_OBJECTIVE * slo_ms)
    allowed = {"held_back", "no_success"} | ({"late"} if punctual else set())
    return all(reason.code in allowed for reason in m.reasons)
