"""Short fuzzing of our own servers, always the same cases; benchmarks/long/fuzz.py has the long one."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest
import schemathesis
from fuzz_cases import draw_case
from fuzz_server import Attacked, attacked
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis.checks import not_a_server_error
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi.checks import response_schema_conformance, status_code_conformance

from bakeoff.artifacts.export import ExportOptions, export_model
from bakeoff.artifacts.golden import load_model
from bakeoff.host.catalog import load_targets, program_of
from bakeoff.host.progress import Show
from bakeoff.schema import Model
from bakeoff.wire import WIRES

TARGETS = [target.name for target in load_targets().values() if program_of(target).parent.name == "lean"]
MUTATIONS, DESCRIBED = 600, 8
GROWTH_BYTES = 150_000_000
"""A leak of every body would be more; the interpreters of a few batch sizes are less."""

FIXED = settings(
    derandomize=True, database=None, deadline=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck)
)


@pytest.fixture(scope="session")
def artifacts() -> Path:
    folder, failed = export_model("digits_cnn", ExportOptions(), Show())
    assert not failed
    return folder


@pytest.fixture(scope="session")
def model(artifacts: Path) -> Model:
    return load_model(artifacts)


@pytest.fixture(scope="module", params=TARGETS)
def server(
    request: pytest.FixtureRequest, artifacts: Path, model: Model, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Attacked]:
    with attacked(request.param, artifacts, model, tmp_path_factory.mktemp("server")) as running:
        yield running


def test_bent_requests_are_answered_or_refused(server: Attacked) -> None:
    seen: list[int] = []

    @settings(FIXED, max_examples=MUTATIONS)
    @given(st.integers(0, 2**64 - 1))
    def attack(seed: int) -> None:
        server.attack(draw_case(Random(seed), server.model, server.target.wires))
        if not seen and server.outcomes.total() > MUTATIONS // 2:
            seen.append(server.rss_bytes())

    attack()
    assert server.outcomes["rest 200"] and server.outcomes["grpc grpc 0"], "none of the requests was right"
    assert server.outcomes["rest 400"] and server.outcomes["grpc grpc 3"], "none of the requests was wrong"
    assert server.rss_bytes() < seen[0] + GROWTH_BYTES


@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE], ids=["as described", "otherwise"])
def test_it_answers_as_it_describes_itself(server: Attacked, mode: GenerationMode) -> None:
    base = f"http://127.0.0.1:{server.rest_port}"
    schema = schemathesis.openapi.from_url(f"{base}/openapi.json")
    schema.config.generation.update(modes=[mode])
    operations = [result.ok() for result in schema.get_all_operations()]
    assert {WIRES[wire].path(server.model.name) for wire in server.target.wires if "rest" in wire} <= {
        operation.path for operation in operations
    }
    # what has no body can't be asked otherwise
    for operation in operations if mode.is_positive else [each for each in operations if each.body]:

        @settings(FIXED, max_examples=DESCRIBED)
        @given(operation.as_strategy(generation_mode=mode))
        def ask(case: schemathesis.Case) -> None:
            response = case.call(base_url=base, timeout=600)
            checks = [not_a_server_error]
            if mode.is_positive:
                checks.append(status_code_conformance)
                described = case.media_type in (None, "application/json")
                assert response.status_code == 200 or not described, response.text
                if not re.search("NaN|Infinity", response.text):  # which no schema knows
                    checks.append(response_schema_conformance)
            case.validate_response(response, checks=checks)

        ask()
