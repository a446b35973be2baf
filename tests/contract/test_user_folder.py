"""A user's own folder, outside of the repository, on every target over every protocol: several tensors, free sizes."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from bakeoff.artifacts.export import ExportOptions
from bakeoff.host.catalog import load_targets
from bakeoff.host.progress import Show
from bakeoff.measure.requests import encode_request, request_count
from bakeoff.platforms.deploy import Deployment, Selection, bring_up, open_deployment
from bakeoff.platforms.local import Local
from bakeoff.platforms.platform import StartOptions
from bakeoff.schema import CLIENT_FLOOR, FLOORS, PROTOCOLS, Endpoint
from bakeoff.wire import WIRES
from bakeoff.wire.client import Client
from bakeoff.wire.tensors import Arrays

FOLDER = Path(__file__).parent / "folders" / "two_inputs"
TARGETS = load_targets()
ALL = [(target.name, wire) for target in TARGETS.values() for wire in target.wires if target.name != CLIENT_FLOOR]
every_endpoint = pytest.mark.parametrize("endpoint", ALL, indirect=True, ids=lambda pair: f"{pair[0]}-{pair[1]}")
NEVER_TOLD = 5
"""A length that isn't among the model's."""


@pytest.fixture(scope="module")
def deployment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    """All targets up with the folder's model."""
    lines, local = Show(), Local()
    path = tmp_path_factory.mktemp("elsewhere") / FOLDER.name
    shutil.copytree(FOLDER, path)
    folder, failed = local.export(str(path), ExportOptions(), lines)
    assert not failed
    deployment = open_deployment(folder, local)
    try:
        bring_up(deployment, Selection(tuple(TARGETS.values()), PROTOCOLS), StartOptions(), lines)
        yield deployment
    finally:
        for server in deployment.servers:
            local.stop(server)


def ask(client: Client, endpoint: Endpoint, deployment: Deployment, body: bytes) -> Arrays:
    reply = client.post(body)
    assert reply.status == "ok", reply.message
    return WIRES[endpoint.wire].decode(deployment.model, reply)


@pytest.fixture
def client(endpoint: Endpoint, deployment: Deployment) -> Iterator[Client]:
    client = Client(endpoint, deployment.model, 20)
    yield client
    client.close()


@every_endpoint
@pytest.mark.parametrize("batch", [1, 2, 3])
def test_mixed_lengths_are_answered_as_the_artifact_does(
    endpoint: Endpoint, client: Client, deployment: Deployment, batch: int
) -> None:
    golden, lengths = deployment.golden, set()
    expected = deployment.expected(endpoint.target, endpoint.format)
    for request in range(request_count(len(deployment.model.lengths))):
        rows = golden.rows_of(request, batch)
        lengths.add(golden.place(rows)[0])
        answer = ask(client, endpoint, deployment, encode_request(golden, endpoint.wire, rows).body)
        if endpoint.target not in FLOORS:
            error, ok = expected.error_of(rows, answer)
            assert ok and error < 1e-4
    assert lengths == set(deployment.model.lengths)


@every_endpoint
def test_a_length_that_no_server_was_told_of_is_answered_all_the_same(
    endpoint: Endpoint, client: Client, deployment: Deployment
) -> None:
    if endpoint.target in FLOORS:
        pytest.skip("it computes nothing")
    # A row of one word says the same however often: its states repeat, and their mean stays.
    inputs = {name: array[:1] for name, array in deployment.golden.inputs([0]).items()}
    word = {**inputs, "tokens": np.repeat(inputs["tokens"][:, :1], NEVER_TOLD, axis=1)}
    known = {**inputs, "tokens": np.repeat(inputs["tokens"][:, :1], deployment.model.lengths[0], axis=1)}
    encode = WIRES[endpoint.wire].encode_request
    short, long = (
        ask(client, endpoint, deployment, encode(endpoint.model, deployment.model.inputs, arrays))
        for arrays in (known, word)
    )
    np.testing.assert_allclose(long["scores"], short["scores"], atol=1e-4)
    assert long["states"].shape == (1, NEVER_TOLD, 5)
    np.testing.assert_allclose(long["states"], np.repeat(short["states"][:, :1], NEVER_TOLD, axis=1), atol=1e-4)


def test_every_length_was_verified_on_every_endpoint(deployment: Deployment) -> None:
    rows = {(row.endpoint, row.batch, row.length): row.ok for row in deployment.parity if row.kind == "serving"}
    served = [endpoint for endpoint in deployment.endpoints if endpoint.target not in FLOORS]
    assert served and all(rows.values())
    assert rows.keys() == {(e.id, b, length) for e in served for b in (1, 3) for length in deployment.model.lengths}
