"""One model's results, and which of its endpoints is faster than which."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import combinations

from bakeoff.analysis.compare import Contrast, collect_series, conclude, contrast_paired, is_judged
from bakeoff.report.judged import judged_metrics, median_figure, where_judged
from bakeoff.report.tables import workload_names
from bakeoff.schema import (
    FLOORS,
    Artifact,
    Comparison,
    Measurement,
    MissingArtifact,
    Model,
    Report,
    Summary,
    TargetState,
    Verdict,
)
from bakeoff.schema.formats import TABLE
from bakeoff.schema.metrics import Metric, row_of
from bakeoff.sizes import SizeRow, size_report_of

NO_FRAMEWORK = "none"
"""Of a target that serves no framework's models, such as a floor."""
OPPOSITE: dict[Verdict, Verdict] = {"faster": "slower", "slower": "faster"}


@dataclass(frozen=True)
class Contest:
    """A model's part of a report.

    All pairs of its endpoints that are no floor are one family of verdicts (Holm), so that the best may be chosen
    after looking, and the chance of any wrong "faster" among all that could be said of the model stays at most 5%.
    """

    report: Report
    model: Model

    @cached_property
    def trials(self) -> list[Measurement]:
        """All trials of the model, in the order they ran."""
        return [m for m in self.report.measurements if m.model == self.model.name]

    @cached_property
    def valid(self) -> list[Measurement]:
        """Those that count."""
        return [m for m in self.trials if m.verdict == "valid"]

    @cached_property
    def endpoints(self) -> dict[str, Measurement]:
        """A trial of each endpoint that has a valid one, which says its target, format and protocol."""
        return {m.endpoint: m for m in self.valid}

    @cached_property
    def summaries(self) -> dict[tuple[str, str], Summary]:
        """Medians by endpoint and workload."""
        return {(s.endpoint, s.workload): s for s in self.report.summary if s.model == self.model.name}

    @cached_property
    def artifacts(self) -> list[Artifact]:
        """The model in each format."""
        return [a for a in self.report.artifacts if a.model == self.model.name]

    @cached_property
    def missing(self) -> list[MissingArtifact]:
        """What the model could not be made in, or did not hold up in."""
        return [m for m in self.report.missing_artifacts if m.model == self.model.name]

    @cached_property
    def held(self) -> list[str]:
        """The formats that ran at every batch and length that was tried, those in fp32 as PyTorch."""
        return [a.format for a in self.artifacts if a.parity and all(p.ok for p in a.parity)]

    @cached_property
    def not_held(self) -> list[str]:
        """The other formats that were tried."""
        tried = [*(a.format for a in self.artifacts if a.parity), *(m.format for m in self.missing)]
        return [name for name in dict.fromkeys(tried) if name not in self.held]

    @cached_property
    def sizes(self) -> list[SizeRow]:
        """The model's rows of the size report."""
        return [row for row in size_report_of(self.report).rows if row.model == self.model.name]

    @cached_property
    def usable(self) -> list[Artifact]:
        """The artifacts that answer with numbers."""
        good = {row.format for row in self.sizes if row.reason is None}
        return [a for a in self.artifacts if a.format in good]

    @cached_property
    def metrics(self) -> list[Metric]:
        """What the run is judged by."""
        return judged_metrics(self.report)

    @cached_property
    def judged(self) -> dict[str, str]:
        """The workload whose endpoints are judged by a metric, of several the first configured, by the metric."""
        names = dict.fromkeys([*workload_names(self.report), *sorted({m.workload for m in self.valid})])
        places = {(row.name, m.workload) for row in self.metrics for m in self.valid if is_judged(m, row.name)}
        return {metric: name for name in reversed(names) for metric, workload in places if workload == name}

    @property
    def calm(self) -> str | None:
        """The workload that is judged by its p50."""
        return self.judged.get("p50")

    @property
    def busy(self) -> str | None:
        """The workload that is judged by its throughput."""
        return self.judged.get("throughput")

    def load(self, metric: str) -> str:
        """Return in words the load under which endpoints are judged by a metric."""
        workload = self.judged.get(metric)
        trials = [m for m in self.trials if workload in (None, m.workload)]
        return where_judged(row_of(metric), trials)

    @cached_property
    def states(self) -> dict[str, TargetState]:
        """What became of each target."""
        return {state.name: state for state in self.report.targets}

    @cached_property
    def frameworks(self) -> list[str]:
        """Those that formats are of, and those of other targets that this run has."""
        named = [*(row.framework for row in TABLE), *(state.framework for state in self.report.targets)]
        return [name for name in dict.fromkeys(named) if name not in (None, NO_FRAMEWORK)]

    def framework(self, endpoint: str) -> str | None:
        """Return whose models an endpoint serves; None for floors."""
        state = self.states.get(self.endpoints[endpoint].target)
        return state.framework if state and state.framework != NO_FRAMEWORK else None

    @cached_property
    def labels(self) -> dict[str, str]:
        """Each endpoint's shortest name beside its protocol: its target, where no other endpoint has the same."""
        places = [(m.target, m.protocol) for m in self.endpoints.values()]
        return {
            endpoint: m.target if places.count((m.target, m.protocol)) == 1 else endpoint
            for endpoint, m in self.endpoints.items()
        }

    @cached_property
    def _figures(self) -> dict[tuple[str, str], float | None]:
        trials: dict[tuple[str, str], list[Measurement]] = defaultdict(list)
        for m in self.valid:
            trials[m.endpoint, m.workload].append(m)
        return {
            (endpoint, metric): median_figure(row_of(metric), trials[endpoint, workload])
            for metric, workload in self.judged.items()
            for endpoint in self.endpoints
        }

    def figure(self, endpoint: str, metric: str) -> float | None:
        """Return the median of a metric at the workload that is judged by it."""
        return self._figures.get((endpoint, metric))

    def ranking(self, metric: str, framework: str | None = None) -> list[str]:
        """Return the contenders that have a figure, best first."""
        sign = -1 if row_of(metric).better == "more" else 1
        known = [
            (sign * figure, endpoint)
            for endpoint, m in self.endpoints.items()
            if m.target not in FLOORS and (framework is None or self.framework(endpoint) == framework)
            if (figure := self.figure(endpoint, metric))
        ]
        return [endpoint for _, endpoint in sorted(known)]

    @cached_property
    def _pairs(self) -> dict[tuple[str, str, str], Comparison]:
        contrasts = []
        for place, series in collect_series(self.trials).items():
            if place.judged and place.workload == self.judged.get(place.metric):
                for a, b in combinations(sorted(series), 2):
                    if series[a].keys() & series[b].keys():
                        contrasts.append(Contrast(place, a, b, contrast_paired(series[a], series[b])))
        found = conclude(contrasts)
        return {(c.metric, c.a, c.b): c for c in (*found, *map(inverted, found))}

    def compare(self, metric: str, a: str, b: str) -> Comparison | None:
        """Return a's figure over b's, with its verdict; None where no round has both."""
        return self._pairs.get((metric, a, b))

    def advantage(self, metric: str, a: str, b: str) -> Comparison | None:
        """Return by which multiple a is better than b, above 1 where it is: where less is better, b's over a's."""
        found = self.compare(metric, a, b)
        return invert(found) if found and row_of(metric).better == "less" else found


def inverted(found: Comparison) -> Comparison:
    """Return the same comparison the other way round."""
    verdict = found.verdict and OPPOSITE.get(found.verdict, found.verdict)
    return replace(invert(found), a=found.b, b=found.a, verdict=verdict)


def invert(found: Comparison) -> Comparison:
    """Return a comparison with its ratio, interval and range upside down."""
    low, high, least, most = (1 / end if end else None for end in (found.high, found.low, found.most, found.least))
    return replace(found, ratio=1 / found.ratio, low=low, high=high, least=least, most=most)
