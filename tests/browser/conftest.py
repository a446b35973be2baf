"""A real Chromium, without a network, that looks at reports."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from example_run import HOSTILE, example_run, write_run_samples
from playwright.sync_api import Browser, Page, sync_playwright

from bakeoff.report import write_report

BROWSERS = ("chromium", "chromium-browser", "google-chrome")


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    path = next(filter(None, map(shutil.which, BROWSERS)), None)
    if path is None:
        pytest.skip(f"none of {', '.join(BROWSERS)} is on PATH: apt install chromium")
    with sync_playwright() as playwright:
        # As root and in containers there is no user for the sandbox, and /dev/shm is small.
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox", "--disable-dev-shm-usage"])
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def example_page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return written(tmp_path_factory.mktemp("example"), "digits_cnn")


@pytest.fixture(scope="session")
def hostile_page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return written(tmp_path_factory.mktemp("hostile") / "run", HOSTILE)


def written(folder: Path, name: str) -> Path:
    report = example_run(name)
    write_run_samples(folder, report)
    write_report(folder, report)
    return folder / "report.html"


class Watched:
    """A page with all that it said, did wrong or asked for."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.console: list[str] = []
        self.requests: list[str] = []
        self.dialogs: list[str] = []
        page.on("console", lambda message: self.console.append(f"{message.type}: {message.text}"))
        page.on("pageerror", lambda error: self.console.append(f"error: {error}"))
        page.on("request", lambda request: self.requests.append(request.url))
        page.on("dialog", self._dismiss)

    def _dismiss(self, dialog: Any) -> None:
        self.dialogs.append(dialog.message)
        dialog.dismiss()

    def open(self, path: Path) -> Page:
        self.page.goto(path.as_uri())
        # No wait_for_function: the page's policy forbids the eval that it needs.
        self.page.wait_for_selector('html[data-charts="drawn"]', timeout=120_000)
        return self.page


def opened(chromium: Browser, path: Path, **options: Any) -> Watched:
    shape = {"width": options.pop("width", 1280), "height": 900}
    context = chromium.new_context(viewport=shape, offline=True, reduced_motion="reduce", **options)
    context.set_default_timeout(60_000)
    watched = Watched(context.new_page())
    watched.open(path)
    return watched


@pytest.fixture
def look(chromium: Browser) -> Iterator[Any]:
    """Return a function that opens a page anew: look(path, width=400, color_scheme="dark")."""
    made: list[Watched] = []

    def one(path: Path, **options: Any) -> Watched:
        made.append(opened(chromium, path, **options))
        return made[-1]

    yield one
    for watched in made:
        watched.page.context.close()


@pytest.fixture(scope="session")
def shown(chromium: Browser, example_page: Path) -> Watched:
    """The example, opened once: drawing it takes seconds."""
    return opened(chromium, example_page, permissions=["clipboard-read", "clipboard-write"])


@pytest.fixture
def page(shown: Watched) -> Iterator[Page]:
    """The example for a test that filters and opens what it likes: afterwards it is as before."""
    yield shown.page
    for filled in shown.page.locator(".tools input").all():
        if filled.input_value():
            filled.evaluate("e => { e.value = ''; e.dispatchEvent(new Event('input')); }")
    shown.page.evaluate("document.querySelectorAll('details').forEach(e => { e.open = false; })")
