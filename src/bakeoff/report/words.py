"""Figures and names as the page's sentences say them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from string import Formatter

from bakeoff.analysis.compare import MARGIN, ROUNDS_FOR_VERDICT
from bakeoff.report.cells import number
from bakeoff.report.diagnoses import DIAGNOSES
from bakeoff.schema import Comparison, Measurement, Reason

PROTOCOL_WORDS = {"rest": "REST (JSON)", "binary": "binary", "grpc": "gRPC"}


def size(count: float) -> str:
    """Return bytes with a decimal unit."""
    for unit, scale in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if count >= scale:
            return f"{number(count / scale)} {unit}"
    return f"{count:.0f} B"


def seconds(value: float) -> str:
    """Return a duration in seconds."""
    return f"{number(value)} s"


def times(ratio: float, low: float | None = None, high: float | None = None, word: str = "x") -> str:
    """Return a ratio as a multiple, with its interval where there is one."""
    bounds = "" if low is None or high is None else f" [{number(low)}, {number(high)}]"
    return f"{number(ratio)}{word}{bounds}"


def bracket(low: float | None, high: float | None) -> str:
    """Return in words where a rate lies, of which one end or both may not be known."""
    ends = [f"over {number(low)}"] * (low is not None) + [f"under {number(high)}"] * (high is not None)
    return f"lies {' and '.join(ends)} requests a second" if ends else "is not known"


def listed(names: Sequence[str], most: int = 4) -> str:
    """Return names as a sentence lists them, the rest counted."""
    shown = list(names[:most]) + ([f"{len(names) - most} more"] if len(names) > most else [])
    return shown[0] if len(shown) == 1 else ", ".join(shown[:-1]) + " and " + shown[-1]


CARDINALS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")


def callers_words(count: int) -> str:
    """Return a number of callers that wait for each answer."""
    return f"{CARDINALS[count] if count < len(CARDINALS) else count} caller{'s' * (count != 1)}"


def load_words(trial: Measurement) -> str:
    """Return a trial's workload as a sentence names it."""
    if trial.concurrency is not None:
        said = callers_words(trial.concurrency)
    else:
        said = f"{number(trial.rate_rps)} requests a second"
    return said if trial.batch_size == 1 else f"{said} with {trial.batch_size} rows each"


def endpoint_words(trial: Measurement) -> str:
    """Return an endpoint as a sentence names it."""
    return f"{trial.target} over {PROTOCOL_WORDS[trial.protocol]}"


def certainty(found: Comparison | None) -> str:
    """Return how sure a ratio is, in words."""
    if found is None:
        return "No round has both, so there is no ratio."
    if found.verdict in ("faster", "slower"):
        return f"Sure: a verdict at {percent(found.confidence)} over {found.rounds} rounds."
    if found.verdict == "same":
        return f"Sure: the same within {MARGIN - 1:.0%}, over {found.rounds} rounds."
    if found.verdict == "inconclusive":
        return (
            f"Not decided: over {found.rounds} rounds, at {percent(found.confidence)}, no verdict tells them all apart."
        )
    if found.low is None and found.least is not None and found.most is not None and found.rounds > 1:
        return f"Two rounds, {number(found.least)} and {number(found.most)}: no interval and no verdict."
    if found.low is None:
        return "One round: no interval and no verdict."
    return f"No verdict: {found.rounds} rounds in common, and it takes {ROUNDS_FOR_VERDICT}. The interval holds 95%."


def percent(share: float) -> str:
    """Return a confidence as a percentage that is never rounded up to 100."""
    digits = 0 if share <= 0.99 else 2 if share <= 0.9999 else 4
    return f"{100 * share:.{digits}f}%"


SENTENCES = {
    **DIAGNOSES,
    "text": "{text}",
    # A trial is invalid.
    "no_success": "no request succeeded",
    "wrong_answers": "{count} of the checked answers were wrong",
    "load_busy": "the load generator used {percent:.0f}% of its CPU time, more than {limit_percent:g}%: "
    "give it more CPUs and --load-workers",
    "held_back": "{count} requests started late: max_outstanding were waiting for their answers",
    "late": "1% of the requests started more than {ms:.2g} ms late; the limit is {limit_ms:.2g} ms",
    "load_worker_ended": "worker {worker} of {workers} ended during the trial",
    "load_worker_silent": "worker {worker} of {workers} did not answer in {seconds:.0f} s",
    "load_worker_failed": "worker {worker}: {text}",
    "steal": "the hypervisor took {percent:.1f}% of the CPU time (steal), more than {limit_percent:g}%",
    "throttled": "a CPU quota throttled {percent:.1f}% of its periods, more than {limit_percent:g}%",
    # A trial's time has no breakdown, or not all of it.
    "counters_unreadable": "the server's counters can't be read here",
    "counters_unknown": "the server counts nothing of its queue and computation",
    "counters_restarted": "the server's counters went back: it was restarted meanwhile",
    "counters_differ": "{series} counted {counted}, {sent} were sent",
    "untimed": "the server takes no times of {protocol}, it only counts the requests",
    "no_queue_counted": "the server counts no queue: waiting is in the remainder",
    "requests_failed": "requests failed, so the client has no mean time",
    # A target is unavailable, failed, or can't serve a format.
    "command_missing": "the command {command} is not on PATH",
    "machine_unsupported": "its packages exist for {machines}, this machine is {machine}",
    "python_unsupported": "its packages exist for Python {pythons}, this is {python}",
    "python_missing": "its packages exist for Python {pythons} alone, none is here, and uv could not fetch one: {text}",
    "no_python": "its requirements allow none of Python {pythons}",
    "wheels_missing": "no Python has a wheel for {machine} of {packages}",
    "package_missing": "{package} has no wheels for Python {python}",
    "environment_failed": "{text}",
    "service_missing": "docker-compose.yml has no service {target} with the profiles that are on",
    "container_missing": "no container of {target} is up",
    "container_failed": "{target}'s container did not start: {text}",
    "image_not_built": "building the image of {target} failed; the end of what it said:\n{log}",
    "image_not_pulled": "the image {image} can't be pulled: {text}",
    "port_taken": "port {port} is taken by another program; free it or change base_port in bench.toml",
    "not_ready": "{target} was not ready within {seconds:.0f} s; {endpoint}: {problem}\nthe end of its log:\n{log}",
    "server_exited": "{target} ended with status {status} before it was ready: {last}\nthe end of its log:\n{log}",
    "server_killed": "{target} was ended by signal {signal} before it was ready: {last}\nthe end of its log:\n{log}",
    "server_ended": "{target} {text}",
    "server_silent": "{target} stopped answering: {endpoint}: {problem}",
    "server_not_restarted": "{target} did not come up again",
    "other_format_up": "{target} is up with {served}, not with {format}",
    "check_slow": "checking {format} on {target} took more than {seconds:.0f} s",
    "check_failed": "checking {format} on {target} failed: {text}",
    "check_impossible": "{target}: artifacts can't be checked from here",
    "timing_slow": "timing {format} without {target}'s server took more than {seconds:.0f} s",
    "timing_failed": "timing {format} without {target}'s server failed: {text}",
    "format_unsupported": "{target} can't serve {format}",
    "nothing_said": "the runtime gave no reason",
    "artifact_missing": "there is no {format} artifact of {model}",
    "export_failed": "its export failed",
    "of_model": "{model}",
    # What would make it available.
    "install_one_of": "put one of Python {pythons} on PATH (pyenv's are found, too), or let uv reach its downloads",
    "other_machine_needed": "run it on another kind of machine",
    "check_network": "check the network and pip's settings, then run again",
    "switch_profile_on": "switch its profile on: COMPOSE_PROFILES={target} (it stands in .env)",
    "load_image": "load {image} into this engine, or name another image: {variable} in .env",
    "bring_up": "docker compose up --detach --wait {target}",
    # Answers differ, or an artifact couldn't be measured in process.
    "not_finite": "the answer holds NaN or Infinity",
    "over_tolerance": "error {error:.3g} is over the tolerance of {atol:g} + {rtol:g} x |reference|",
    "golden_not_finite": "it answers NaN or infinity to golden samples",
    "not_measured_in_process": "{what}",
    "measuring_slow": "it took more than {seconds:.0f} s",
    # What keeps a run from being complete.
    "target_failed": "{target} failed",
    "target_unavailable": "{target} is unavailable",
    "no_target": "no target is available here: see the reasons and remedies above",
    "format_missing": "{model} is unavailable as {format}",
    "parity_failed": "{what} failed parity{at}",
    "not_measured": "{model} {endpoint} {workload} was not measured: no right answers",
    "reference_not_measured": "{endpoint}, the reference, was not measured: nothing could be compared with it",
}
"""Each code's sentence, with the names of its values. What is made of several values first stands in `_derived`."""


class _Words(Formatter):
    """Formats values, of which any may be unknown."""

    def format_field(self, value: object, format_spec: str) -> str:
        if value is None:
            return "unknown"
        return size(float(str(value))) if format_spec == "size" else str(super().format_field(value, format_spec))


def reason_text(reason: Reason) -> str:
    """Return a reason in words, with its cause; of a code or values that aren't known here, as they are."""
    values = {**reason.values, **_derived(reason)}
    try:
        says = _Words().vformat(SENTENCES[reason.code], (), values)
    except (KeyError, ValueError, TypeError):
        says = ", ".join([reason.code, *(f"{name}: {value}" for name, value in reason.values.items())])
    return f"{says}: {reason_text(reason.cause)}" if reason.cause else says


def _derived(reason: Reason) -> dict[str, str]:
    """Return what a sentence says that is made of several values."""
    v = reason.values
    if reason.code in ("server_exited", "server_killed"):
        return {"last": str(v.get("log") or "unknown").strip().split("\n")[-1]}
    if reason.code == "parity_failed":
        error = f": {v.get('error')}" if reason.cause is None and v.get("error") is not None else ""
        where = [f"{name} {v[name]}" for name in ("batch", "length") if v.get(name)]
        return {"at": (f" at {', '.join(where)}" if where else "") + error}
    if reason.code == "slower":
        low, high = v.get("low"), v.get("high")
        known = isinstance(low, float) and isinstance(high, float)
        return {"interval": f"{low:.3f} to {high:.3f}" if known else "no interval"}
    if reason.code == "memory_left":
        limit = v.get("limit_bytes")
        return {"limit": f" within a limit of {size(limit)}" if isinstance(limit, int | float) else ""}
    if reason.code == "changed":
        return {name: exact(v.get(name), v.get("what")) for name in ("new", "old")}
    return {}


def exact(value: object, what: object) -> str:
    """Return bytes whole, an accuracy with four decimals."""
    return f"{value:,.{4 if what == 'accuracy' else 0}f}" if isinstance(value, int | float) else "unknown"


def optional_text(reason: Reason | None) -> str:
    """Return a reason in words, nothing where there is none."""
    return reason_text(reason) if reason else ""


def joined(reasons: Iterable[Reason]) -> str:
    """Return reasons in words as one line."""
    return "; ".join(map(reason_text, reasons))


def first_line(reason: Reason | None) -> str:
    """Return a reason without its log; what is unknown, as that."""
    return reason_text(reason).split("\n")[0] if reason else "no reason was written down"
