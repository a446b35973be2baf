"""What a million predictions cost."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator

from bakeoff.analysis.capacity import cost_per_million
from bakeoff.analysis.intervals import estimate_mean
from bakeoff.report.cells import between, number, tabulate
from bakeoff.report.charts import vega
from bakeoff.report.charts.chart import Chart, Panel, target_colour
from bakeoff.report.charts.vega import Spec
from bakeoff.report.contest import Contest
from bakeoff.schema import FLOORS


def cost_chart(contest: Contest) -> Chart | None:
    """Draw the price of a million predictions at the throughput at the workload judged by it."""
    price = contest.report.config.get("price_per_hour")
    if not isinstance(price, int | float) or not price or contest.busy is None:
        return None
    rows = sorted(_rows(contest, price), key=lambda row: row["cost"])
    if not rows:
        return None
    most = max(row["cost"] for row in rows) * 1.25
    x = {"scale": {"domain": [0, vega.significant(most)], "nice": False}, "axis": {"tickCount": 6}}
    x["title"] = f"for a million predictions, at {price:g} an hour"
    y = vega.names("endpoint", [row["endpoint"] for row in rows])
    look: Spec = {"color": target_colour(contest), "opacity": vega.focused()}
    tips = vega.tip("endpoint", "cost", "interval", "rps")
    line = {"strokeWidth": 1.5, "clip": True}
    layers = [
        vega.layer("bar", x=vega.figure("cost", **x), tooltip=tips, **look),
        vega.layer("rule", line, "datum.low != null", x=vega.figure("low", **x), x2={"field": "high"}),
    ]
    load = contest.load("throughput")
    rule = f"The rule: {price:g} an hour (price_per_hour) over the median throughput at {load}, times a million."
    said = [row | {"cost": f"{number(row['cost'])} {row['interval']}".rstrip()} for row in rows]
    columns = {"endpoint": "endpoint", "req/s": "rps", "cost of a million": "cost"}
    table = tabulate(f"{contest.model.name}: cost", rule, said, columns, 1)
    best, worst = rows[0], rows[-1]
    says = f"{rule} {best['endpoint']}: {number(best['cost'])}; {worst['endpoint']}: {number(worst['cost'])}. "
    says += "Lines: 95% intervals over the rounds. This load is not the most that a server bears: that is what bakeoff "
    says += "capacity finds."
    return Chart("cost", "Cost", says, (Panel("", vega.view(rows, layers, {"y": y}, 20 * len(rows))),), table)


def _rows(contest: Contest, price: float) -> Iterator[Spec]:
    rates: dict[str, list[float]] = defaultdict(list)
    for m in contest.valid:
        if m.workload == contest.busy and m.target not in FLOORS and m.throughput_rps > 0:
            rates[m.endpoint].append(m.throughput_rps)
    for endpoint, found in rates.items():
        rate = contest.figure(endpoint, "throughput")
        if not rate:
            continue
        bounds = estimate_mean([math.log(f) for f in found]).interval(0.95)
        low, high = (None, None) if bounds is None else (math.exp(-bounds[1]), math.exp(-bounds[0]))
        per_rate = price / 3600 * 1e6
        yield {
            "endpoint": endpoint,
            "target": contest.endpoints[endpoint].target,
            "rps": vega.significant(rate),
            "cost": vega.significant(cost_per_million(rate, price)),
            "low": None if low is None else vega.significant(per_rate * low),
            "high": None if high is None else vega.significant(per_rate * high),
            "interval": "" if low is None or high is None else between(per_rate * low, per_rate * high),
        }
