"""Mechanisms side by side as tables for the terminal: what was traded, and who gains by it."""

from collections.abc import Sequence
from pathlib import Path

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from oracle.compare.book import BookResult, GridPrices
from oracle.compare.days import DaysResult
from oracle.domain.community import COMMUNITY, FULL, HYBRID, TradeGraph
from oracle.domain.scenario import Scenario
from oracle.scenario_files.book import BookFile
from oracle.units import kwh_from_wh, usd_from_micro_usd, usd_per_kwh
from scripts.compare.gas import SlotGas
from scripts.compare.summary import all_saved, mean_prices, saved, share, traded_prices, usd
from scripts.numbers import number, signed
from scripts.slots import slot_number
from scripts.tables import DASH, text_table

GAINS = ["mechanism", "buyers", "sellers", "operator", "lease\nfees", "blocking\npairs"]
PERCENT_DIGITS = 1
WIDEST, WIDEST_PRICE = 8, 7  # characters of a number, so that rows fit 80 columns
GRAPHS: dict[TradeGraph, str] = {COMMUNITY: "pool", FULL: "lines", HYBRID: "both"}


def book_tables(
    book: BookFile,
    grid: GridPrices,
    results: Sequence[BookResult],
    folder: Path | None = None,
) -> Group:
    """Return what `wattline compare --book` shows."""
    routes = "one free pool" if book.fees is None else f"{len(book.fees):,} lines"
    grids = (
        f"where a mechanism asks, the grid charges {usd_per_kwh(grid.import_price):g} and pays "
        f"{usd_per_kwh(grid.export_price):g} $/kWh"
    )
    gains = text_table("Who gains, $", [*GAINS, "s"])
    for result in results:
        if not result.refusal:
            gains.add_row(result.mechanism, *_gain_cells(result), f"{result.seconds:.3f}")
    return Group(
        Text(f"{len(book.orders):,} orders, {routes}", style="bold"),
        Text(grids, style="dim"),
        _volume_table(results),
        *_ignoring(results),
        *(Text(f"{r.mechanism}: {r.note}", style="dim") for r in results if r.note),
        _whole(gains),
        *_page(folder),
        *_refusals(results),
    )


def days_tables(
    scenario: Scenario,
    results: Sequence[DaysResult],
    gas: Sequence[SlotGas] = (),
    folder: Path | None = None,
) -> Group:
    """Return what `wattline compare` shows of a scenario."""
    gains = text_table("Who gains, $", GAINS)
    bills = text_table(
        "Against the grid alone; shares in %",
        ["mechanism", "saved $", "worse\noff", "self-con-\nsumption", "self-suf-\nficiency", "s"],
    )
    for result in results:
        if result.refusal:
            continue
        gains.add_row(result.mechanism, *_gain_cells(result))
        worse = sum(saved(one) < 0 for one in result.households)
        bills.add_row(
            result.mechanism,
            signed(usd_from_micro_usd(all_saved(result)), 2),
            f"{worse} of {len(result.households)}",
            _percent(result.self_consumption),
            _percent(result.self_sufficiency),
            f"{result.seconds:.1f}",
        )
    heading = [Text(f"{scenario.name}, {scenario.slot_count} slots", style="bold")]
    if scenario.note:
        heading.append(Text(scenario.note, style="italic"))
    references = sorted(
        {(result.graph, result.reference) for result in results if result.reference}
    )
    whose = " or ".join(f"{name} ({GRAPHS[graph]})" for graph, name in references)
    most = Text(
        f"% of best: of what {whose} makes of the days with truthful prices; with batteries "
        "another may come to a little more",
        style="dim",
    )
    volume = _volume_table(results, "% of\nbest")
    parts: list[RenderableType] = [*heading, volume, most, _whole(gains), _whole(bills)]
    if gas:
        parts.append(_gas_table(gas))
    return Group(*parts, *_page(folder), *_refusals(results))


def _gas_table(gas: Sequence[SlotGas]) -> Group:
    table = text_table(
        "Gas of the busiest slot",
        ["mechanism", "slot", "orders", "trades", "record", "clear", "settle"],
    )
    for one in gas:
        counts = (slot_number(one.slot), one.orders, one.trades, one.record, one.clear, one.settle)
        table.add_row(one.mechanism, *(f"{count:,}" for count in counts))
    where = f"chain {gas[0].chain}, hardfork {gas[0].hardfork}"
    return Group(_whole(table), Text(where, style="dim"))


def _volume_table(
    results: Sequence[BookResult] | Sequence[DaysResult], share_heading: str = "% of\nmost"
) -> Table:
    table = text_table(
        "Prices in $/kWh, with fees and surplus; volume; welfare",
        [
            "mechanism",
            "graph",
            "buyers\npay",
            "sellers\nget",
            "kWh",
            share_heading,
            "$",
            share_heading,
        ],
        left=2,
    )
    for result in results:
        if result.refusal:
            continue
        found = result.measures
        prices = mean_prices(result) if isinstance(result, BookResult) else traded_prices(found)
        table.add_row(
            result.mechanism,
            GRAPHS[result.graph],
            _price(prices.buyer),
            _price(prices.seller),
            _fitting(kwh_from_wh(found.volume), 1),
            _percent(share(found.volume, result.most_volume)),
            _money(found.welfare),
            _percent(share(found.welfare, result.most_welfare)),
        )
    return _whole(table)


def _whole(table: Table) -> Table:
    """Return a table whose numbers are never broken in two."""
    for column in table.columns:
        column.no_wrap = True
    return table


def _ignoring(results: Sequence[BookResult]) -> list[Text]:
    names = [result.mechanism for result in results if result.ignores_fees and not result.refusal]
    words = "without lines and fees, in one free pool: " + ", ".join(names)
    return [Text(words, style="dim")] if names else []


def _gain_cells(result: BookResult | DaysResult) -> list[str]:
    found = result.measures
    amounts = (found.buyers_surplus, found.sellers_surplus, found.operator, found.lease_fees)
    return [*map(_money, amounts), f"{found.blocking_pairs:,}"]


def _page(folder: Path | None) -> list[Text]:
    return [] if folder is None else [Text(f"page: {folder / 'compare.html'}", overflow="fold")]


def _refusals(results: Sequence[BookResult] | Sequence[DaysResult]) -> list[Text]:
    return [
        Text(f"{result.mechanism}: {result.refusal}", style="red")
        for result in results
        if result.refusal
    ]


def _price(price: float | None) -> str:
    return DASH if price is None else _fitting(price, 4, WIDEST_PRICE)


def _money(amount: int) -> str:
    return _fitting(usd(amount), 2)


def _fitting(value: float, digits: int, widest: int = WIDEST) -> str:
    """Return a number with fewer digits where it would be too wide, at last as 1.2e+09."""
    texts = [number(value, fewer) for fewer in range(digits, -1, -1)]
    powers = [f"{value:.{fewer}e}" for fewer in (2, 1)]
    return next((text for text in (*texts, *powers) if len(text) <= widest), f"{value:.0e}")


def _percent(part: float | None) -> str:
    return DASH if part is None else number(100 * part, PERCENT_DIGITS)
