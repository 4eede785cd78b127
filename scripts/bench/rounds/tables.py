"""The times of rounds as tables for the terminal."""

from collections.abc import Sequence
from dataclasses import asdict

from rich.console import Group, RenderableType
from rich.text import Text

from scripts.bench.rounds.figures import PARTS, RoundFigures
from scripts.tables import text_table


def rounds_tables(figures: Sequence[RoundFigures]) -> Group:
    """Return a table for each chain: a column per number of prosumers, a row per part."""
    parts: list[RenderableType] = []
    for chain in dict.fromkeys(one.chain for one in figures):
        some = [one for one in figures if one.chain == chain]
        title = f"A round on {chain}, in seconds; synthetic data, {some[0].hardfork}"
        table = text_table(title, ["prosumers", *(f"{one.prosumers:,}" for one in some)])
        table.min_width = len(title)
        for part, label in PARTS.items():
            table.add_row(label, *(f"{asdict(one)[part]:.3f}" for one in some))
        table.add_section()
        table.add_row("whole round", *(f"{one.round_s:.3f}" for one in some))
        spans = (f"{one.round_s_least:.3f} – {one.round_s_most:.3f}" for one in some)
        table.add_row("least – most", *spans)
        table.add_row("transactions", *(f"{one.transactions}" for one in some))
        table.add_row("trades", *(f"{one.trades:,}" for one in some))
        parts += [table, Text()]
    runs = min(one.runs for one in figures)
    return Group(*parts, Text(f"Medians of {runs} rounds; a round is all its parts.", style="dim"))
