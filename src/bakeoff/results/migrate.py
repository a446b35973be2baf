"""From results.json of schema 1 to schema 2.

Schema 1 held reasons as English sentences. This module alone still reads them, one way, so that old runs can be
reported and compared; a sentence that it doesn't know stays as text.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from bakeoff.host.catalog import OLD_NAMES
from bakeoff.schema import Reason

DRIFT = re.compile(r"the last third's median latency ")
"""Excluded trials once, and excludes nothing any more."""


def _n(name: str) -> str:
    """Return the pattern of a figure."""
    return rf"(?P<{name}>-?[\d.]+(?:e[+-]?\d+)?|inf)"


SENTENCES = {
    "no_success": r"no request succeeded",
    "wrong_answers": rf"{_n('count')} of the checked answers were wrong",
    "load_busy": rf"the load generator used {_n('percent')}% of its CPU time, more than {_n('limit_percent')}%: "
    r"give it more CPUs and --workers",
    "held_back": rf"{_n('count')} requests started late: max_outstanding were waiting for their answers",
    "late": rf"1% of the requests started more than {_n('ms')} ms late; the limit is {_n('limit_ms')} ms",
    "load_worker_ended": rf"worker {_n('worker')} of {_n('workers')} ended during the trial",
    "load_worker_silent": rf"worker {_n('worker')} of {_n('workers')} did not answer in {_n('seconds')} s",
    "load_worker_failed": rf"worker {_n('worker')}: (?P<text>.*)",
    "steal": rf"the hypervisor took {_n('percent')}% of the CPU time \(steal\), more than {_n('limit_percent')}%",
    "throttled": rf"a CPU quota throttled {_n('percent')}% of its periods, more than {_n('limit_percent')}%",
    "counters_unreadable": r"the server's counters can't be read here",
    "counters_unknown": r"the server counts nothing of its queue and computation",
    "no_queue_counted": r"the server counts no queue: waiting is in the rest",
    "requests_failed": r"requests failed, so the client has no mean time",
    "counters_restarted": r"the server's counters went back: it was started anew meanwhile",
    "untimed": r"the server takes no times of (?P<protocol>\w+), it only counts the requests",
    "counters_differ": rf"(?P<series>\S+) counted {_n('counted')}, {_n('sent')} were sent",
    "command_missing": r"the command (?P<command>\S+) is not on PATH",
    "python_unsupported": r"its packages exist for Python (?P<pythons>.*), this is (?P<python>\S+)",
    "machine_unsupported": r"its packages exist for (?P<machines>.*), this machine is (?P<machine>\S+)",
    "container_missing": r"no container of (?P<target>\S+) is up",
    "not_finite": r"the answer holds NaN or Infinity",
    "over_tolerance": rf"error {_n('error')} is over the tolerance of {_n('atol')} \+ {_n('rtol')} x \|reference\|",
}
"""Each code's sentence, with the names of its values."""
TEXTS = frozenset({"text", "protocol", "command", "series", "pythons", "python", "machines", "machine", "target"})
RUN_OPTIONS = {"workers": "load_workers", "await_workers": "await_load_workers"}


def read_sentence(sentence: str) -> Reason:
    """Return what a sentence of schema 1 says; one that isn't known stays as text."""
    for code, pattern in SENTENCES.items():
        if found := re.fullmatch(pattern, sentence, re.DOTALL):
            said = found.groupdict().items()
            return Reason(code, {name: text if name in TEXTS else _number(text) for name, text in said})
    return Reason("text", {"text": sentence})


def recognised(reason: Reason) -> Reason:
    """Return what text of schema 1 says, other reasons as they are."""
    return read_sentence(str(reason.values.get("text"))) if reason.code == "text" else reason


def migrate(old: dict[str, Any]) -> dict[str, Any]:
    """Return the content of a results.json of schema 1 as one of schema 2.

    Raises AttributeError, KeyError, TypeError or ValueError where it can't be one.
    """
    new = {key: value for key, value in old.items() if key not in ("runtime", "bare")}
    config = _config(old["config"])
    new |= {
        "schema_version": 2,
        "config": config,
        "platform": _platform(old.get("runtime", "local"), config),
        "in_process": [row | {"target": _target(row["target"])} for row in old.get("bare", ())],
        "artifacts": [row | {"parity": _parity(row["parity"])} for row in old["artifacts"]],
        "parity": _parity(old["parity"]),
        "support": [_with(row, "message") | {"target": _target(row["target"])} for row in old["support"]],
        "targets": [_with(row, "reason", "remedy") | {"name": _target(row["name"])} for row in old["targets"]],
        "missing_artifacts": [_with(row, "reason") for row in old.get("missing_artifacts", ())],
        "edge": [_with(row, "reason") for row in old.get("edge", ())],
        "images": [row | {"target": _target(row["target"])} for row in old.get("images", ())],
        "measurements": [_measurement(row) for row in old["measurements"]],
        "summary": [row | {"endpoint": _endpoint(row["endpoint"])} for row in old["summary"]],
        "comparisons": [row | {"a": _endpoint(row["a"]), "b": _endpoint(row["b"])} for row in old["comparisons"]],
        "reference": _endpoint(old["reference"]) if old.get("reference") else None,
    }
    return new


def _config(old: dict[str, Any]) -> dict[str, Any]:
    """Return the configuration with today's names; a run that was cut off may lack some of it."""
    new = dict(old)
    if isinstance(old.get("targets"), list):
        new["targets"] = [_target(name) for name in old["targets"]]
    if isinstance(old.get("protocols"), list):
        new["protocols"] = [_protocol(name) for name in old["protocols"]]
    if old.get("reference"):
        new["reference"] = _endpoint(old["reference"])
    if isinstance(old.get("run"), dict):
        run = {RUN_OPTIONS.get(key, key): value for key, value in old["run"].items() if key != "runtime"}
        name = old["run"].get("runtime", "local")
        named = [_target(name) for name in run.get("named", ())]
        new["run"] = run | {"platform": "remote" if name == "attached" else name, "named": named}
    return new


def _platform(runtime: str, config: dict[str, Any]) -> str:
    """Return where servers ran; schema 1 called docker also what somebody else had started."""
    run = config.get("run")
    return "remote" if isinstance(run, dict) and run.get("platform") == "remote" else runtime


def _measurement(old: dict[str, Any]) -> dict[str, Any]:
    """Return a trial with its reasons as codes, and judged by those that still exclude one."""
    new = {key: value for key, value in old.items() if key != "spent"}
    reasons = [_reason(line) for line in old["reasons"] if not DRIFT.match(line)]
    return new | {
        "endpoint": _endpoint(old["endpoint"]),
        "target": _target(old["target"]),
        "protocol": _protocol(old["protocol"]),
        "wire": _wire(old["wire"]),
        "verdict": "invalid" if reasons else "valid",
        "reasons": reasons,
        "breakdown": _breakdown(old.get("spent")),
    }


def _breakdown(old: dict[str, Any] | None) -> dict[str, Any] | None:
    if old is None:
        return None
    kept = {key: old[key] for key in ("queue_ms", "compute_ms", "counted")}
    return kept | {"remainder_ms": old["rest_ms"], "reason": _reason(old["note"])}


def _parity(rows: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    found = [_with(row, "message") for row in rows]
    found = [row | ({"runtime": _target(row["runtime"])} if row["kind"] == "serving" else {}) for row in found]
    return [row | ({"endpoint": _endpoint(row["endpoint"])} if row.get("endpoint") else {}) for row in found]


def _with(row: dict[str, Any], *keys: str) -> dict[str, Any]:
    """Return a row in which these keys hold reasons."""
    return row | {key: _reason(row.get(key)) for key in keys}


def _reason(sentence: str | None) -> dict[str, Any] | None:
    if sentence is None:
        return None
    found = read_sentence(sentence)
    return {"code": found.code, "values": dict(found.values), "cause": None}


def _target(name: str) -> str:
    return OLD_NAMES.get(name, name)


def _protocol(name: str) -> str:
    return "binary" if name == "rest-binary" else name


def _wire(name: str) -> str:
    return re.sub(r"-rest-binary$", "-binary", name)


def _endpoint(id: str) -> str:
    """Return an endpoint's id with today's names of its target and protocol."""
    for old, new in OLD_NAMES.items():
        if re.match(rf"{old}[-@]", id):
            id = new + id.removeprefix(old)
            break
    return _wire(id)


def _number(text: str) -> float | int | None:
    """Return a figure of a sentence; None where it was infinite."""
    if text == "inf":
        return None
    return int(text) if re.fullmatch(r"-?\d+", text) else float(text)
