"""What goes wrong is counted exactly, and never as a fast success; what is lost is said."""

from __future__ import annotations

import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import psutil
import pytest
from load_bench import MODEL, MakeBench, StartServer

from bakeoff.artifacts.golden import Golden
from bakeoff.platforms.verify import Expected, wrong_rows
from bakeoff.schema import Endpoint, Reason, Workload
from bakeoff.schema.samples import TrialSamples
from bakeoff.wire import WIRES, tfserving_server

FAULTS = ("wrong", "http_500", "silent", "reset")
PRIMED = 3
CLOSED = Workload("closed", "closed", concurrency=1, warmup_s=0.2, duration_s=3.0, timeout_s=0.3)
OPEN = Workload("open", "poisson", rate_rps=200.0, warmup_s=0.2, duration_s=3.0, timeout_s=0.3, seed=1)


def reference(tmp_path: Path) -> Expected:
    x = np.array([[0, 1]], dtype=np.float32)
    np.savez(tmp_path / "golden.npz", **{"input:x": x, "torchscript:y": 2 * x})
    golden = Golden(tmp_path / "golden.npz", MODEL)
    return Expected(golden, golden.outputs("torchscript"))


def statuses(samples: TrialSamples) -> Counter[str]:
    return Counter(samples.statuses[code] for code in samples.status)


@pytest.mark.parametrize("workload", [CLOSED, OPEN], ids=["closed", "open"])
def test_every_twentieth_request_of_each_kind(
    workload: Workload, known_server: StartServer, make_bench: MakeBench, tmp_path: Path
) -> None:
    server = known_server("--faults", *FAULTS)
    measured, samples = make_bench(server.endpoint, workload).run(workload.name)
    said = server.end()
    counted = statuses(samples)
    # The first requests only prime, and their faults are nobody's.
    committed = Counter(said["faults"]) - Counter(FAULTS[:PRIMED])
    assert counted["http_500"] == committed["http_500"]
    assert counted["timeout"] == committed["silent"]
    assert counted["reset"] == committed["reset"]
    # libcurl asks again where a reset came before it had sent all: the server has seen such a request twice.
    assert said["seen"] - PRIMED - committed["reset"] <= counted.total() <= said["seen"] - PRIMED
    wrong = wrong_rows(samples, server.endpoint, 1, reference(tmp_path))
    assert len(wrong) == committed["wrong"]
    answered = {samples.answers[at] for at in samples.answer[wrong]}
    assert answered == {b'{"predictions": [[0.5, 2.0]]}'}
    failed = ~samples.ok & (samples.intended_ns >= samples.window.start_ns)
    assert measured.error_count == int(failed.sum()) > 0
    assert measured.latency_ms.max is None and measured.latency_ms.p99 is None


def test_nobody_listens(known_server: StartServer, make_bench: MakeBench) -> None:
    server = known_server()
    server.end()
    measured, samples = make_bench(server.endpoint, replace(OPEN, duration_s=1.0)).run("open")
    assert set(statuses(samples)) == {"refused"}
    assert measured.throughput_rps == 0 and Reason("no_success") in measured.reasons


class Exhausted(grpc.GenericRpcHandler):
    """Answers every twentieth call with RESOURCE_EXHAUSTED."""

    def __init__(self) -> None:
        self.seen = 0
        self.refused = 0
        arrays = {"y": np.array([[0, 2]], dtype=np.float32)}
        self.right = tfserving_server.encode_grpc_reply(MODEL.outputs, arrays, MODEL.name, 1)

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler:
        return grpc.unary_unary_rpc_method_handler(self.answer)

    def answer(self, message: bytes, context: Any) -> bytes:
        self.seen += 1
        if self.seen % 20 == 0:
            self.refused += 1
            context.abort(grpc.StatusCode.RESOURCE_EXHAUSTED, "full")
        return self.right


@pytest.mark.parametrize("workload", [CLOSED, OPEN], ids=["closed", "open"])
def test_every_twentieth_call_is_refused_with_grpc_status_8(
    workload: Workload, make_bench: MakeBench, tmp_path: Path
) -> None:
    handler = Exhausted()
    server = grpc.server(ThreadPoolExecutor(1), handlers=(handler,))
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    wire = "tfserving-grpc"
    endpoint = Endpoint("known-grpc", "double", "known", "torchscript", "grpc", wire, "127.0.0.1", port)
    body = tmp_path / "grpc.bin"
    body.write_bytes(WIRES[wire].encode_request("double", MODEL.inputs, {"x": np.array([[0, 1]], dtype=np.float32)}))
    # Python's own server takes a millisecond or so: nothing must end by its timeout.
    measured, samples = make_bench(endpoint, replace(workload, timeout_s=10.0), body=body).run(workload.name)
    server.stop(None)
    assert statuses(samples) == {"ok": handler.seen - handler.refused - PRIMED, "grpc_8": handler.refused}
    assert set(measured.errors) == {"grpc_8"}
    assert measured.latency_ms.max is None


def test_a_worker_that_dies_costs_its_trial_and_no_more(known_server: StartServer, make_bench: MakeBench) -> None:
    server = known_server()
    workload = replace(OPEN, duration_s=4.0)
    bench = make_bench(server.endpoint, workload, replace(workload, name="next"), workers=2)
    workers = [child for child in psutil.Process(bench.pid).children(recursive=True) if "--worker" in child.cmdline()]
    assert len(workers) == 2
    threading.Timer(1.5, workers[0].kill).start()
    measured, samples = bench.run("open")
    assert measured.verdict == "invalid" and measured.workers == 1
    assert any(reason.code == "load_worker_ended" for reason in measured.reasons), measured.reasons
    assert statuses(samples)["ok"] > 0  # the other's rows are kept
    again, _ = bench.run("next")
    assert again.workers == 2 and not any(reason.code == "load_worker_ended" for reason in again.reasons)
