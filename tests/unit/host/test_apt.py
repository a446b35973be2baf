"""What `doctor` tells of a server that apt could install: when, and by which commands."""

from __future__ import annotations

import platform
import shutil
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from bakeoff.host import apt
from bakeoff.host.apt import find_obstacle, find_offer, is_debian
from bakeoff.schema import Archive

ARCHIVE = Archive("https://archive.test/tf", "stable", ("one", "two"), "the.key", "tf-server", ("amd64",))
DEBIAN = 'PRETTY_NAME="Debian"\nID=debian\n'


@pytest.fixture(autouse=True)
def a_debian(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda command: f"/usr/bin/{command}")
    monkeypatch.setattr(platform, "machine", lambda: "x86_64")
    monkeypatch.setattr(apt.os, "geteuid", lambda: 1000)
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)


def reached(url: str) -> str | None:
    assert url == "https://archive.test/tf/dists/stable/Release"
    return None


def unasked(url: str) -> str | None:
    raise AssertionError("the network was asked without need")


def test_three_commands_add_the_key_the_archive_and_the_package() -> None:
    offer = find_offer("tfserving", ARCHIVE, lambda path: DEBIAN, reached)
    assert offer.found.code == "apt_offers" and offer.remedy is None
    assert offer.commands == (
        "curl --fail --location https://archive.test/tf/the.key | "
        "sudo gpg --dearmor --yes --output /usr/share/keyrings/tfserving.gpg",
        "echo 'deb [arch=amd64 signed-by=/usr/share/keyrings/tfserving.gpg] https://archive.test/tf stable one two' | "
        "sudo tee /etc/apt/sources.list.d/tfserving.list",
        "sudo apt-get update && sudo apt-get install tf-server",
    )


def test_root_needs_no_sudo_and_what_the_commands_need_is_installed_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(apt.os, "geteuid", lambda: 0)
    monkeypatch.setattr(shutil, "which", lambda command: None if command in ("curl", "gpg") else command)
    commands = find_offer("tfserving", ARCHIVE, lambda path: DEBIAN, reached).commands
    assert not [command for command in commands if "sudo" in command]
    assert commands[0].startswith("apt-get install curl gnupg && curl ")


def test_an_archive_that_cannot_be_reached_leaves_docker() -> None:
    offer = find_offer("tfserving", ARCHIVE, lambda path: DEBIAN, lambda url: "HTTP 403")
    assert (offer.found.code, offer.commands) == ("apt_unreachable", ())
    assert offer.found.values == {"archive": ARCHIVE.url, "text": "HTTP 403"}
    assert offer.remedy is not None and offer.remedy.code == "use_docker"


def test_other_systems_and_machines_are_told_without_asking_the_network(monkeypatch: pytest.MonkeyPatch) -> None:
    assert find_offer("t", ARCHIVE, lambda path: "ID=fedora\n", unasked).found.code == "apt_missing"
    assert find_offer("t", ARCHIVE, lambda path: "", unasked).found.code == "apt_missing"
    monkeypatch.setattr(platform, "machine", lambda: "aarch64")
    assert find_offer("t", ARCHIVE, lambda path: DEBIAN, unasked).found.code == "apt_other_machine"
    monkeypatch.setattr(shutil, "which", lambda command: None)
    assert find_offer("t", ARCHIVE, lambda path: DEBIAN, unasked).found.code == "apt_missing"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("ID=ubuntu\nID_LIKE=debian\n", True),
        ('ID=linuxmint\nID_LIKE="ubuntu debian"\n', True),
        ('NAME="debian"\nID="rhel"\nID_LIKE="fedora"\n', False),
    ],
)
def test_a_debian_is_known_by_its_id_or_what_it_is_like(text: str, expected: bool) -> None:
    assert is_debian(text) == expected


class Head(BaseHTTPRequestHandler):
    """Answers HEAD alone, and only of /there."""

    def do_HEAD(self) -> None:
        self.send_response(200 if self.path == "/there" else 404)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@pytest.fixture
def server() -> Iterator[HTTPServer]:
    with HTTPServer(("127.0.0.1", 0), Head) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def test_an_address_is_asked_for_its_head(server: HTTPServer) -> None:
    url = f"http://127.0.0.1:{server.server_port}"
    assert find_obstacle(f"{url}/there") is None
    assert find_obstacle(f"{url}/gone") == "HTTP 404"


def test_the_environments_proxy_is_used(server: HTTPServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{server.server_port}")
    monkeypatch.setenv("no_proxy", "")
    assert find_obstacle("http://archive.test/there") == "HTTP 404"  # a proxy is asked for the whole address


def test_a_closed_port_is_an_obstacle() -> None:
    with HTTPServer(("127.0.0.1", 0), Head) as closed:
        port = closed.server_port
    assert find_obstacle(f"http://127.0.0.1:{port}/there")
