"""A small report, made by hand."""

from __future__ import annotations

from dataclasses import replace

from bakeoff.schema import (
    Artifact,
    Latency,
    Measurement,
    MissingArtifact,
    Model,
    Parity,
    Reason,
    Report,
    Summary,
    Support,
    TargetState,
    TensorSpec,
    quoted,
)

LATENCY = Latency(mean=0.5, p50=0.4, p90=0.6, p95=0.7, p99=None, p999=None, max=1.0)


def example_report(name: str = "digits_cnn", reason: str = "the command x is not on PATH") -> Report:
    """Return a report of one model with one measured, one unavailable target; texts can be hostile."""
    model = Model(name, "a" * 64, (TensorSpec("x", "float32", (None, 2)),), (), 1e-4, 0.0)
    parity = Parity(name, "tflite-int8", "litert", "format", None, 0.12, True, 1)
    artifact = Artifact(name, "tflite-int8", "p", 64_720, 56_612, "b" * 64, 0.99, 0.4, (parity,))
    measurement = Measurement(
        trial_id="t",
        endpoint="lean-tflite-grpc",
        model=name,
        target="lean-tflite",
        format="tflite-fp32",
        protocol="grpc",
        workload="c1",
        arrival="closed",
        concurrency=1,
        rate_rps=None,
        batch_size=1,
        wire="tfserving-grpc",
        seed=0,
        round=0,
        verdict="valid",
        reasons=(),
        request_count=100,
        error_count=2,
        errors={"grpc_8": 2},
        in_flight_at_end=0,
        answers_checked=5,
        throughput_rps=1234.5,
        latency_ms=LATENCY,
        service_ms=LATENCY,
        lag_ms=None,
        achieved_rate=None,
        gaps=None,
        held_back=0,
        connections_opened=0,
        drift_percent=None,
        workers=1,
        client_spin_percent=0.0,
        client_cpu_percent=20.0,
        server_cpu_ms_per_request=0.3,
        peak_rss_bytes=77_000_000,
    )
    invalid = replace(measurement, trial_id="u", workload="c8", verdict="invalid", reasons=(Reason("no_success"),))
    return Report(
        schema_version=2,
        created_at="2026-01-01T00:00:00+00:00",
        command="bakeoff run --quick",
        seed=7,
        machine={"cpu": "a CPU", "cpus": 2, "os": "an OS"},
        config={"workloads": [{"name": "c1"}, {"name": "c8"}], "cpus": {"server": "0", "load": "1"}},
        models=(model,),
        artifacts=(artifact,),
        parity=(parity,),
        support=(Support(name, "lean-tflite", "tflite-dynamic", False, None, quoted("FULLY_CONNECTED version 12")),),
        targets=(
            TargetState(
                "lean-tflite", "TensorFlow", "s", "2.14.0", "available", ready_seconds={f"{name} tflite-fp32": 0.3}
            ),
            TargetState("tfserving", "TensorFlow", "s", None, "unavailable", quoted(reason), quoted("install it")),
        ),
        measurements=(measurement, invalid),
        summary=(Summary(name, "lean-tflite-grpc", "c1", 1234.5, LATENCY),),
        comparisons=(),
        missing_artifacts=(MissingArtifact(name, "savedmodel", quoted("no rule for aten.mine")),),
    )
