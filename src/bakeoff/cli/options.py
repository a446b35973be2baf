"""The options that several commands share, and what they select."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer

from bakeoff.errors import UsageError, one_of, require_known
from bakeoff.experiment.config import DEFAULT, Config, load_config, shorten
from bakeoff.host.catalog import OLD_NAMES, ModelSource, find_models, list_models, load_targets, make_endpoints
from bakeoff.platforms.deploy import Selection
from bakeoff.platforms.platform import Platform
from bakeoff.platforms.table import OLD_NAMES as OLD_PLATFORMS
from bakeoff.platforms.table import PLATFORMS
from bakeoff.schema import FORMATS, PROTOCOLS, WIRE_PROTOCOLS, Protocol


def renamed(targets: list[str]) -> list[str]:
    """Return targets by their names of today."""
    return [OLD_NAMES.get(name, name) for name in targets]


OLD_OPTIONS = {"runtime": "platform", "workers": "load-workers", "await-workers": "await-load-workers"}
"""Options by the names that they had before, still accepted."""


def todays_option(name: str) -> str:
    """Return an option's name of today, without its dashes."""
    return OLD_OPTIONS.get(name, name)


ConfigFile = Annotated[Path, typer.Option("--config", help="The experiment.", metavar="FILE")]
MODEL_HELP = "A model of the zoo, the path of a folder with a model.py, or hf:NAME_OR_PATH"
Models = Annotated[
    list[str], typer.Option("--model", help=f"{MODEL_HELP}; again for more. [default: config's]", metavar="MODEL")
]
Targets = Annotated[
    list[str], typer.Option("--target", callback=renamed, help="A target; may be repeated. [default: config's]")
]
Formats = Annotated[list[str], typer.Option("--format", help="A format beside each target's default; again for more.")]
Protocols = Annotated[list[str], typer.Option("--protocol", help="rest, binary or grpc. [default: config's]")]
Weights = Annotated[
    Path | None, typer.Option("--weights", help="A state dict (.pt) for the one model.", metavar="FILE")
]
PlatformName = Annotated[
    str,
    typer.Option(
        "--platform",
        metavar="NAME",
        callback=lambda name: OLD_PLATFORMS.get(name, name),
        help="local: processes. docker: containers. remote: servers of a `docker compose up`, from its loadtest.",
    ),
]
Trust = Annotated[
    bool, typer.Option("--trust", help="Load also artifacts that this checkout didn't export: they may run code.")
]
LoadWorkerCount = Annotated[
    int, typer.Option("--load-workers", min=1, help="Processes or containers that share the load.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]
Quietly = Annotated[bool, typer.Option("--quiet", help="Show no progress: only results and errors.")]
DEFAULT_CONFIG = DEFAULT


def experiment(
    config_file: Path,
    models: list[str],
    targets: list[str],
    formats: list[str],
    protocols: list[str],
    quick: bool = False,
) -> tuple[Config, Selection]:
    """Return the experiment that the options ask for; raise UsageError naming the option and what is allowed."""
    known_targets = load_targets()
    config = load_config(config_file, list_models(), known_targets)
    if quick:
        config = shorten(config)
    require_known("--target", targets, known_targets)
    require_known("--format", formats, FORMATS)
    require_known("--protocol", protocols, PROTOCOLS)
    chosen: list[Protocol] = [p for p in PROTOCOLS if p in protocols]
    config = replace(
        config,
        models=tuple(model.text for model in named_models(models)) or config.models,
        targets=tuple(dict.fromkeys(targets)) or config.targets,
        formats=tuple(dict.fromkeys([*config.formats, *formats])),
        protocols=tuple(chosen) or config.protocols,
    )
    selected = tuple(known_targets[name] for name in config.targets)
    for target in selected:
        if target.name in targets and not make_endpoints("", target, target.formats[:1], config.protocols):
            spoken = one_of({WIRE_PROTOCOLS[wire] for wire in target.wires})
            raise UsageError(f"--target: {target.name} speaks {spoken}, and none of {', '.join(config.protocols)}")
    return config, Selection(selected, config.protocols, config.formats, config.base_port)


def named_models(models: list[str]) -> list[ModelSource]:
    """Return the models of --model; raise UsageError naming what is allowed."""
    try:
        return find_models(models)
    except UsageError as error:
        raise UsageError(f"--model: {error}") from None


def make_platform(name: str) -> Platform[Any]:
    """Return a platform by its name; raise UsageError naming what is allowed."""
    require_known("--platform", [name], PLATFORMS)
    return PLATFORMS[name]()


def check_weights(weights: Path | None, models: tuple[str, ...]) -> None:
    """Raise UsageError unless the weights are a file and for one model."""
    if weights is not None and not weights.is_file():
        raise UsageError(f"--weights: {weights} is no file")
    if weights is not None and len(models) != 1:
        raise UsageError("--weights: belongs to one model; name it with --model")
