"""What serves a model: targets and their endpoints."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from bakeoff.schema.names import STRICT, Protocol


@dataclass(frozen=True, slots=True)
class Target:
    """A server program with the formats it can serve (the first is its default) and the wires it speaks.

    `requires` names commands that must be on PATH; `pythons` ("3.11") and `machines` ("x86_64") are what its packages
    exist for, empty meaning any; `checks`: its program knows --check; `start_timeout_s` is the time to the first right
    answer; `prime_s` is how long it is loaded before its first trial, its endpoints in turn, until its speed has
    settled; `metrics` is the path of its Prometheus page on the REST port, or on the private port that it writes into
    the file `metrics_port` of its folder; `engine`: the module of engines/ that computes in its environment, None where
    none does.
    """

    __pydantic_config__: ClassVar[dict[str, str]] = STRICT

    name: str
    framework: str
    server: str
    formats: tuple[str, ...]
    wires: tuple[str, ...]
    program: str
    engine: str | None = None
    package: str | None = None
    version_command: tuple[str, ...] = ()
    requirements: str | None = None
    workers: int = 1
    threads: int = 1
    start_timeout_s: float = 60.0
    prime_s: float = 1.5
    requires: tuple[str, ...] = ()
    pythons: tuple[str, ...] = ()
    machines: tuple[str, ...] = ()
    checks: bool = False
    metrics: str | None = None
    metrics_port: str | None = None
    unavailable_remedy: str | None = None


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One model on one target in one format over one protocol.

    `token_file`: where a server wants a token, the file that holds it; never the token itself.
    """

    id: str
    model: str
    target: str
    format: str
    protocol: Protocol
    wire: str
    host: str = ""
    port: int = 0
    token_file: str | None = None
