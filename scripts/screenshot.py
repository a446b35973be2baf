"""Take docs/report.png and docs/report-dark.png of a run's report, in a real Chromium: scripts/screenshot DIR."""

from __future__ import annotations

import argparse
import shutil
import sys
from pathlib import Path

from playwright.sync_api import sync_playwright

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
ROOT = Path(__file__).resolve().parents[1]


def main() -> int:
    """Write both pictures; 2 without a browser or a report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="the folder of a run")
    parser.add_argument("--out", type=Path, default=ROOT / "docs", help="default: docs/")
    parser.add_argument("--width", type=int, default=1280)
    parser.add_argument("--height", type=int, default=1500, help="0: the whole page")
    arguments = parser.parse_args()
    page = arguments.folder.resolve() / "report.html"
    browser = next(filter(None, map(shutil.which, BROWSERS)), None)
    if browser is None or not page.exists():
        reason = (
            f"{page}: no such file" if browser else f"none of {', '.join(BROWSERS)} is on PATH; apt install chromium"
        )
        print(reason, file=sys.stderr)  # noqa: T201
        return 2
    arguments.out.mkdir(parents=True, exist_ok=True)
    for scheme, name in (("light", "report.png"), ("dark", "report-dark.png")):
        take(browser, page, scheme, arguments.out / name, (arguments.width, arguments.height))
    return 0


def take(browser: str, page: Path, scheme: str, out: Path, size: tuple[int, int]) -> None:
    """Wait for the page's charts, then write a picture of its top, or of all of it."""
    with sync_playwright() as playwright:
        # A container has neither a user for the sandbox nor a large /dev/shm.
        options = ["--no-sandbox", "--disable-dev-shm-usage"]
        chromium = playwright.chromium.launch(executable_path=browser, args=options)
        tab = chromium.new_page(viewport={"width": size[0], "height": size[1] or 900}, color_scheme=scheme)
        tab.goto(page.as_uri())
        # No wait_for_function: the page's policy forbids the eval that it needs.
        tab.wait_for_selector('html[data-charts="drawn"]', timeout=120_000)
        tab.screenshot(path=out, full_page=size[1] == 0)
        chromium.close()


if __name__ == "__main__":
    sys.exit(main())
