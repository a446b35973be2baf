"""What an export has to make: which artifacts are there, and still of this model and this code."""

from __future__ import annotations

import argparse
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import artifact_tree as tree
from sources import Source, environment_of, exporter_files, format_names, hash_files, model_files

from bakeoff.schema.formats import SERVED_BY_DEFAULT

Emit = Callable[..., None]
"""Writes one event of an export to stdout, as a line of JSON."""


@dataclass(frozen=True, slots=True)
class Export:
    """One export of one model: where from, where to, which formats are to be made anew, and which could not be."""

    source: Source
    weights: Path | None
    folder: Path
    model_sha256: str
    environment: str | None
    """The format whose own environment this is; None: that of all the others."""
    required: frozenset[str]
    """The formats without which the export has failed."""
    stale: list[str] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)

    def inputs_sha256(self, name: str) -> str:
        """Hash all that goes into an artifact: the model and the code that exports it."""
        return hash_files(exporter_files(name), seed=self.model_sha256)


def plan(arguments: argparse.Namespace, folder: Path, emit: Emit) -> Export:
    """Find what has to be made, and tell what needn't, or can't be."""
    model_sha256 = hash_files(model_files(arguments.source, arguments.weights))
    required = SERVED_BY_DEFAULT.union(arguments.format or ())
    export = Export(arguments.source, arguments.weights, folder, model_sha256, arguments.environment, required)
    missing, tried = tree.read_table(folder / tree.MISSING), tree.read_table(folder / tree.TRIED)
    everything = [name for name in format_names() if name not in arguments.skip]
    for name in format_names():
        if environment_of(name) != export.environment:
            continue
        asked = name in (arguments.format or everything)
        manifest = tree.read_table(folder / name / tree.MANIFEST)
        if manifest and not is_stale(export, manifest, asked, arguments.force):
            if asked:
                emit("skip", name, size_bytes=manifest["size_bytes"], message="up to date")
        elif name in missing and tried.get(name) == export.inputs_sha256(name) and not (asked and arguments.force):
            export.failed[name] = missing[name]["reason"]  # as it would again
            if asked:
                emit("failed", name, message=export.failed[name])
        elif asked or manifest or name in missing:
            export.stale.append(name)
    return export


def is_stale(export: Export, manifest: dict[str, Any], asked: bool, force: bool) -> bool:
    """Tell whether an artifact has to be made anew."""
    name = manifest["format"]
    if manifest["model_sha256"] != export.model_sha256 or not tree.is_complete(export.folder / name, manifest):
        return True  # asked for or not: one folder never mixes two versions of a model
    return asked and (force or manifest["inputs_sha256"] != export.inputs_sha256(name))


def is_described(export: Export) -> bool:
    """Tell whether the files that speak of the model are there, and of this version of it."""
    described = tree.read_table(export.folder / tree.MODEL).get("sha256")
    return described == export.model_sha256 and (export.folder / tree.GOLDEN).exists()


def forget_elsewhere(export: Export) -> None:
    """Remove what another environment made or tried of another version of the model: it can't be done again here."""
    tried = tree.read_table(export.folder / tree.TRIED)
    for name in filter(environment_of, format_names()):
        manifest = tree.read_table(export.folder / name / tree.MANIFEST)
        if manifest and manifest["model_sha256"] != export.model_sha256:
            shutil.rmtree(export.folder / name)
        if name in tried and tried[name] != export.inputs_sha256(name):
            tree.write_entry(export.folder / tree.MISSING, name, None)
            tree.write_entry(export.folder / tree.TRIED, name, None)
