"""What the design asks for, beside what was measured."""

from collections.abc import Iterator
from typing import Any

from scripts.bench.spread import significant
from scripts.bench.together.tables import TextTable

Row = dict[str, Any]
PAPER_DAY = "paper-day"
DISPATCH_S = 0.3
CLEARING_S = {  # by mechanism and number of orders
    ("pairwise-nash", 1_000): 1.0,
    ("uniform", 10_000): 1.0,
    ("matching", 10_000): 3.0,
}
ROUND_S = {("anvil", 1_000): 15.0}  # by chain and number of prosumers


def budget_table(document: dict[str, Any]) -> TextTable:
    """Return each budget whose size was measured, and whether it was kept."""
    return TextTable(
        title="Budgets, medians",
        columns=("", "budget", "measured", "kept"),
        rows=tuple(
            (what, f"≤ {budget:g} s", f"{significant(measured)} s", _kept(measured, budget))
            for what, budget, measured in _budgets(document)
        ),
        data="all but paper-day is synthetic",
    )


def _budgets(document: dict[str, Any]) -> Iterator[tuple[str, float, float]]:
    for row in document["dispatch"]:
        if row["system"] == PAPER_DAY:
            yield "dispatch of paper-day, build + solve", DISPATCH_S, row["ours_s"]
    for row in document["clearing"]:
        budget = CLEARING_S.get((row["mechanism"], row["orders"]))
        if budget is not None and row["seconds"] is not None:
            yield f"clearing {row['orders']:,} orders, {row['mechanism']}", budget, row["seconds"]
    for row in document["rounds"]:
        budget = ROUND_S.get((row["chain"], row["prosumers"]))
        if budget is not None:
            what = f"whole round on {row['chain']}, {row['prosumers']:,} prosumers"
            yield what, budget, row["round_s"]


def _kept(measured: float, budget: float) -> str:
    return "yes" if measured <= budget else "no"
