"""
The order book of each slot as the steps of supply and demand.

Offers are sorted by rising price, bids by falling limit on price + fee. Lines are sparse and have
fees, so the energy traded need not end where the steps cross; it is drawn as a band of its own.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from oracle.domain.results import OrderRecord, TradeRecord
from oracle.domain.scenario import Scenario
from oracle.units import Wh, kwh_from_wh, usd_per_kwh
from scripts.numbers import counted
from scripts.report.axis import Axis, Tick, number, round_axis
from scripts.report.chart import HEIGHT, WIDTH
from scripts.report.svg import markup, node, short
from scripts.slots import slot_number, slot_time


@dataclass(frozen=True, slots=True, kw_only=True)
class SlotBook:
    """The picture of one slot's book with its axes and its sentence."""

    slot: int  # index in the scenario, from 0
    sentence: str
    picture: Markup
    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]


def order_books(
    scenario: Scenario, orders: Sequence[OrderRecord], trades: Sequence[TradeRecord]
) -> tuple[SlotBook, ...]:
    """Return the books of all slots that had orders, all with one axis of prices."""
    by_slot: dict[int, list[OrderRecord]] = {}
    for order in orders:
        by_slot.setdefault(order.slot, []).append(order)
    traded: dict[int, list[TradeRecord]] = {}
    for trade in trades:
        traded.setdefault(trade.slot, []).append(trade)
    if not by_slot:
        return ()
    highest = max(usd_per_kwh(order.limit_price) for order in orders)
    prices = round_axis(0.0, 1.02 * highest, intervals=5)  # room above the highest step
    return tuple(
        _slot_book(scenario, slot, by_slot[slot], traded.get(slot, []), prices)
        for slot in sorted(by_slot)
    )


def busiest_slot(trades: Sequence[TradeRecord], orders: Sequence[OrderRecord]) -> int:
    """Return the slot with the most energy traded, else offered: the first one to look at."""
    energy: dict[int, int] = {}
    for record in trades or orders:
        energy[record.slot] = energy.get(record.slot, 0) + record.energy
    return max(energy, key=lambda slot: (energy[slot], -slot)) if energy else 0


def _slot_book(
    scenario: Scenario,
    slot: int,
    orders: Sequence[OrderRecord],
    trades: Sequence[TradeRecord],
    prices: Axis,
) -> SlotBook:
    offers = sorted((o for o in orders if o.side == "offer"), key=lambda o: o.limit_price)
    bids = sorted((o for o in orders if o.side == "bid"), key=lambda o: -o.limit_price)
    offered, bid, sold = (_kwh(some) for some in (offers, bids, trades))
    energies = round_axis(0.0, max(offered, bid))
    sentence = (
        f"Slot {slot_number(slot)}, {slot_time(scenario, slot)}: {counted(len(offers), 'offer')} of"
        f" {number(offered, 3)} kWh, {counted(len(bids), 'bid')} for {number(bid, 3)} kWh,"
        f" {number(sold, 3)} kWh traded in {counted(len(trades), 'trade')}."
    )
    picture = node(
        "svg",
        {
            "viewBox": f"0 0 {WIDTH:.0f} {HEIGHT:.0f}",
            "preserveAspectRatio": "none",
            "role": "img",
            "aria-label": sentence,
        },
    )
    if sold:
        edge = short(WIDTH * energies.share(sold))
        picture.append(node("path", {"d": f"M0 0H{edge}V{HEIGHT:.0f}H0Z", "class": "area traded"}))
    for some, style in ((offers, "offers"), (bids, "bids")):
        if some:
            picture.append(
                node("path", {"d": _steps(some, energies, prices), "class": f"line {style}"})
            )
    return SlotBook(
        slot=slot,
        sentence=sentence,
        picture=markup(picture),
        x_ticks=energies.ticks(),
        y_ticks=prices.ticks(),
    )


def _kwh(records: Sequence[OrderRecord] | Sequence[TradeRecord]) -> float:
    return kwh_from_wh(Wh(sum(record.energy for record in records)))


def _steps(orders: Sequence[OrderRecord], energies: Axis, prices: Axis) -> str:
    path = "M0 "
    energy = 0.0
    for place, order in enumerate(orders):
        energy += kwh_from_wh(order.energy)
        height = short(HEIGHT * (1 - prices.share(usd_per_kwh(order.limit_price))))
        path += f"{'V' if place else ''}{height}H{short(WIDTH * energies.share(energy))}"
    return path
