"""Why something is excluded, failed, unavailable or missing: a code with values. The words are in report/words.py."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

Value = float | int | str | None


@dataclass(frozen=True, slots=True)
class Reason:
    """A code of the table with its values, and the reason behind it where there is one."""

    code: str
    values: Mapping[str, Value] = field(default_factory=dict)
    cause: Reason | None = None

    def __hash__(self) -> int:
        return hash((self.code, tuple(sorted(self.values)), self.cause))


def quoted(text: str) -> Reason:
    """Return what a library, a program or a log said, which stays text."""
    return Reason("text", {"text": text})


@dataclass(frozen=True, slots=True)
class Row:
    """A code, the names of its values, and whether a trial's samples alone tell it."""

    code: str
    values: tuple[str, ...] = ()
    from_samples: bool = False


TABLE = (
    Row("text", ("text",)),
    # A trial is invalid.
    Row("no_success", from_samples=True),
    Row("wrong_answers", ("count",), from_samples=True),
    Row("load_busy", ("percent", "limit_percent"), from_samples=True),
    Row("held_back", ("count",), from_samples=True),
    Row("late", ("ms", "limit_ms"), from_samples=True),
    Row("load_worker_ended", ("worker", "workers"), from_samples=True),
    Row("load_worker_silent", ("worker", "workers", "seconds"), from_samples=True),
    Row("load_worker_failed", ("worker", "text"), from_samples=True),
    Row("steal", ("percent", "limit_percent")),
    Row("throttled", ("percent", "limit_percent")),
    # A trial's time has no breakdown, or not all of it.
    Row("counters_unreadable"),
    Row("counters_unknown"),
    Row("counters_restarted"),
    Row("counters_differ", ("series", "counted", "sent")),
    Row("untimed", ("protocol",)),
    Row("no_queue_counted"),
    Row("requests_failed"),
    # A target is unavailable, failed, or can't serve a format.
    Row("command_missing", ("command",)),
    Row("machine_unsupported", ("machines", "machine")),
    Row("python_unsupported", ("pythons", "python")),
    Row("python_missing", ("pythons", "text")),
    Row("no_python", ("pythons",)),
    Row("wheels_missing", ("packages", "machine")),
    Row("package_missing", ("package", "python")),
    Row("environment_failed", ("text",)),
    Row("service_missing", ("target",)),
    Row("container_missing", ("target",)),
    Row("container_failed", ("target", "text")),
    Row("image_not_built", ("target", "log")),
    Row("image_not_pulled", ("image", "text")),
    Row("port_taken", ("port",)),
    Row("not_ready", ("target", "seconds", "endpoint", "problem", "log")),
    Row("server_exited", ("target", "status", "log")),
    Row("server_killed", ("target", "signal", "log")),
    Row("server_ended", ("target", "text")),
    Row("server_silent", ("target", "endpoint", "problem")),
    Row("server_not_restarted", ("target",)),
    Row("other_format_up", ("target", "served", "format")),
    Row("check_slow", ("target", "format", "seconds")),
    Row("check_failed", ("target", "format", "text")),
    Row("check_impossible", ("target",)),
    Row("timing_slow", ("target", "format", "seconds")),
    Row("timing_failed", ("target", "format", "text")),
    Row("format_unsupported", ("target", "format")),
    Row("nothing_said"),
    Row("artifact_missing", ("model", "format")),
    Row("export_failed"),
    Row("of_model", ("model",)),
    # What would make it available.
    Row("install_python"),
    Row("install_one_of", ("pythons",)),
    Row("other_machine_needed"),
    Row("check_network"),
    Row("switch_profile_on", ("target",)),
    Row("load_image", ("image", "variable")),
    Row("bring_up", ("target",)),
    # Answers differ, or an artifact couldn't be measured in process.
    Row("not_finite"),
    Row("over_tolerance", ("error", "atol", "rtol")),
    Row("golden_not_finite"),
    Row("measuring_slow", ("seconds",)),
    Row("not_measured_in_process", ("what",)),
    # What keeps a run from being complete.
    Row("target_failed", ("target",)),
    Row("target_unavailable", ("target",)),
    Row("no_target"),
    Row("format_missing", ("model", "format")),
    Row("parity_failed", ("what", "batch", "length", "error")),
    Row("not_measured", ("model", "endpoint", "workload")),
    Row("reference_not_measured", ("endpoint",)),
    # Two runs can't be compared.
    Row("other_machine", ("key", "new", "old")),
    Row("other_cpus", ("of", "new", "old")),
    Row("other_workers", ("target", "new", "old")),
    Row("other_weights", ("model", "new", "old")),
    Row("other_workload", ("workload", "new", "old")),
    Row("other_surroundings", ("what", "new", "old")),
    Row("nothing_in_common", ("what",)),
    Row("servers_not_restarted", ("run",)),
    # A run is worse than another, or it can't be told.
    Row("slower", ("model", "endpoint", "workload", "metric", "ratio", "low", "high")),
    Row("changed", ("name", "what", "word", "new", "old")),
    Row("no_valid_trial", ("model", "endpoint", "workloads")),
    Row("metric_gone", ("model", "endpoint", "workload", "metric")),
    Row("not_exported", ("model", "format")),
    Row("too_few_rounds", ("model", "endpoint", "workload", "metric", "rounds", "needed")),
    Row("nothing_judged"),
)
BY_CODE = {row.code: row for row in TABLE}


def is_from_samples(reason: Reason) -> bool:
    """Tell whether a trial's samples alone give this reason, so that it can be found anew."""
    row = BY_CODE.get(reason.code)
    return row is not None and row.from_samples
