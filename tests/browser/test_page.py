"""The report's page, as a reader's browser shows it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

Look = Callable[..., Any]
CHARTS = ("latency", "throughput", "protocols", "time", "sizes", "resources", "cost", "rounds")
SIDEWAYS = "document.documentElement.scrollWidth - document.documentElement.clientWidth"


def column(page: Page, table: str, name: str) -> list[str]:
    heads = page.locator(f'table[data-title="{table}"] thead th').all_text_contents()
    place = [head.strip() for head in heads].index(name) + 1
    cells = page.locator(f'table[data-title="{table}"] tbody tr:not([hidden]) > :nth-child({place})')
    return [cell.strip() for cell in cells.all_text_contents()]


def test_it_opens_without_a_network_and_without_a_word_on_the_console(shown: Any, example_page: Path) -> None:
    assert shown.console == []
    assert shown.requests == [example_page.as_uri()]


def test_the_answer_stands_on_the_first_screen(page: Page) -> None:
    box = page.locator(".claims").bounding_box()
    assert box["y"] + box["height"] < 900
    assert "lean-tflite over gRPC answers fastest" in page.locator(".headline").inner_text()
    assert "Sure" in page.locator(".claim").first.inner_text()


def test_every_chart_has_marks_a_sentence_and_its_table(page: Page) -> None:
    figures = page.locator("figure.chart")
    assert [id.split("-")[-1] for id in figures.locator("h3").evaluate_all("all => all.map(e => e.id)")] == list(CHARTS)
    for figure in figures.all():
        for plot in figure.locator(".plot").all():
            assert plot.locator("svg .mark-symbol path, svg .mark-rect path, svg .mark-line path").count() > 0
            assert plot.get_attribute("aria-label")
        assert len(figure.locator("figcaption").inner_text()) > 20
        figure.locator("summary").click()
        assert figure.locator("details tbody tr").first.is_visible()


def test_a_target_can_be_followed_through_the_charts(page: Page) -> None:
    bars = page.locator('[aria-labelledby$="-cost"] svg .mark-rect path')
    faint = "all => all.filter(e => Number(e.getAttribute('opacity') ?? 1) < 0.5).length"
    assert bars.evaluate_all(faint) == 0
    page.get_by_role("button", name="lean-tflite", exact=True).press("Enter")
    assert page.get_by_role("button", name="lean-tflite", exact=True).get_attribute("aria-pressed") == "true"
    assert bars.evaluate_all(faint) == 3  # of five endpoints lean-tflite has two
    page.get_by_role("button", name="lean-tflite", exact=True).press("Enter")
    assert bars.evaluate_all(faint) == 0


def test_tables_sort_by_number_both_ways_and_by_keyboard(page: Page) -> None:
    table = "Edge-model sizes"
    head = page.locator(f'table[data-title="{table}"] thead').get_by_role("button", name="bytes", exact=True)
    head.press("Enter")
    up = [int(cell.replace(",", "")) for cell in column(page, table, "bytes")]
    assert up == sorted(up) == [64_720, 228_524, 238_093, 252_765]
    assert page.locator(f'table[data-title="{table}"] [aria-sort]').get_attribute("aria-sort") == "ascending"
    head.press("Enter")
    assert [int(cell.replace(",", "")) for cell in column(page, table, "bytes")] == up[::-1]


def test_missing_figures_sort_last_either_way(page: Page) -> None:
    table, name = "digits_cnn: where the time goes", "in process"
    page.locator('[aria-labelledby$="-time"] summary').click()
    for _ in range(2):
        page.locator(f'table[data-title="{table}"] thead').get_by_role("button", name=name).click()
        cells = column(page, table, name)
        assert cells[-3:] == ["–"] * 3 and "–" not in cells[:-3]


def test_rows_can_be_filtered(page: Page) -> None:
    table = "digits_cnn: latency and throughput"
    whole = column(page, table, "endpoint")
    page.get_by_label(f"Filter the rows of {table}").fill("TFLITE grpc")
    assert column(page, table, "endpoint") == ["lean-tflite-grpc"] != whole
    assert (
        page.locator(".tools", has=page.get_by_label(f"Filter the rows of {table}")).get_by_text("1 of 6 rows").count()
    )
    page.get_by_label(f"Filter the rows of {table}").fill("")
    assert column(page, table, "endpoint") == whole


def test_what_is_shown_is_copied(page: Page) -> None:
    table = "digits_cnn: latency and throughput"
    page.get_by_label(f"Filter the rows of {table}").fill("lean-tflite-grpc")
    page.get_by_role("button", name=f"Copy {table} as Markdown").click()
    page.get_by_text(f"{table}: copied as Markdown").wait_for(state="attached")
    lines = page.evaluate("navigator.clipboard.readText()").splitlines()
    assert (
        len(lines) == 3 and lines[0].startswith("| endpoint | format |") and lines[2].startswith("| lean-tflite-grpc |")
    )
    page.get_by_role("button", name=f"Copy {table} as CSV").click()
    page.get_by_text(f"{table}: copied as CSV").wait_for(state="attached")
    lines = page.evaluate("navigator.clipboard.readText()").splitlines()
    assert len(lines) == 2 and lines[1].startswith('"lean-tflite-grpc","tflite-fp32",')


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_follows_the_system_until_the_reader_chooses(example_page: Path, look: Look, scheme: str) -> None:
    page = look(example_page, color_scheme=scheme).page
    ground = "getComputedStyle(document.body).backgroundColor"
    label = "document.querySelector('.plot svg .role-axis-label text').getAttribute('fill')"
    first = (page.evaluate(ground), page.evaluate(label))
    page.locator("#theme").click()
    page.wait_for_selector('html[data-charts="drawn"]')
    second = (page.evaluate(ground), page.evaluate(label))
    assert first[0] != second[0] and first[1] != second[1]
    page.reload()
    page.wait_for_selector('html[data-charts="drawn"]')
    assert (page.evaluate(ground), page.evaluate(label)) == second


def test_nothing_scrolls_sideways_on_a_telephone(example_page: Path, hostile_page: Path, look: Look) -> None:
    for path in (example_page, hostile_page):
        page = look(path, width=400).page
        assert page.evaluate(SIDEWAYS) <= 0
        assert page.evaluate("Math.max(...[...document.querySelectorAll('.plot svg')].map(e => e.clientWidth))") <= 400


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_serious(example_page: Path, look: Look, scheme: str) -> None:
    page = look(example_page, color_scheme=scheme).page
    page.evaluate("document.querySelectorAll('details').forEach(e => { e.open = true; })")
    found = Axe().run(page).response["violations"]
    serious = [(v["id"], v["nodes"][0]["html"][:200]) for v in found if v["impact"] in ("serious", "critical")]
    assert serious == []


def test_hostile_names_stay_text(hostile_page: Path, look: Look) -> None:
    watched = look(hostile_page)
    assert watched.dialogs == [] and watched.console == []
    assert "</script><script>alert('no')</script>" in watched.page.locator("h1").inner_text()
    assert watched.page.evaluate("document.scripts.length - document.querySelectorAll('script[type]').length") == 2
    written = sorted(str(path.relative_to(hostile_page.parent)) for path in hostile_page.parent.rglob("*.svg"))
    assert len(written) == len(CHARTS) and all(name.startswith("charts/") for name in written)
    assert sorted(path.name for path in hostile_page.parent.parent.iterdir()) == [hostile_page.parent.name]


def test_a_cell_that_looks_like_a_formula_is_copied_as_text(page: Page) -> None:
    page.evaluate("document.querySelector('table[data-title=Hashes] tbody th').textContent = '=1+1'")
    page.get_by_role("button", name="Copy Hashes as CSV").click()
    page.get_by_text("Hashes: copied as CSV").wait_for(state="attached")
    assert page.evaluate("navigator.clipboard.readText()").splitlines()[1].startswith('"\'=1+1",')


def test_what_went_wrong_is_said(page: Page) -> None:
    said = page.locator(".notices").inner_text()
    assert "flask-tf-rest failed parity: 0.5 off" in said
    assert "tfserving is unavailable: not on PATH" in said and "install it" in said
    assert "1 of 85 trials are invalid" in said
    page.get_by_text("Every trial (85)").click()
    page.get_by_label("Filter the rows of Every trial").fill("invalid")
    assert column(page, "Every trial", "trial") == ["drifted"]
    assert column(page, "Every trial", "reasons") == ["its speed had not settled digits_cnn"]
    assert "tfserving" in column(page, "Targets", "target")


def test_a_link_into_a_closed_part_opens_it(page: Page) -> None:
    page.evaluate("location.hash = '#trust-Every-trial-all'")
    page.locator("#trust-Every-trial-all tbody tr").first.wait_for(state="visible")
