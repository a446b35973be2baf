"""The documentation leads somewhere, and says of targets what their folders say."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from markdown_it import MarkdownIt
from markdown_it.token import Token

from bakeoff.analysis.compare import ALPHA, MARGIN
from bakeoff.host.catalog import load_targets
from bakeoff.schema import PROTOCOLS, WIRE_PROTOCOLS, Target

ROOT = Path(__file__).resolve().parents[2]
GITHUB = MarkdownIt("commonmark").enable("table")
LEFT_OUT = {".venv", ".bakeoff", "artifacts", "results"}
PAGES = sorted(path for path in ROOT.rglob("*.md") if not LEFT_OUT & set(path.relative_to(ROOT).parts))
WORDS = {"rest": "REST", "binary": "binary", "grpc": "gRPC"}


def tokens(path: Path) -> list[Token]:
    """Return a page's tokens, those within lines too."""
    blocks = GITHUB.parse(path.read_text(encoding="utf-8"))
    return [each for block in blocks for each in (block, *(block.children or []))]


@cache
def anchors(path: Path) -> frozenset[str]:
    """Return the anchors that GitHub gives a page's headings; a name that comes again gets a number."""
    found: dict[str, int] = {}
    every = tokens(path)
    for at, token in enumerate(every):
        if token.type == "heading_open":
            text = "".join(child.content for child in every[at + 1].children or [])
            name = re.sub(r"[^\w\- ]", "", text.strip().lower()).replace(" ", "-")
            found[name] = found.get(name, -1) + 1
            if found[name]:
                found[f"{name}-{found[name]}"] = 0
    return frozenset(found)


def problems(path: Path, root: Path = ROOT) -> list[str]:
    """Return a line for each link or image of a page that leads nowhere in the repository."""
    wrong = []
    for token in tokens(path):
        link = str(token.attrs.get("href") or token.attrs.get("src") or "")
        parts = urlsplit(link)
        if not link or parts.scheme or parts.netloc:
            continue
        aim = (path.parent / unquote(parts.path)).resolve() if parts.path else path
        if not aim.exists():
            wrong.append(f"{link}: no such file")
        elif not aim.is_relative_to(root):
            wrong.append(f"{link}: leads out of the repository")
        elif parts.fragment and (aim.suffix != ".md" or parts.fragment not in anchors(aim)):
            wrong.append(f"{link}: no such heading")
    return wrong


@pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_somewhere(path: Path) -> None:
    assert problems(path) == []


def test_what_leads_nowhere_is_found(tmp_path: Path) -> None:
    text = "# A *b* `c.d`\n\n## A b cd\n\n[1](#a-b-cd) [2](#a-b-cd-1) [x](#nothing) [y](no.md) ![z](no.png) [w](http://a/b)"
    page = tmp_path / "page.md"
    page.write_text(text, encoding="utf-8")
    assert problems(page, tmp_path) == ["#nothing: no such heading", "no.md: no such file", "no.png: no such file"]


def test_each_page_of_docs_is_in_the_index() -> None:
    index = (ROOT / "docs" / "README.md").read_text(encoding="utf-8")
    for path in (ROOT / "docs").glob("*.md"):
        assert path.name == "README.md" or f"]({path.name})" in index


def test_the_guide_has_the_verdicts_own_numbers() -> None:
    text = (ROOT / "docs" / "how-to-read-the-report.md").read_text(encoding="utf-8")
    assert f"within {1 / MARGIN:.3f} to {MARGIN}" in text and f"at most {ALPHA:.0%}" in text


def test_each_target_is_described_as_it_is() -> None:
    rows = [
        [cell.strip(" `") for cell in line.strip("|").split("|")]
        for line in (ROOT / "docs" / "targets.md").read_text(encoding="utf-8").splitlines()
        if line.startswith("| `")
    ]
    assert sorted(rows) == sorted(described(target) for target in load_targets().values())


def described(target: Target) -> list[str]:
    spoken = {WIRE_PROTOCOLS[wire] for wire in target.wires}
    protocols = ", ".join(WORDS[protocol] for protocol in PROTOCOLS if protocol in spoken)
    return [target.name, target.framework, target.server, ", ".join(target.formats), protocols]
