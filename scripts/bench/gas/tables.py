"""The figures and the rivals' as tables for the terminal."""

from collections.abc import Sequence

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from scripts.bench.gas.community import SHAPES
from scripts.bench.gas.figures import GasFigures
from scripts.bench.gas.measures import DATA_NOTE, MEASURES, NOTES, TERMS, Measure
from scripts.bench.gas.price_list import TRANSACTION_CAP
from scripts.bench.gas.rivals import RIVALS, SOURCE
from scripts.tables import text_table

STYLES = {True: "green", False: "bold red", None: ""}


def gas_tables(figures: Sequence[GasFigures]) -> Group:
    """Return what `wattline bench gas` shows."""
    parts: list[RenderableType] = []
    for shape in SHAPES:
        some = [one for one in figures if one.shape == shape]
        if some:
            parts += [_shape_table(some), Text(), _terms_table(some), Text()]
    notes = (f"Synthetic data. {DATA_NOTE}", *NOTES)
    parts += [*(Text(note, style="dim") for note in notes), Text(), _rivals_table()]
    return Group(*parts, Text(SOURCE, style="dim"))


def _shape_table(figures: Sequence[GasFigures]) -> RenderableType:
    """Return one column a size; green keeps the budget, red does not."""
    first = figures[0]
    table = _table(
        f"Gas per order, {first.shape}; synthetic data, {first.hardfork}",
        figures,
    )
    table.add_row("trades", *(f"{one.trades:,}" for one in figures))
    for measure in MEASURES:
        cells = (_cell(measure.gas(one), measure.is_met(one)) for one in figures)
        table.add_row(_label(measure, first), *cells)
        floors = (Text(f"{measure.floor(one):,}", style="dim") for one in figures)
        table.add_row(Text("  floor", style="dim"), *floors)
    most = (_cell(one.largest_transaction_gas, one.within_transaction_cap) for one in figures)
    table.add_row(Text(f"largest transaction (< {TRANSACTION_CAP:,})"), *most)
    return table


def _terms_table(figures: Sequence[GasFigures]) -> RenderableType:
    """Return what clear + settle pay for; all but the computing is the floor."""
    table = _table(
        f"What clear + settle pay for, {figures[0].shape}; gas per order, synthetic data",
        figures,
    )
    for label, term in TERMS.items():
        table.add_row(label, *(f"{term(one) / one.orders:,.0f}" for one in figures))
    return table


def _table(title: str, figures: Sequence[GasFigures]) -> Table:
    """Return a table with one column a size, wide enough for its title."""
    table = text_table(title, ["orders", *(f"{one.orders:,}" for one in figures)])
    table.min_width = len(title)
    return table


def _label(measure: Measure, figures: GasFigures) -> Text:
    budget = measure.budget(figures.shape)
    return Text(measure.label if budget is None else f"{measure.label} (≤ {budget.gas:,})")


def _cell(gas: int, is_met: bool | None) -> Text:
    mark = " !" if is_met is False else ""
    return Text(f"{gas:,}{mark}", style=STYLES[is_met])


def _rivals_table() -> RenderableType:
    table = text_table("What others need", ["system", "recording", "clearing", "source"], left=4)
    for rival in RIVALS:
        table.add_row(rival.system, rival.recording, rival.clearing, rival.source)
    for column in table.columns:
        column.no_wrap = False
    return table
