"""The export in its container: artifacts go to the volume that servers read, and a copy comes to this machine."""

from __future__ import annotations

import shutil
from pathlib import Path

from bakeoff.artifacts.export import ExportOptions, export_arguments, follow_export, source_of
from bakeoff.errors import UsageError
from bakeoff.host.catalog import ZOO, find_model
from bakeoff.host.files import STATE
from bakeoff.host.progress import Show
from bakeoff.platforms import docker_engine
from bakeoff.platforms.docker_images import built

COPIES = STATE / "container-artifacts"


def export(model: str, options: ExportOptions, show: Show) -> tuple[Path, list[str]]:
    """Export a model in a container; return the folder of the copies and a line for each format that failed.

    A folder from outside the zoo is mounted there, read-only. Raises UsageError for hf: models, since the container has
    neither a network nor transformers.
    """
    found = find_model(model)
    source, model = source_of(found), found.name
    if found.folder is None:
        raise UsageError(f"--model {source}: is exported by --platform local alone")
    show.say("export: making its image ready")
    built("export")
    name = f"{docker_engine.RUN_PROJECT}-export"
    argv = ["run", "--no-deps", "--no-TTY", "--name", name]
    told = ["--model-folder", f"/app/models/zoo/{model}", "--out", "/artifacts", *export_arguments(options)]
    if found.folder.parent != ZOO:
        argv.append(f"--volume={source}:/app/models/zoo/{model}:ro")
    if options.weights:
        argv.append(f"--volume={options.weights.resolve()}:/weights/{options.weights.name}:ro")
        told += ["--weights", f"/weights/{options.weights.name}"]
    command = docker_engine.compose_command(*argv, "export", *told)
    failed = follow_export(command, model, docker_engine.compose_environment(MODEL=model), show)
    failed += [f"{format} is not made in containers: scripts/bakeoff export makes it" for format in options.apart]
    container = docker_engine.client().containers.get(name)
    try:
        shutil.rmtree(COPIES / model, ignore_errors=True)
        COPIES.mkdir(parents=True, exist_ok=True)
        docker_engine.copy_out(container, f"/artifacts/{model}", COPIES)
    finally:
        docker_engine.remove(container)
    return COPIES / model, failed
