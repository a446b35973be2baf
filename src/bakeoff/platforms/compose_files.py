"""The files of `docker compose`, made from the targets and the templates in compose/."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from bakeoff.errors import UsageError
from bakeoff.host.catalog import OLD_NAMES, SERVING, program_of, serving_arguments
from bakeoff.host.files import ROOT
from bakeoff.schema import WIRE_PROTOCOLS, Target
from bakeoff.wire import WIRES

FOLDER = ROOT / "compose"
FILES = {"docker-compose.yml.j2": ROOT / "docker-compose.yml", "host-network.yml.j2": FOLDER / "host-network.yml"}
"""Each template with what is made from it."""
APP = "/app"
"""Where the checkout is in the images."""


def render(targets: Collection[Target]) -> dict[Path, str]:
    """Return the text of every file; raise UsageError where two targets want one port.

    A target with a compose.yml of its own is included as it is; one without it and without a container is left out.
    """
    built = [target for target in targets if target.container is not None]
    included = [target for target in targets if (SERVING / target.name / "compose.yml").exists()]
    _require_own_ports(built)
    names = {target.name for target in (*built, *included)}
    known: dict[str, Any] = {
        "built": built,
        "included": included,
        "old_names": {old: name for old, name in OLD_NAMES.items() if name in names},
        "program": lambda target: f"{APP}/{program_of(target).relative_to(ROOT)}",
        "predict_path": _predict_path,
        "serving_arguments": serving_arguments,
    }
    environment = Environment(
        loader=FileSystemLoader(FOLDER),
        undefined=StrictUndefined,
        autoescape=False,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    return {path: environment.get_template(template).render(known) for template, path in FILES.items()}


def differing(rendered: dict[Path, str]) -> list[Path]:
    """Return the files that are missing or say something else."""
    return [path for path, text in rendered.items() if not path.exists() or path.read_text(encoding="utf-8") != text]


def _predict_path(target: Target) -> str:
    """Return the path of a target's REST predictions, with Compose's variable for the model."""
    wire = next(WIRES[name] for name in target.wires if WIRE_PROTOCOLS[name] == "rest")
    return wire.path("MODEL").replace("MODEL", "${MODEL}")


def _require_own_ports(built: Collection[Target]) -> None:
    wanted = Counter(port for target in built if target.container for port in target.container.ports)
    for port in (port for port, count in wanted.items() if count > 1):
        both = " and ".join(target.name for target in built if target.container and port in target.container.ports)
        raise UsageError(f"container.port: {both} publish port {port} both; give one of them another")
