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


@pytest.fixture
def look(chromium: Browser) -> Iterator[Any]:
    """Return a function that opens a page: look(path, width=400, color_scheme="dark")."""
    contexts = []

    def opened(path: Path, width: int = 1280, color_scheme: Any = "light") -> Watched:
        context = chromium.new_context(
            viewport={"width": width, "height": 900}, color_scheme=color_scheme, offline=True, reduced_motion="reduce"
        )
        contexts.append(context)
        context.set_default_timeout(60_000)
        watched = Watched(context.new_page())
        watched.open(path)
        return watched

    yield opened
    for context in contexts:
        context.close()
