"""Which wires a server of ours can speak: one family at a time, of one model."""

from __future__ import annotations

from collections.abc import Callable, Collection

from exchange import JsonCodec, Wire
from served import Served
from tfserving_wire import TfServingWire
from torchserve_wire import TorchServeWire

from bakeoff.schema import WIRE_PROTOCOLS

FAMILIES: dict[Callable[[Served, JsonCodec, bool], Wire], frozenset[str]] = {
    TfServingWire: frozenset({"tfserving-rest", "tfserving-binary", "tfserving-grpc"}),
    TorchServeWire: frozenset({"torchserve-rest", "torchserve-binary", "torchserve-grpc"}),
}


def make_wire(names: Collection[str], served: Served, codec: JsonCodec) -> Wire:
    """Return what speaks these wires, which are of one family; raises ValueError."""
    takes_binary = "binary" in {WIRE_PROTOCOLS[name] for name in names}
    for family, known in FAMILIES.items():
        if names and set(names) <= known:
            return family(served, codec, takes_binary)
    raise ValueError(f"no server of ours speaks {', '.join(names) or 'no wire'} at once")
