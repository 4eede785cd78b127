"""The files of a comparison: tidy tables, compare.json, and the page compare.html."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from oracle.compare.book import BookResult, GridPrices
from oracle.compare.days import DaysResult
from oracle.domain.scenario import Scenario
from oracle.scenario_files.book import BookFile
from oracle.units import kwh_from_wh, usd_from_micro_usd
from scripts.compare.gas import SlotGas
from scripts.compare.page import book_html, compare_html
from scripts.compare.summary import book_summary, days_summary, saved
from scripts.files import Row, write_csv
from scripts.summary import Json, json_text

MEASURES = (
    "graph",
    "buyer_price",
    "seller_price",
    "volume_kwh",
    "volume_share",
    "welfare_usd",
    "welfare_share",
    "slot_welfare_share",
    "buyers_surplus_usd",
    "sellers_surplus_usd",
    "operator_usd",
    "lease_fees_usd",
    "self_consumption",
    "self_sufficiency",
    "saved_usd",
    "blocking_pairs",
    "orders",
    "trade_count",
    "seconds",
)
BOOK_MEASURES = (
    "graph",
    "price",
    "buyer_price",
    "seller_price",
    "volume_kwh",
    "volume_share",
    "welfare_usd",
    "welfare_share",
    "buyers_surplus_usd",
    "sellers_surplus_usd",
    "operator_usd",
    "lease_fees_usd",
    "blocking_pairs",
    "seconds",
)
UNITS = {name: f"{name}_usd_per_kwh" for name in ("price", "buyer_price", "seller_price")}
GAS = ("record_gas", "clear_gas", "settle_gas")
PARTICIPANTS = (
    "mechanism",
    "participant",
    "bill_usd",
    "grid_alone_bill_usd",
    "saved_usd",
    "sold_kwh",
    "bought_kwh",
)
TRADES = (
    "mechanism",
    "seller",
    "buyer",
    "energy_kwh",
    "price_usd_per_kwh",
    "lease_fee_usd_per_kwh",
    "surplus_usd_per_kwh",
)


def write_comparison(
    scenario: Scenario, results: Sequence[DaysResult], gas: Sequence[SlotGas], folder: Path
) -> None:
    """Write every file into `folder`, beside those of a run; it exists."""
    summary = days_summary(scenario, results, gas)
    _write(summary, compare_html(scenario, results, gas), folder)
    columns = ("mechanism", *_columns(MEASURES), *(GAS if gas else ()))
    rows = [
        (name, *(found.get(key) for key in MEASURES), *_gas(found, bool(gas)))
        for name, found in summary["mechanisms"].items()
        if "error" not in found
    ]
    write_csv(folder / "compare.csv", columns, rows)
    write_csv(folder / "compare_participants.csv", PARTICIPANTS, _participants(results))


def write_book_comparison(
    book: BookFile, name: str, grid: GridPrices, results: Sequence[BookResult], folder: Path
) -> None:
    """Write every file of a book's comparison into `folder`; it exists."""
    summary = book_summary(book, name, grid, results)
    _write(summary, book_html(book, name, results), folder)
    cleared = {
        mechanism: found
        for mechanism, found in summary["mechanisms"].items()
        if "error" not in found
    }
    columns = ("mechanism", *_columns(BOOK_MEASURES), "trade_count")
    rows = [
        (mechanism, *(found.get(key) for key in BOOK_MEASURES), len(found["trades"]))
        for mechanism, found in cleared.items()
    ]
    write_csv(folder / "compare.csv", columns, rows)
    trades = [
        (mechanism, *trade.values())
        for mechanism, found in cleared.items()
        for trade in found["trades"]
    ]
    write_csv(folder / "compare_trades.csv", TRADES, trades)


def _write(summary: Json, page: str, folder: Path) -> None:
    (folder / "compare.json").write_text(json_text(summary) + "\n", encoding="utf-8")
    (folder / "compare.html").write_text(page, encoding="utf-8")


def _columns(measures: Iterable[str]) -> tuple[str, ...]:
    return tuple(UNITS.get(name, name) for name in measures)


def _gas(found: dict[str, dict[str, int]], is_wanted: bool) -> tuple[int | None, ...]:
    used = found.get("gas", {})
    stages = (used.get("record"), used.get("clear"), used.get("settle"))
    return stages if is_wanted else ()


def _participants(results: Sequence[DaysResult]) -> Iterable[Row]:
    for result in results:
        for one in result.households:
            yield (
                result.mechanism,
                one.name,
                usd_from_micro_usd(one.bill),
                usd_from_micro_usd(one.grid_alone_bill),
                usd_from_micro_usd(saved(one)),
                kwh_from_wh(one.sold),
                kwh_from_wh(one.bought),
            )
