"""
Mechanisms side by side as one JSON object: what `wattline compare --json` prints.

Amounts of money are exact: energies in Wh times prices in micro-USD/MWh.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from oracle.compare.book import BookResult, GridPrices
from oracle.compare.days import DaysResult, Household
from oracle.compare.measures import PICO_USD, Measures
from oracle.domain.book import Kind, Trade
from oracle.domain.scenario import Scenario
from oracle.scenario_files.book import BookFile
from oracle.units import MicroUsd, kwh_from_wh, usd_from_micro_usd, usd_per_kwh
from scripts.compare.gas import SlotGas
from scripts.slots import slot_number
from scripts.summary import (
    PRICE_USD_PER_KWH_DIGITS,
    SECONDS_DIGITS,
    SHARE_DIGITS,
    Json,
    rounded,
)

USD_DIGITS = 12  # an amount is exact: Wh times micro-USD/MWh
PRICES_PER_USD_PER_KWH = 10**9


@dataclass(frozen=True, slots=True, kw_only=True)
class MeanPrices:
    """What buyers pay, all in, and sellers get, USD/kWh; None where there is no trade."""

    buyer: float | None
    seller: float | None

    @property
    def price(self) -> float | None:
        """The one price, where the two are the same."""
        return self.buyer if self.buyer == self.seller else None


def book_summary(
    book: BookFile, name: str, grid: GridPrices, results: Sequence[BookResult]
) -> Json:
    """Return the book and what each mechanism made of it, by the mechanism's id."""
    return {
        "book": name,
        "orders": len(book.orders),
        "offers": sum(order.kind is Kind.OFFER for order in book.orders),
        "bids": sum(order.kind is Kind.BID for order in book.orders),
        "lines": None if book.fees is None else len(book.fees),
        "rounded": book.rounded,
        "import_price": usd_per_kwh(grid.import_price),
        "export_price": usd_per_kwh(grid.export_price),
        "mechanisms": {result.mechanism: mechanism_summary(book, result) for result in results},
    }


def mechanism_summary(book: BookFile, result: BookResult) -> Json:
    """Return what one mechanism made of a book."""
    summary = _heading(result)
    if result.ignores_fees:
        summary["fees"] = "ignored"
    if result.note:
        summary["note"] = result.note
    if result.refusal:
        return summary | {"error": result.refusal}
    found, prices = result.measures, mean_prices(result)
    if one_price(result) is not None:
        summary["price"] = one_price(result)
    summary |= {"buyer_price": prices.buyer, "seller_price": prices.seller}
    if result.blended is not None:
        summary["trade_price"] = traded_prices(found).seller
    return (
        summary
        | _measured(result)
        | {"seconds": rounded(result.seconds, SECONDS_DIGITS)}
        | {"trades": [_trade(book, trade) for trade in result.trades]}
    )


def days_summary(
    scenario: Scenario, results: Sequence[DaysResult], gas: Sequence[SlotGas] = ()
) -> Json:
    """Return the scenario and what each mechanism made of its days, by the mechanism's id."""
    mechanisms = {result.mechanism: _days(result) for result in results}
    for one in gas:
        mechanisms[one.mechanism]["gas"] = {
            "slot": slot_number(one.slot),
            "orders": one.orders,
            "trades": one.trades,
            "record": one.record,
            "clear": one.clear,
            "settle": one.settle,
            "chain": one.chain,
            "hardfork": one.hardfork,
        }
    return {
        "scenario": scenario.name,
        "synthetic": scenario.synthetic,
        "note": scenario.note,
        "first_slot": scenario.first_slot.isoformat(),
        "slot_count": scenario.slot_count,
        "mechanisms": mechanisms,
    }


def saved(household: Household) -> MicroUsd:
    """Return what trading was worth against the grid alone."""
    return MicroUsd(household.grid_alone_bill - household.bill)


def all_saved(result: DaysResult) -> MicroUsd:
    return MicroUsd(sum(map(saved, result.households)))


def _days(result: DaysResult) -> Json:
    summary = _heading(result)
    if result.refusal:
        return summary | {"error": result.refusal}
    prices = traded_prices(result.measures)
    return (
        summary
        | {"buyer_price": prices.buyer, "seller_price": prices.seller}
        | _measured(result)
        | {
            "slot_welfare_share": share(result.measures.welfare, result.slot_welfare),
            "shares_of": result.reference,
            "orders": result.orders,
            "trade_count": result.trades,
            "self_consumption": _rounded_share(result.self_consumption),
            "self_sufficiency": _rounded_share(result.self_sufficiency),
            "saved_usd": usd_from_micro_usd(all_saved(result)),
            "seconds": rounded(result.seconds, SECONDS_DIGITS),
            "participants": [
                {
                    "name": one.name,
                    "bill_usd": usd_from_micro_usd(one.bill),
                    "grid_alone_bill_usd": usd_from_micro_usd(one.grid_alone_bill),
                    "saved_usd": usd_from_micro_usd(saved(one)),
                    "sold_kwh": kwh_from_wh(one.sold),
                    "bought_kwh": kwh_from_wh(one.bought),
                }
                for one in result.households
            ],
        }
    )


def _heading(result: BookResult | DaysResult) -> Json:
    return {"graph": result.graph, "rule": result.rule, "settings": dict(result.settings)}


def _measured(result: BookResult | DaysResult) -> Json:
    found = result.measures
    return {
        "volume_kwh": kwh_from_wh(found.volume),
        "welfare_usd": usd(found.welfare),
        "operator_usd": usd(found.operator),
        "buyers_surplus_usd": usd(found.buyers_surplus),
        "sellers_surplus_usd": usd(found.sellers_surplus),
        "lease_fees_usd": usd(found.lease_fees),
        "max_welfare_usd": None if result.most_welfare is None else usd(result.most_welfare),
        "max_volume_kwh": None if result.most_volume is None else kwh_from_wh(result.most_volume),
        "welfare_share": share(found.welfare, result.most_welfare),
        "volume_share": share(found.volume, result.most_volume),
        "blocking_pairs": found.blocking_pairs,
    }


def _rounded_share(value: float | None) -> float | None:
    return None if value is None else rounded(value, SHARE_DIGITS)


def one_price(result: BookResult) -> float | None:
    """Return the price of every trade, where it is one and buyers pay what sellers get."""
    if result.blended is not None:
        return mean_prices(result).price
    prices = {trade.price for trade in result.trades}
    if len(prices) != 1 or any(trade.fee or trade.surplus for trade in result.trades):
        return None
    return usd_per_kwh(prices.pop())


def mean_prices(result: BookResult) -> MeanPrices:
    """
    Return the volume-weighted means.

    Of a mechanism whose long side has the rest from the grid, those of all that was wanted and
    offered, with what the grid charges and pays for the rest.
    """
    if result.blended is not None:
        return MeanPrices(
            buyer=usd_per_kwh(result.blended.buyer), seller=usd_per_kwh(result.blended.seller)
        )
    return traded_prices(result.measures)


def traded_prices(found: Measures) -> MeanPrices:
    return MeanPrices(
        buyer=mean_price(found.paid, found.volume), seller=mean_price(found.received, found.volume)
    )


def mean_price(amount: int, volume: int) -> float | None:
    """Return an amount in pico-USD per energy in Wh, in USD/kWh."""
    if volume == 0:
        return None
    return rounded(amount / (volume * PRICES_PER_USD_PER_KWH), PRICE_USD_PER_KWH_DIGITS)


def usd(amount: int) -> float:
    """Return an amount in pico-USD."""
    return round(amount / PICO_USD, USD_DIGITS)


def share(part: int, whole: int | None) -> float | None:
    """Return a share; None of nothing, or where there is no whole."""
    return rounded(part / whole, SHARE_DIGITS) if whole else None


def _trade(book: BookFile, trade: Trade) -> Json:
    return {
        "seller": book.names[trade.offer],
        "buyer": book.names[trade.bid],
        "energy_kwh": kwh_from_wh(trade.energy),
        "price": usd_per_kwh(trade.price),
        "fee": usd_per_kwh(trade.fee),
        "surplus": usd_per_kwh(trade.surplus),
    }
