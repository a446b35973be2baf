"""report.html: one file that opens offline."""

from __future__ import annotations

import base64
import hashlib
import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from bakeoff.report import trust
from bakeoff.report.answer import Claim, claims, headline
from bakeoff.report.categories import categories
from bakeoff.report.charts.chart import THEMES, Chart, colours_of, config
from bakeoff.report.charts.svg import javascript, plain
from bakeoff.report.charts.vega import Spec
from bakeoff.report.contest import Contest
from bakeoff.report.criteria import Criterion, Versus, compare_frameworks
from bakeoff.report.tables import all_tables, apart
from bakeoff.schema import FLOORS, Report

REACH = 32.0
"""The ratio at the ends of a forest's line."""


@dataclass(frozen=True, slots=True)
class Part:
    """A model's part of the page; `id` is unique and fit for an anchor."""

    id: str
    name: str
    headline: str
    claims: list[Claim]
    versus: list[Versus]
    charts: list[Chart]


@dataclass(frozen=True, slots=True)
class Forest:
    """A ratio and its interval as places from 0 (the first side) to 100; 50 is equal, what lies outside at an end."""

    at: float
    low: float | None
    high: float | None


def forest(criterion: Criterion) -> Forest | None:
    """Return where a criterion's ratio lies; None where it has none."""
    if criterion.ratio is None:
        return None
    ends = [None if end is None else place(end) for end in (criterion.low, criterion.high)]
    return Forest(place(criterion.ratio), *ends)


def place(ratio: float) -> float:
    """Return a ratio's place on the logarithmic line."""
    share = math.log(max(ratio, 1e-9)) / math.log(REACH)
    return round(50 + 50 * max(-1.0, min(1.0, share)), 2)


def render_html(report: Report, contests: Sequence[tuple[Contest, list[Chart]]]) -> str:
    """Return the report as a page. All text is escaped; scripts run only by their hash, and none needs eval."""
    environment = Environment(
        loader=PackageLoader("bakeoff.report", "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"json": as_data, "anchor": plain, "packed": packed}
    parts = [_part(number, contest, charts) for number, (contest, charts) in enumerate(contests)]
    scripts = [javascript(), _own("page.js")]
    colours = colours_of(report, "light")
    return environment.get_template("page.html.j2").render(
        report=report,
        title=", ".join(model.name for model in report.models) or "nothing measured",
        parts=parts,
        categories=categories([contest for contest, _ in contests], [part.versus for part in parts]),
        key=[(name, colours[name], name in FLOORS) for name in colours],
        themes={name: config(name, report) for name in THEMES},
        forest=forest,
        notices=trust.notices(report),
        trust_tables=trust.trust_tables(report),
        command=trust.repeat_command(report),
        configuration=trust.configuration(report),
        tables=all_tables(report),
        apart=apart(report),
        style=Markup(_own("page.css")),
        scripts=[Markup(script) for script in scripts],
        policy=policy(scripts),
    )


def _part(number: int, contest: Contest, charts: list[Chart]) -> Part:
    found = claims(contest)
    anchor = f"m{number}-{plain(contest.model.name)}"
    return Part(anchor, contest.model.name, headline(contest, found), found, compare_frameworks(contest), charts)


def policy(scripts: Sequence[str]) -> str:
    """Return the content security policy: nothing from elsewhere, these scripts and no others, no eval."""
    hashes = " ".join(f"'sha256-{base64.b64encode(hashlib.sha256(s.encode()).digest()).decode()}'" for s in scripts)
    rest = "style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'"
    return f"default-src 'none'; script-src {hashes}; {rest}"


def as_data(value: Any) -> Markup:
    """Return JSON that stands in a script element without ending it."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return Markup(text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e"))


def packed(spec: Spec) -> Spec:
    """Return a view whose rows are lists under one list of names, half as large; page.js makes them rows again."""
    rows = spec["data"]["values"]
    names = list(dict.fromkeys(name for row in rows for name in row))
    return spec | {"data": {"names": names, "rows": [[row.get(name) for name in names] for row in rows]}}


def _own(name: str) -> str:
    return files("bakeoff.report").joinpath(name).read_text(encoding="utf-8").strip()
