"""What the design asks for, beside what was measured."""

from collections.abc import Iterator
from typing import Any

from scripts.bench.dispatch.systems import Size
from scripts.bench.dispatch.timing import DAY, STEP
from scripts.bench.spread import significant
from scripts.bench.together.tables import TextTable

Row = dict[str, Any]
DISPATCH_S = {DAY: 0.3, STEP: 0.15}  # by system
DISPATCH_TO_OTHERS = 0.5  # of the time of the best general library, for the systems below
DISPATCH_BESIDE_OTHERS = (DAY, *(Size(units=200, storages=100, days=n).name for n in (1, 7)))
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
            (
                what,
                f"≤ {budget:g} {unit}",
                f"{significant(measured)} {unit}",
                _kept(measured, budget),
            )
            for what, unit, budget, measured in _budgets(document)
        ),
    )


def _budgets(document: dict[str, Any]) -> Iterator[tuple[str, str, float, float]]:
    """Yield what was measured, its unit, its budget and its figure."""
    for row in document["dispatch"]:
        name, share = row["system"], row["ratio_to_best"]
        if name in DISPATCH_S:
            yield f"dispatch of {name}, build + solve", "s", DISPATCH_S[name], row["ours_s"]
        if name in DISPATCH_BESIDE_OTHERS and share is not None:
            yield f"dispatch of {name}, to the best other", "×", DISPATCH_TO_OTHERS, share
    for row in document["clearing"]:
        budget = CLEARING_S.get((row["mechanism"], row["orders"]))
        if budget is not None and row["seconds"] is not None:
            what = f"clearing {row['orders']:,} orders, {row['mechanism']}"
            yield what, "s", budget, row["seconds"]
    for row in document["rounds"]:
        budget = ROUND_S.get((row["chain"], row["prosumers"]))
        if budget is not None:
            what = f"whole round on {row['chain']}, {row['prosumers']:,} prosumers"
            yield what, "s", budget, row["round_s"]


def _kept(measured: float, budget: float) -> str:
    return "yes" if measured <= budget else "no"
