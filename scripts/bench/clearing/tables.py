"""The times of clearing as tables for the terminal."""

from collections.abc import Sequence

from rich.console import Group, RenderableType
from rich.text import Text

from scripts.bench.clearing.figures import ClearingFigures, growth
from scripts.bench.spread import significant
from scripts.tables import DASH, text_table

TITLES = {
    "lines": "Clearing over lines at fees, in seconds; synthetic data",
    "pool": "Clearing one free pool, in seconds; synthetic data",
}
COLUMNS = ["", "orders", "trades", "median", "least – most", "verify", "same as"]


def clearing_tables(figures: Sequence[ClearingFigures]) -> Group:
    """Return what `wattline bench clearing` shows: a row per book, and how times grow."""
    parts: list[RenderableType] = []
    for book, title in TITLES.items():
        some = [one for one in figures if one.book == book]
        if some:
            parts += [_table(title, some), *_stopped(some), Text()]
    grown = "; ".join(f"{name} {exponent:.2f}" for name, exponent in growth(figures))
    if grown:
        parts.append(Text(f"Time grows with orders to the power of: {grown}."))
    runs = min((one.runs for one in figures if one.runs), default=0)  # none where stopped
    note = f"Medians of {runs} runs. What pymarket's auctions trade is counted by order."
    return Group(*parts, Text(note, style="dim"))


def _table(title: str, figures: Sequence[ClearingFigures]) -> RenderableType:
    table = text_table(title, COLUMNS)
    table.min_width = len(title)
    last = ""
    for one in figures:
        if last and one.mechanism != last:
            table.add_section()
        name = "" if one.mechanism == last else one.mechanism
        last = one.mechanism
        span = DASH
        if one.seconds_least is not None and one.seconds_most is not None:
            span = f"{significant(one.seconds_least)} – {significant(one.seconds_most)}"
        table.add_row(
            name,
            f"{one.orders:,}",
            f"{one.trades:,}" if one.runs else DASH,
            _seconds(one.seconds),
            span,
            _seconds(one.verify_s),
            one.equals or DASH,
        )
    return table


def _stopped(figures: Sequence[ClearingFigures]) -> list[Text]:
    """Return why there are no times, of the first size of each that has none."""
    first = {one.mechanism: one for one in reversed(figures) if one.stopped}
    return [
        Text(f"{name}, from {one.orders:,} orders on: {one.stopped}")
        for name, one in reversed(first.items())
    ]


def _seconds(value: float | None) -> str:
    return DASH if value is None else significant(value)
