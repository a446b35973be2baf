"""The report's tables as plain text cells, so that every form of the report says the same."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from bakeoff.analysis.completeness import by_place
from bakeoff.report.cells import MISSING, Table, interval, most, number, scientific
from bakeoff.report.judged import median_figure
from bakeoff.report.ratios import comparison_table
from bakeoff.report.sizes import answer_table, size_tables
from bakeoff.report.words import first_line, optional_text
from bakeoff.schema import Measurement, Parity, Report, Summary
from bakeoff.schema.metrics import Metric, shown_in
from bakeoff.sizes import size_report_of


def result_table(report: Report, model: str) -> Table:
    """Return the metrics of every endpoint of a model, the fastest at the first workload first."""
    workloads = workload_names(report)
    cells = {(s.endpoint, s.workload): s for s in report.summary if s.model == model}
    trials = [m for m in report.measurements if m.model == model]
    singles = {m.workload for m in trials if m.concurrency == 1 and m.batch_size == 1}
    endpoints = list(dict.fromkeys(m.endpoint for m in trials))
    first = workloads[0] if workloads else ""
    endpoints.sort(key=lambda e: cells[e, first].latency_ms.p50 or 1e9 if (e, first) in cells else 1e9)
    figures = [
        (w, row) for w in workloads for row in (shown_in("table", "single") if w in singles else shown_in("table"))
    ]
    headings = [f"{workload} {row.heading}" for workload, row in figures]
    headings += [f"{first} {row.heading}" for row in shown_in("first")]
    columns = ("endpoint", "format", *headings, "peak MB", "errors", "valid")
    rows = []
    for endpoint in endpoints:
        mine = [m for m in trials if m.endpoint == endpoint]
        found = [_figure_cell(mine, workload, row, cells.get((endpoint, workload))) for workload, row in figures]
        rows.append((endpoint, mine[0].format, *found, *_use_cells(mine, first)))
    sources = {m.memory_from for m in trials if m.memory_from}
    memory = MEMORY_NOTES[sources.pop()] if len(sources) == 1 else ""
    single = " p90 at one caller is MLPerf's SingleStream latency." if singles else ""
    says = (
        "Medians over the valid trials. p50, p90, p99: milliseconds from sending a request to the end of its answer, "
        "p50 with the 95% interval of its geometric mean over the rounds, of two rounds only their range; "
        f"{MISSING}: too few requests to say, or a failed one in its place. "
        "CPU and peak memory: of all the target's processes"
        f"{memory}. Valid: trials that count, of all that ran.{single}"
    )
    return Table(f"{model}: latency and throughput", says, columns, tuple(rows), frozenset(columns[2:]))


def _figure_cell(trials: Sequence[Measurement], workload: str, row: Metric, summary: Summary | None) -> str:
    """Return an endpoint's figure at a workload, a p50 with its interval."""
    valid = [m for m in trials if m.workload == workload and m.verdict == "valid"]
    bounds = interval(summary) if summary and row.name == "p50" else []
    return " ".join([number(median_figure(row, valid)), *bounds])


def _use_cells(trials: Sequence[Measurement], first: str) -> Iterator[str]:
    """Yield what an endpoint's server used, and how many of its requests failed and of its trials count."""
    valid = [m for m in trials if m.workload == first and m.verdict == "valid"]
    for row in shown_in("first"):
        yield number(median_figure(row, [m for m in valid if row.of(m) is not None]))
    memory = max((m.peak_rss_bytes or 0 for m in trials), default=0)
    yield f"{memory / 1e6:.0f}" if memory else MISSING
    yield str(sum(m.error_count for m in trials))
    yield f"{sum(m.verdict == 'valid' for m in trials)} of {len(trials)}"


def load_table(report: Report) -> Table:
    """Return what the load generator saw of itself, and the floors that no result can beat: the worst of all trials."""
    measured = ("sent/asked", "lag p99 ms", "client CPU %", "spinning %", "opened", "in flight", "workers")
    columns = ("model", "endpoint", "workload", *measured, "echo p50 ms", "client floor p50 ms", "near it")
    says = (
        "The worst of an endpoint's trials. Sent/asked: requests that started within the window, of those scheduled in "
        "it. Lag: how late they started. Client CPU: of what the load generator may use, without the time it spins "
        "before an arrival. Opened: connections, in the window. Floors: the median service time of servers that "
        "compute nothing, echo on the same wire, nginx or nghttpd over the same protocol; near: under 3 times this."
    )
    rows = tuple((*place, *_load_cells(trials)) for place, trials in by_place(report.measurements).items())
    return Table("Load and floors", says, columns, rows, frozenset(columns[3:]))


def _load_cells(trials: Sequence[Measurement]) -> list[str]:
    achieved = [m.achieved_rate for m in trials if m.achieved_rate is not None]
    floors = trials[-1].floors
    cells = [number(min(achieved, default=None)), most(m.lag_ms.p99 if m.lag_ms else None for m in trials)]
    cells += [most(m.client_cpu_percent for m in trials), most(m.client_spin_percent for m in trials)]
    cells += [str(max(m.connections_opened for m in trials)), str(max(m.in_flight_at_end for m in trials))]
    cells.append(str(min(m.workers for m in trials)))
    for floor in (floors.server_ms, floors.client_ms) if floors else (None, None):
        cells.append("not measured" if floor is None else number(floor))
    return [*cells, "yes" if floors and floors.near else ""]


MEMORY_NOTES = {
    "processes": ", resident",
    "cgroup-peak": ", as its container's cgroup counts them (files it read are in the memory)",
    "sampled": ", the memory only sampled after each trial, since the container's cgroup keeps no peak",
}


def workload_names(report: Report) -> list[str]:
    """Return the names of a run's workloads in the order of its configuration."""
    measured = {m.workload for m in report.measurements}
    listed = report.configured("workloads")
    names = [w["name"] for w in listed if isinstance(w, dict) and isinstance(w.get("name"), str)]
    names += sorted(measured - set(names))  # of a configuration that was edited
    return [name for name in names if name in measured]


def target_table(report: Report) -> Table:
    """Return what became of every target."""
    rows = []
    for state in report.targets:
        ready = ", ".join(f"{what}: {s:.1f}" for what, s in (state.ready_seconds or {}).items())
        why = "; ".join(first_line(reason) for reason in (state.reason, state.remedy) if reason)
        rows.append((state.name, state.server, state.version or MISSING, state.status, ready or MISSING, why))
    columns = ("target", "server", "version", "status", "seconds to first answers", "reason and remedy")
    says = "The time is from the process's start to a right answer on every protocol. Unavailable: it can't run here."
    return Table("Targets", says, columns, tuple(rows), frozenset())


def parity_table(report: Report) -> Table:
    """Return the proofs of sameness: formats against PyTorch, endpoints against their artifact; worst batch each."""
    worst: dict[tuple[str, ...], Parity] = {}
    for row in report.parity:
        place = (row.model, row.kind, row.endpoint or row.format, row.runtime)
        old = worst.get(place)
        if old is None or (old.ok, -(old.max_abs_error or 0)) > (row.ok, -(row.max_abs_error or 0)):
            worst[place] = row
    rows = tuple(
        (
            *place,
            scientific(row.max_abs_error),
            "yes" if row.ok else f"NO: {optional_text(row.message)}",
        )
        for place, row in worst.items()
    )
    columns = ("model", "kind", "what", "runtime", "max error", "same")
    says = (
        "format: the artifact in process against PyTorch (fp32 formats must agree within the model's tolerance, the "
        "others record their error). serving: the endpoint against its own artifact; one that fails is not measured."
    )
    return Table("Proof of sameness", says, columns, rows, frozenset({"max error"}))


def support_table(report: Report) -> Table:
    """Return which artifacts each edge runtime loads, and what it said where it can't."""
    rows = tuple(
        (
            s.model,
            s.target,
            s.format,
            "yes" if s.supported else "no",
            scientific(s.max_abs_error),
            optional_text(s.message),
        )
        for s in report.support
    )
    columns = ("model", "runtime of", "format", "loads", "max error", "what it said")
    says = "Each artifact loaded and run at batch 1 and 3 in the runtime that would serve it."
    return Table("What the runtimes load", says, columns, rows, frozenset({"max error"}))


def image_table(report: Report) -> Table:
    """Return what the container images weigh, and which exactly they were."""
    rows = tuple(
        (
            image.target,
            image.name,
            f"{image.size_bytes / 1e6:,.0f}",
            MISSING if image.own_bytes is None else f"{image.own_bytes / 1e6:,.0f}",
            image.id.removeprefix("sha256:")[:12],
            (image.digest or MISSING).removeprefix("sha256:")[:12],
        )
        for image in sorted(report.images, key=lambda image: -image.size_bytes)
    )
    columns = ("target", "image", "MB", "MB above the base", "id", "digest")
    says = "Uncompressed. Above the base: without the layers of the Python image that all built ones share."
    return Table("Container images", says, columns, rows, frozenset({"MB", "MB above the base"}))


def apart(report: Report) -> str:
    """Return in words how servers and load were run and kept apart."""
    around = report.surroundings
    if around is None:
        return "How servers and load were kept apart was not written down."
    where = "processes of one machine" if report.platform == "local" else around.engine or "containers"
    memory = f", {around.memory_limit_bytes / 1e9:.1f} GB each" if around.memory_limit_bytes else ""
    said = f"Servers ({where}{memory}) ran on CPUs {around.server_cpus}, the load on {around.load_cpus}; "
    said += {
        "loopback": "between them lay the loopback interface",
        "bridge": "between them lay a container network's bridge",
        "host": "containers shared the host's network",
    }[around.network]
    said += f". Idle servers were {'' if report.paused else 'NOT '}stopped while another was measured."
    return said if around.resources else f"{said} The servers' CPU time and memory could not be read."


def all_tables(report: Report) -> list[Table]:
    """Return the report's tables in order."""
    results = [result_table(report, model.name) for model in report.models]
    sizes = size_report_of(report)
    rest = [comparison_table(report), target_table(report), image_table(report), answer_table(sizes)]
    rest += size_tables(sizes)
    rest += [load_table(report), parity_table(report), support_table(report)]
    return [table for table in (*results, *rest) if table.rows]
