"""A client of a port, for tests that have no deployment."""

from __future__ import annotations

from bakeoff.schema import WIRE_PROTOCOLS, Endpoint, Model, TensorSpec
from bakeoff.wire.client import Client


def model_of(name: str, inputs: tuple[TensorSpec, ...] = ()) -> Model:
    """Return a model of which only the inputs are known."""
    return Model(name, "", inputs, (), 0.0, 0.0)


def client_of(port: int, wire: str, model: Model, timeout_s: float = 10.0) -> Client:
    """Return a client of whatever listens at a port."""
    return Client(Endpoint("e", model.name, "t", "f", WIRE_PROTOCOLS[wire], wire, "127.0.0.1", port), model, timeout_s)
