"""The figures of bench.json as charts."""

from collections.abc import Sequence
from typing import Any

from scripts.bench.clearing.figures import ClearingFigures
from scripts.bench.clearing.systems import OURS
from scripts.bench.gas.figures import GasFigures
from scripts.bench.gas.page import Curve, SizeChart, gas_charts, size_chart
from scripts.bench.rounds.figures import PARTS
from scripts.report.bars import BarChart, Part, bar_chart

Row = dict[str, Any]

# Classes of the style sheet, by place; what is not ours is dashed besides.
STYLES = ("mean", "paid", "export", "import", "buyer", "seller", "load", "unit3", "expected", "q2")
PART_STYLES = ("unit1", "unit2", "unit3", "unit4", "paid", "q1", "seller", "export")


def dispatch_charts(rows: Sequence[Row]) -> list[BarChart]:
    """Return build + solve of each system as bars; one chart a system, as they differ widely."""
    charts = []
    for row in rows:
        seconds = {"ours": row["ours_s"], **row["others"]}
        part = Part(label="build + solve", values=tuple(seconds.values()), style="mean")
        charts.append(bar_chart(row["system"], [*seconds], [part], unit="seconds", digits=3))
    return charts


def clearing_charts(rows: Sequence[Row]) -> list[SizeChart]:
    """Return the time of clearing by number of orders, for books with lines and for one pool."""
    figures = [ClearingFigures(**row) for row in rows]
    charts = []
    for book, title in (("lines", "Clearing over lines"), ("pool", "Clearing one pool")):
        some = [one for one in figures if one.book == book and one.seconds]
        curves = []
        for place, name in enumerate(dict.fromkeys(one.mechanism for one in some)):
            points = [one for one in some if one.mechanism == name]
            curves.append(
                Curve(
                    label=name,
                    style=STYLES[place % len(STYLES)],
                    points=tuple((one.orders, one.seconds or 0.0) for one in points),
                    is_dashed=points[0].system != OURS,
                )
            )
        if curves:
            charts.append(size_chart(title, "seconds", curves, is_logarithmic=True))
    return charts


def rounds_charts(rows: Sequence[Row]) -> list[BarChart]:
    """Return the parts of a round, stacked, a chart for each chain."""
    charts = []
    for chain in dict.fromkeys(row["chain"] for row in rows):
        some = [row for row in rows if row["chain"] == chain]
        parts = [
            Part(label=label, values=tuple(row[part] for row in some), style=style)
            for (part, label), style in zip(PARTS.items(), PART_STYLES, strict=True)
        ]
        names = [f"{row['prosumers']:,} prosumers" for row in some]
        charts.append(bar_chart(f"A round on {chain}", names, parts, unit="seconds", digits=3))
    return charts


def all_gas_charts(rows: Sequence[Row]) -> list[SizeChart]:
    """Return what a slot costs on the chain, by number of orders."""
    return gas_charts([GasFigures(**row) for row in rows]) if rows else []
