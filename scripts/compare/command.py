"""`wattline compare`: market mechanisms side by side, on one book or on a scenario's days."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.console import RenderableType

from oracle.compare.book import BookComparison, grid_prices
from oracle.compare.days import DaysComparison
from oracle.compare.rules import Rule
from oracle.domain.scenario import Scenario
from oracle.errors import InvalidInputError
from oracle.market.average_rounds import STEP, AverageRounds
from oracle.market.matching import Matching
from oracle.market.mcafee import UNIT, McAfee
from oracle.scenario import load_scenario
from oracle.scenario_files.book import read_book
from oracle.scenario_files.limits import MAX_PRICE_USD_PER_KWH
from oracle.units import (
    MicroUsdPerMwh,
    kwh_from_wh,
    micro_usd_per_mwh_from_usd_per_kwh,
    usd_per_kwh,
)
from scripts.compare.files import write_book_comparison, write_comparison
from scripts.compare.gas import SlotGas, slot_gas
from scripts.compare.options import (
    Settings,
    chosen_rules,
    chosen_settings,
    require_within,
    with_default,
)
from scripts.compare.summary import book_summary, days_summary
from scripts.compare.tables import book_tables, days_tables
from scripts.console import errors_in_one_line, out, progress_bars
from scripts.numbers import counted
from scripts.summary import Json, json_text

STEPS = 8  # of average-rounds between the grid's prices, where no --step is given


def compare(
    scenario: Annotated[
        Path | None, typer.Argument(help="Folder of the scenario, unless --book is given.")
    ] = None,
    book: Annotated[
        Path | None,
        typer.Option(
            help="A book instead of a scenario: CSV with side (offer or bid), participant,"
            " energy_kwh, price_usd_per_kwh; rows in the order in which they came. A participant"
            " may have several orders; an offer and a bid of one name meet as any two. Numbers are"
            " rounded to the Wh and 1e-9 USD/kWh; negative prices are refused."
        ),
    ] = None,
    fees: Annotated[
        Path | None,
        typer.Option(
            help="Lease fees of the book's lines: CSV with seller, buyer, fee_usd_per_kwh; a pair"
            " without a row has no line. Without this file all orders meet in one free pool; with"
            " it still those of mechanisms that know pools only, which ignore lines and fees."
        ),
    ] = None,
    mechanisms: Annotated[
        str | None,
        typer.Option(help="Ids with commas between; all where not given.", metavar="A,B,…"),
    ] = None,
    days: Annotated[
        int | None, typer.Option(help="Only the first days of the scenario.", min=1)
    ] = None,
    import_price: Annotated[
        float | None,
        typer.Option(
            help="What the grid charges for a book's energy, USD/kWh; the book's highest price"
            " where not given. For mechanisms that use it.",
        ),
    ] = None,
    export_price: Annotated[
        float | None,
        typer.Option(help="What the grid pays; the book's lowest price where not given."),
    ] = None,
    unit_kwh: Annotated[
        float | None,
        typer.Option(help="Energy of a unit of mcafee; the smallest of the book where not given."),
    ] = None,
    step: Annotated[
        float | None,
        typer.Option(
            help="Step of average-rounds, USD/kWh; of a book an eighth of import less export price"
            " where not given.",
        ),
    ] = None,
    chosen: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            help="Another setting of a mechanism, as often as wanted.",
            metavar="MECHANISM.KEY=VALUE",
        ),
    ] = None,
    gas: Annotated[
        bool,
        typer.Option(
            "--gas", help="Also record, clear and settle each mechanism's busiest slot on a chain."
        ),
    ] = False,
    out_dir: Annotated[
        Path | None,
        typer.Option(
            "--out",
            help="Where to write compare.csv, compare.json, compare.html and, of a scenario,"
            " compare_participants.csv, of a book compare_trades.csv.",
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """
    Clear one book, or every slot of SCENARIO, under several mechanisms, and compare.

    Welfare is what traded energy is worth to its buyers, less what it costs its sellers, less lease
    fees. Shares of a book are of the most that its routes allow, those of days of what uniform, or
    matching over lines, makes of them. VCG is a benchmark with a deficit.

    Example: wattline compare scenarios/village --days 1 --mechanisms uniform,matching

    Example: wattline compare --book book.csv --fees fees.csv --json
    """
    with errors_in_one_line():
        for option, price in (("--import-price", import_price), ("--export-price", export_price)):
            require_within(option, price, 0.0, MAX_PRICE_USD_PER_KWH)
        require_within("--unit-kwh", unit_kwh, UNIT.low, UNIT.high)
        require_within("--step", step, STEP.low, STEP.high)
        settings = chosen_settings(chosen or ())
        if unit_kwh is not None:
            settings = with_default(settings, McAfee.name, UNIT.key, unit_kwh)
        if step is not None:
            settings = with_default(settings, AverageRounds.name, STEP.key, step)
        rules = chosen_rules(mechanisms)
        if book is not None and scenario is None:
            _refuse({"--days": days, "--gas": gas or None}, "--book")
            prices = (_price(import_price), _price(export_price))
            found, tables = _compare_book(book, fees, prices, settings, rules, out_dir)
        elif scenario is not None and book is None:
            grid = {"--import-price": import_price, "--export-price": export_price}
            _refuse({"--fees": fees, **grid}, "a scenario")
            found, tables = _compare_days(
                load_scenario(scenario, days), settings, rules, out_dir, with_gas=gas
            )
        else:
            raise InvalidInputError("expected either the folder of a scenario or --book")

    if as_json:
        typer.echo(json_text(found))
    else:
        out.print(tables)


def _compare_book(
    path: Path,
    fees: Path | None,
    prices: tuple[MicroUsdPerMwh | None, MicroUsdPerMwh | None],
    settings: Settings,
    rules: Sequence[type[Rule]],
    folder: Path | None,
) -> tuple[Json, RenderableType]:
    book = read_book(path, fees)
    _require_writable(folder)
    grid = grid_prices(book, *prices)
    if book.orders:
        smallest = min(order.energy for order in book.orders)
        settings = with_default(settings, McAfee.name, UNIT.key, kwh_from_wh(smallest))
    step = (grid.import_price - grid.export_price) // STEPS
    settings = with_default(
        settings, AverageRounds.name, STEP.key, usd_per_kwh(MicroUsdPerMwh(max(1, step)))
    )
    comparison = BookComparison(book, grid, settings, Matching)
    results = []
    with progress_bars(path.name) as report:
        for done, rule in enumerate(rules):
            report("mechanisms", done, len(rules))
            results.append(comparison.result(rule))
        report("mechanisms", len(rules), len(rules))
    if book.rounded:
        said = counted(book.rounded, "number")
        typer.echo(f"{path.name}: {said} rounded to the nearest Wh or 1e-9 USD/kWh", err=True)
    if folder is not None:
        write_book_comparison(book, path.name, grid, results, folder)
    found = book_summary(book, path.name, grid, results)
    return found, book_tables(book, grid, results, folder)


def _compare_days(
    scenario: Scenario,
    settings: Settings,
    rules: Sequence[type[Rule]],
    folder: Path | None,
    *,
    with_gas: bool,
) -> tuple[Json, RenderableType]:
    if scenario.community is None:
        raise InvalidInputError(f"{scenario.name}: expected a scenario with prosumers")
    _require_writable(folder)
    with progress_bars(scenario.name) as report:
        comparison = DaysComparison(scenario.community, settings, Matching, report)
        results = [comparison.result(rule) for rule in rules]
    used: list[SlotGas] = []
    for result in results if with_gas else ():
        with progress_bars(f"{scenario.name}, {result.mechanism}") as report:
            one = slot_gas(scenario, result, report)
        used += [] if one is None else [one]
    if folder is not None:
        write_comparison(scenario, results, used, folder)
    return days_summary(scenario, results, used), days_tables(scenario, results, used, folder)


def _require_writable(folder: Path | None) -> None:
    """Make the folder of --out where it is missing."""
    if folder is None:
        return
    folder.mkdir(parents=True, exist_ok=True)
    if not os.access(folder, os.W_OK):
        raise InvalidInputError(f"--out {folder}: expected a folder that can be written to")


def _refuse(options: Mapping[str, object], beside: str) -> None:
    for name, value in options.items():
        if value is not None:
            raise InvalidInputError(f"{name}: expected no such option beside {beside}")


def _price(price: float | None) -> MicroUsdPerMwh | None:
    return None if price is None else micro_usd_per_mwh_from_usd_per_kwh(price)
