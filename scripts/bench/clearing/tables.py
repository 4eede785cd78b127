"""The times of clearing as tables for the terminal."""

from collections.abc import Sequence

from rich.console import Group, RenderableType
from rich.text import Text

from scripts.bench.clearing.figures import ClearingFigures, growth
from scripts.tables import DASH, text_table

COLUMNS = [
    "contender",
    "book",
    "orders",
    "lines",
    "trades",
    "clear, s",
    "least – most",
    "verify, s",
]


def clearing_tables(figures: Sequence[ClearingFigures]) -> Group:
    """Return what `wattline bench clearing` shows: a row per book, and how times grow."""
    table = text_table("Clearing random books, synthetic data", [*COLUMNS, "MB", "sums of"], left=2)
    notes: list[RenderableType] = []
    last = ""
    for one in figures:
        if last and one.mechanism != last:
            table.add_section()
        last = one.mechanism
        if one.stopped:
            table.add_row(one.mechanism, one.book, f"{one.orders:,}", *[DASH] * 7)
            notes.append(Text(f"{one.mechanism}, {one.orders:,} orders: {one.stopped}"))
            continue
        table.add_row(
            one.mechanism,
            one.book,
            f"{one.orders:,}",
            f"{one.lines:,}" if one.lines else DASH,
            f"{one.trades:,}",
            seconds(one.seconds),
            f"{seconds(one.seconds_least)} – {seconds(one.seconds_most)}",
            seconds(one.verify_s),
            f"{one.peak_mb:,.0f}",
            one.equals or DASH,
        )
    runs = max((one.runs for one in figures), default=0)
    text = f"Median of {runs} runs. Trades of pymarket are fills of orders."
    grown = (
        Text(f"{name}: time grows with orders to the power of {exponent:.2f}")
        for name, exponent in growth(figures)
    )
    return Group(table, *notes, *grown, Text(text, style="dim"))


def seconds(value: float | None) -> str:
    """Return a time with three significant digits; a dash where there is none."""
    if value is None:
        return DASH
    digits = 4 if value < 0.1 else 3 if value < 1 else 2 if value < 10 else 1
    return f"{value:.{digits}f}"
