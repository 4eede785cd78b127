"""
What trading was worth to an account against the grid alone, over settled slots.

    cost = paid − received − compensation
    grid alone = Σ bought · real-time price − Σ sold · export price

Energy is what was delivered. Each slot's amounts with the grid are rounded as the contract rounds:
what is paid up, what is received down.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import and_, func, select

from backend.accounts.schemas import BillRead
from backend.index.tables import (
    AccountEntry,
    Delivery,
    Participant,
    RealTimePrice,
    Settlement,
    Trade,
)
from backend.index_view import View
from oracle.units import MicroUsdPerMwh, Wh, amount_down, amount_up

PAID = ("purchase", "lease-fee", "surplus")
RECEIVED = ("sale",)
COMPENSATION = ("compensation", "slash")
NOT_OF_TRADES = ("deposit", "withdrawal", "lock", "release", "seal", "seal-release")


@dataclass(frozen=True, slots=True, kw_only=True)
class Energies:
    """What an account bought and sold by slot, as delivered."""

    bought: Mapping[int, int]
    sold: Mapping[int, int]


def bill(
    view: View, owner: str, first: int, last: int | None, export_price: int | None
) -> BillRead:
    """Return the bill of an owner's settled slots from `first` to `last`."""
    latest = view.session.scalar(select(func.max(Settlement.slot)))
    last = (latest or first) if last is None else last
    energies = _energies(view, owner, first, last)
    moved = _moved(view, owner, first, last)
    paid = -sum(amount for cause, amount in moved.items() if cause in PAID and amount < 0)
    received = sum(moved.get(cause, 0) for cause in RECEIVED)
    compensation = sum(moved.get(cause, 0) for cause in COMPENSATION)
    other = sum(
        amount
        for cause, amount in moved.items()
        if cause not in (*RECEIVED, *COMPENSATION) and not (cause in PAID and amount < 0)
    )
    cost = paid - received - compensation
    alone = _grid_alone(view, energies, export_price)
    return BillRead(
        owner=owner,
        from_slot=first,
        to_slot=last,
        slots=len(energies.bought.keys() | energies.sold.keys()),
        bought_wh=sum(energies.bought.values()),
        sold_wh=sum(energies.sold.values()),
        paid_micro_usd=paid,
        received_micro_usd=received,
        compensation_micro_usd=compensation,
        other_micro_usd=other,
        cost_micro_usd=cost,
        export_price_micro_usd_per_mwh=export_price,
        grid_alone_micro_usd=alone,
        saved_micro_usd=None if alone is None else alone - cost,
    )


def _energies(view: View, owner: str, first: int, last: int) -> Energies:
    number = view.session.scalar(select(Participant.number).where(Participant.owner == owner))
    same = and_(Delivery.slot == Trade.slot, Delivery.position == Trade.position)

    def delivered(side: str) -> dict[int, int]:
        rows = view.session.execute(
            select(Trade.slot, func.sum(Delivery.delivered_wh))
            .join(Delivery, same)
            .where(getattr(Trade, side) == number, Trade.slot.between(first, last))
            .group_by(Trade.slot)
        )
        return {slot: int(energy) for slot, energy in rows}

    if number is None:
        return Energies(bought={}, sold={})
    return Energies(bought=delivered("buyer"), sold=delivered("seller"))


def _moved(view: View, owner: str, first: int, last: int) -> dict[str, int]:
    """Return what moved by cause: money that came less money that went, free or locked."""
    moved = func.sum(AccountEntry.free_micro_usd + AccountEntry.locked_micro_usd)
    rows = view.session.execute(
        select(AccountEntry.cause, moved)
        .where(
            AccountEntry.owner == owner,
            AccountEntry.slot.between(first, last),
            AccountEntry.cause.not_in(NOT_OF_TRADES),
        )
        .group_by(AccountEntry.cause)
    )
    return {cause: int(amount) for cause, amount in rows}


def _grid_alone(view: View, energies: Energies, export_price: int | None) -> int | None:
    if energies.sold and export_price is None:
        return None
    prices = _real_time_prices(view, energies.bought)
    paid = sum(
        amount_up(Wh(energy), MicroUsdPerMwh(prices[slot]))
        for slot, energy in energies.bought.items()
    )
    received = sum(
        amount_down(Wh(energy), MicroUsdPerMwh(export_price or 0))
        for energy in energies.sold.values()
    )
    return paid - received


def _real_time_prices(view: View, slots: Mapping[int, int]) -> dict[int, int]:
    """Return the price in force in each of some slots."""
    if not slots:
        return {}
    announced = view.session.execute(
        select(RealTimePrice.since_slot, RealTimePrice.price_micro_usd_per_mwh)
        .where(RealTimePrice.since_slot <= max(slots))
        .order_by(RealTimePrice.since_slot, RealTimePrice.block, RealTimePrice.log_index)
    ).all()
    prices, place, price = {}, 0, 0
    for slot in sorted(slots):
        while place < len(announced) and announced[place].since_slot <= slot:
            price = announced[place].price_micro_usd_per_mwh
            place += 1
        prices[slot] = price
    return prices
