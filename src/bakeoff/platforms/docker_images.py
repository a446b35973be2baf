"""Images: built from the checkout or pulled, and described."""

from __future__ import annotations

from typing import Any

from docker.errors import ImageNotFound

from bakeoff.errors import TargetFailed, TargetUnavailable
from bakeoff.platforms import docker_engine
from bakeoff.schema import Image, Reason

LOG_LINES = 12


def built(service: str) -> str:
    """Build a service's image from this checkout, which is quick where nothing changed; return its id."""
    done = docker_engine.compose("build", service)
    if done.returncode != 0:
        end = "\n".join((done.stdout + done.stderr).strip().splitlines()[-LOG_LINES:])
        raise TargetFailed(Reason("image_not_built", {"target": service, "log": end}))
    return str(docker_engine.client().images.get(docker_engine.services()[service]["image"]).id)


def pulled(service: str, name: str) -> str:
    """Pull a service's image unless it is here; return its id."""
    try:
        return str(docker_engine.client().images.get(name).id)
    except ImageNotFound:
        done = docker_engine.compose("pull", "--quiet", service)
    if done.returncode != 0:
        remedy = Reason("load_image", {"image": name, "variable": f"{service.upper()}_IMAGE"})
        said = docker_engine.last_line(done.stderr)
        raise TargetUnavailable(Reason("image_not_pulled", {"image": name, "text": said}), remedy)
    return str(docker_engine.client().images.get(name).id)


def describe(target: str, name: str, base: str) -> Image:
    """Describe an image that is here; its own bytes are those of the layers that the base image doesn't have."""
    image = docker_engine.client().images.get(name)
    digests = image.attrs.get("RepoDigests") or []
    return Image(
        target=target,
        name=name,
        id=image.id,
        digest=digests[0].partition("@")[2] if digests else None,
        size_bytes=image.attrs["Size"],
        own_bytes=_own_bytes(image, base),
    )


def _own_bytes(image: Any, base: str) -> int | None:
    try:
        below = docker_engine.client().images.get(base)
    except ImageNotFound:
        return None
    layers, base_layers = image.attrs["RootFS"]["Layers"], below.attrs["RootFS"]["Layers"]
    if layers[: len(base_layers)] != base_layers:
        return None
    return int(image.attrs["Size"] - below.attrs["Size"])
