"""How accounts move by the events of a market, with the formulas of `oracle.model`."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from backend.chain import MarketRules
from oracle.domain.book import Order
from oracle.model.settlement import Sale, forfeit_shares
from oracle.units import MicroUsd


class Cause(StrEnum):
    """Why an account moved; of two sides of a payment both have the same."""

    DEPOSIT = "deposit"
    WITHDRAWAL = "withdrawal"
    LOCK = "lock"  # of an order, until its slot is settled or void
    RELEASE = "release"
    SEAL = "seal"  # the bond of a sealed order, until it is opened
    SEAL_RELEASE = "seal-release"
    FORFEIT = "forfeit"  # of a bond whose order was not opened
    FORFEIT_SHARE = "forfeit-share"
    SALE = "sale"
    PURCHASE = "purchase"
    LEASE_FEE = "lease-fee"
    SURPLUS = "surplus"
    COMPENSATION = "compensation"  # for energy that was sold and did not come
    SLASH = "slash"  # the same where the meter had overstated
    STORAGE_COMPENSATION = "storage-compensation"


@dataclass(frozen=True, slots=True, kw_only=True)
class Movement:
    """A change of an account's free and locked money, in micro-USD."""

    owner: str
    cause: Cause
    free: int = 0
    locked: int = 0


def moved(owner: str, cause: Cause, amount: int) -> Movement:
    return Movement(owner=owner, cause=cause, free=amount)


def locked(owner: str, cause: Cause, amount: int) -> Movement:
    """Return a movement from free to locked money; back where the amount is negative."""
    return Movement(owner=owner, cause=cause, free=-amount, locked=amount)


def released(
    book: Sequence[Order],
    owners: Mapping[int, str],
    sealed: Iterable[str],
    line_owner: str,
    rules: MarketRules,
) -> list[Movement]:
    """
    Return what the end of a slot releases, and how it shares the bonds of seals not opened.

    `owners` are by participant, `sealed` are the owners of those seals.
    """
    movements = [
        locked(owners[order.participant], Cause.RELEASE, -order.lock(rules.bond_price))
        for order in book
    ]
    forfeits = [
        Movement(owner=owner, cause=Cause.FORFEIT, locked=-rules.seal_bond) for owner in sealed
    ]
    pot = MicroUsd(len(forfeits) * rules.seal_bond)
    parts = forfeit_shares(pot, len(book))
    if not book:
        movements.append(moved(line_owner, Cause.FORFEIT_SHARE, pot))
    for order, part in zip(book, parts, strict=True):
        movements.append(moved(owners[order.participant], Cause.FORFEIT_SHARE, part))
    return movements + forfeits


def paid(
    sales: Iterable[Sale],
    book: Sequence[Order],
    owners: Mapping[int, str],
    *,
    line_owner: str,
    operator: str,
) -> list[Movement]:
    """Return what the sales of a slot move, summed by owner and cause."""
    sums: dict[tuple[str, Cause], int] = {}

    def pay(payer: str, payee: str, causes: tuple[Cause, Cause], amount: int) -> None:
        for owner, cause, change in ((payer, causes[0], -amount), (payee, causes[1], amount)):
            sums[owner, cause] = sums.get((owner, cause), 0) + change

    for sale in sales:
        seller = owners[book[sale.offer].participant]
        missed = Cause.SLASH if sale.is_slashed else Cause.COMPENSATION
        for trade, money in zip(sale.trades, sale.payments, strict=True):
            buyer = owners[book[trade.bid].participant]
            pay(buyer, seller, (Cause.PURCHASE, Cause.SALE), money.goods)
            pay(buyer, line_owner, (Cause.LEASE_FEE, Cause.LEASE_FEE), money.fee)
            pay(buyer, operator, (Cause.SURPLUS, Cause.SURPLUS), money.surplus)
            pay(seller, buyer, (missed, missed), money.compensation)
    return [moved(owner, cause, amount) for (owner, cause), amount in sums.items()]
