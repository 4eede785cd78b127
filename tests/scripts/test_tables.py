"""The tables of the terminal."""

from dataclasses import replace
from io import StringIO
from pathlib import Path

from rich.console import Console, RenderableType

from oracle.units import MicroUsd
from scripts import paper
from scripts.tables import (
    dispatch_tables,
    money_table,
    paper_table,
    participants_table,
    run_tables,
    trades_table,
)
from tests.scripts.results import a_run, a_system_plan, a_trade, a_village_plan


def text_of(renderable: RenderableType | None, width: int = 140) -> str:
    assert renderable is not None
    console = Console(file=StringIO(), width=width, color_system=None)
    console.print(renderable)
    assert isinstance(console.file, StringIO)
    return console.file.getvalue()


def test_the_paper_is_compared_with_for_its_own_day_only() -> None:
    assert paper_table(a_system_plan()) is None
    assert paper_table(a_system_plan(name="paper-day")) is not None


def test_the_comparison_shows_paper_reference_ours_and_difference_and_says_synthetic() -> None:
    text = text_of(paper_table(a_system_plan(name="paper-day")))

    lines = text.splitlines()
    assert any("paper" in line and "247,476" in line and "1,067.0" in line for line in lines)
    assert any("reference case" in line and "59,313" in line for line in lines)
    assert any("2 run − paper" in line and "-17" in line for line in lines)
    assert " ".join(paper.STATEMENT.split()) in " ".join(text.split())


def test_the_prices_of_the_papers_figure_stand_beside_ours() -> None:
    text = text_of(dispatch_tables(a_system_plan(name="paper-day")))

    assert any("0.26" in line and "0.2620" in line for line in text.splitlines())


def test_a_run_shows_trades_bills_gas_with_hardfork_and_money() -> None:
    text = text_of(run_tables(a_run(a_system_plan())))

    for words in ("Trades", "with trading", "Gas per kind", "hardfork prague", "Money check"):
        assert words in text
    assert "Against the paper" not in text
    assert "nothing lost, nothing made" in text


def test_a_village_has_no_dispatch_table() -> None:
    text = text_of(run_tables(a_run(a_village_plan())))

    assert "Dispatch" not in text
    assert "Money check" in text


def test_a_long_table_says_how_many_more_there_are_and_where() -> None:
    run = a_run(a_village_plan())

    text = text_of(trades_table(run.plan.scenario, run.trades, folder=Path("out/village")))

    assert f"… and {len(run.trades) - 20:,} more: all of them in out/village/trades.csv" in text


def test_of_many_trades_the_largest_are_shown_in_the_order_of_time() -> None:
    run = a_run(a_village_plan())
    largest = a_trade(slot=3, energy=999_000)

    text = text_of(trades_table(run.plan.scenario, (*run.trades, largest), folder=None))

    rows = [line for line in text.splitlines() if "  H" in line or "999" in line]
    assert "999.000" in rows[0]


def test_money_that_does_not_add_up_is_said_loudly() -> None:
    run = a_run(a_system_plan())

    text = text_of(money_table(replace(run, money=replace(run.money, withdrawn=MicroUsd(5)))))

    assert "MONEY DOES NOT ADD UP" in text


def test_names_are_text_and_not_markup() -> None:
    run = a_run(a_village_plan("[red]A[/red]", "B"))

    trades = trades_table(run.plan.scenario, run.trades, folder=None)

    assert "[red]A[/red]" in text_of(trades)
    assert "[red]A[/red]" in text_of(participants_table(run, folder=None))


def test_tables_fit_a_terminal_of_80_columns() -> None:
    text = text_of(run_tables(a_run(a_system_plan(name="paper-day"))), width=80)

    assert "…" not in text.replace("… and", "")
