"""What serves a model: targets and their endpoints."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

from bakeoff.schema.names import STRICT, Protocol


@dataclass(frozen=True, slots=True)
class Container:
    """What a target's container has beyond its requirements and its program.

    `port`: where REST is published on this machine, gRPC on the one before it; `profile`: it starts with
    `docker compose up` only where that profile is on; `apt`: Debian packages of its image, in place of the packages
    `without` of its requirements; `environment`: variables.
    """

    __pydantic_config__: ClassVar[dict[str, str]] = STRICT

    port: int
    profile: str | None = None
    apt: tuple[str, ...] = ()
    without: tuple[str, ...] = ()
    environment: dict[str, str] = field(default_factory=dict)

    @property
    def grpc_port(self) -> int:
        return self.port - 1

    @property
    def ports(self) -> tuple[int, int]:
        return self.port, self.grpc_port


@dataclass(frozen=True, slots=True)
class Archive:
    """Where a server's Debian package is: an archive of packages with its key, which no distribution has.

    `architectures` as Debian calls them; the key is a file below the archive's address.
    """

    __pydantic_config__: ClassVar[dict[str, str]] = STRICT

    url: str
    suite: str
    components: tuple[str, ...]
    key: str
    package: str
    architectures: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Target:
    """A server with the formats it can serve (the first is its default) and the wires it speaks.

    `server`: a folder of serving/ whose server.py is the program, or the name of what `program` starts; `engine`: what
    computes in it, a module of engines/, None where nothing does or the server brings its own. `container`: None where
    the target has a compose.yml of its own, or none at all. `archive`: where apt would find it, for `bakeoff doctor`.
    `requires` names commands that must be on PATH; `checks`: its program knows --check; `start_timeout_s` is the time
    to the first right answer; `prime_s` is how long it is loaded before its first trial, its endpoints in turn, until
    its speed has settled; `metrics` is the path of its Prometheus page on the REST port, or on the private port that it
    writes into the file `metrics_port` of its folder.
    """

    __pydantic_config__: ClassVar[dict[str, str]] = STRICT

    name: str
    framework: str
    server: str
    formats: tuple[str, ...]
    wires: tuple[str, ...]
    engine: str | None = None
    program: str | None = None
    container: Container | None = None
    archive: Archive | None = None
    package: str | None = None
    version_command: tuple[str, ...] = ()
    requirements: str | None = None
    workers: int = 1
    threads: int = 1
    start_timeout_s: float = 60.0
    prime_s: float = 1.5
    requires: tuple[str, ...] = ()
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
