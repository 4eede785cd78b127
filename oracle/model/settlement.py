"""
What is known of a delivery, who gets what of a partial one, and the money of a trade.

Reference of contracts/exchange/Delivery.sol, contracts/libraries/ShareLib.sol and
contracts/exchange/Settlement.sol. All of it is ours and in integers.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from oracle.domain.book import CONTRADICTION, COUNTER_READING, MARKS, MAX_ENERGY, Order, Trade
from oracle.units import MicroUsd, MicroUsdPerMwh, Wh, amount_down


@dataclass(frozen=True, slots=True, kw_only=True)
class Payment:
    """The money of one trade; the remainder below a micro-USD stays with who pays."""

    goods: MicroUsd  # buyer to seller
    fee: MicroUsd  # buyer to line owner
    surplus: MicroUsd  # buyer to system operator
    compensation: MicroUsd  # seller to buyer


@dataclass(frozen=True, slots=True, kw_only=True)
class Sale:
    """What became of an offer: its trades with what was delivered, and their money."""

    offer: int
    trades: tuple[Trade, ...]
    payments: tuple[Payment, ...]
    is_slashed: bool


def shares(energies: Sequence[Wh], delivered: Wh) -> list[Wh]:
    """
    Divide what a seller delivered among its trades by largest remainder.

    The Wh left over by rounding down go to the largest remainders, the earlier trade first among
    equals. A delivery of all that was sold, or more, fills every trade.
    """
    sold = sum(energies)
    if delivered >= sold:
        return list(energies)
    parts = [energy * delivered // sold for energy in energies]
    by_remainder = sorted(range(len(parts)), key=lambda k: -(energies[k] * delivered % sold))
    for k in by_remainder[: delivered - sum(parts)]:
        parts[k] += 1
    return [Wh(part) for part in parts]


def deliveries(trades: Sequence[Trade], delivered_of_offer: dict[int, Wh]) -> list[Trade]:
    """Return the trades with what was delivered of each; a missing seller delivered nothing."""
    result: list[Trade] = []
    for offer in sorted({trade.offer for trade in trades}):
        own = [trade for trade in trades if trade.offer == offer]
        parts = shares([trade.energy for trade in own], delivered_of_offer.get(offer, Wh(0)))
        result += [trade.with_delivered(part) for trade, part in zip(own, parts, strict=True)]
    return result


@dataclass(slots=True)
class Statement:
    """What is known of a participant's delivery."""

    energy: Wh | None = None
    contradicted: bool = False
    corrected: bool = False
    overstated: bool = False  # the meter had said more than the grid operator

    def amend(self, entry: int) -> None:
        energy = Wh(entry & MAX_ENERGY)
        if entry & CONTRADICTION:
            self.contradicted = True
        elif entry & COUNTER_READING:
            self.overstated = self.energy is not None and self.energy > energy
            self.energy, self.corrected, self.contradicted = energy, True, False
        elif self.energy is None:
            self.energy = energy

    @property
    def final(self) -> Wh | None:
        """The energy that counts; None where nobody has spoken."""
        return Wh(0) if self.contradicted and not self.corrected else self.energy


def statements_of(entries: Iterable[int]) -> dict[int, Statement]:
    """Return what is known by participant, from the entries of a slot's readings in their order."""
    statements: dict[int, Statement] = {}
    for entry in entries:
        statements.setdefault((entry & ~MARKS) >> 32, Statement()).amend(entry)
    return statements


def overstated(entries: Iterable[int]) -> frozenset[int]:
    """Return whose meter had said more than the grid operator, by a slot's entries of readings."""
    return frozenset(n for n, one in statements_of(entries).items() if one.overstated)


def payment(
    trade: Trade,
    compensation_price: MicroUsdPerMwh,
    *,
    slash_price: MicroUsdPerMwh | None = None,
) -> Payment:
    """
    Return the money of a delivered trade.

    `slash_price` is the bond's, if the seller's meter was found to overstate: it then compensates
    all that it sold, not only what did not come.
    """
    missing = Wh(trade.energy - trade.delivered)
    return Payment(
        goods=amount_down(trade.delivered, trade.price),
        fee=amount_down(trade.delivered, trade.fee),
        surplus=amount_down(trade.delivered, trade.surplus),
        compensation=amount_down(missing, compensation_price)
        if slash_price is None
        else amount_down(trade.energy, slash_price),
    )


def sales(
    book: Sequence[Order],
    delivered: Sequence[Trade],
    overstating: Collection[int],
    *,
    compensation_price: MicroUsdPerMwh,
    bond_price: MicroUsdPerMwh,
) -> list[Sale]:
    """Return the offers with trades; `overstating` are participants whose meters said too much."""
    result = []
    for offer in sorted({trade.offer for trade in delivered}):
        own = tuple(trade for trade in delivered if trade.offer == offer)
        is_short = any(trade.delivered < trade.energy for trade in own)
        is_slashed = is_short and book[offer].participant in overstating
        slash_price = bond_price if is_slashed else None
        payments = tuple(payment(one, compensation_price, slash_price=slash_price) for one in own)
        result.append(Sale(offer=offer, trades=own, payments=payments, is_slashed=is_slashed))
    return result


def forfeit_shares(pot: MicroUsd, entries: int) -> list[MicroUsd]:
    """Share among a book's entries what was forfeited, the earliest first with the rest."""
    share, rest = divmod(pot, entries) if entries else (0, 0)
    return [MicroUsd(share + (position < rest)) for position in range(entries)]
