"""
The Vickrey-Clarke-Groves double auction of a pool, a benchmark that no contract accepts: it is
efficient and no lie pays, but its operator may pay more than it gets (Vickrey, "Counterspeculation,
auctions, and competitive sealed tenders", Journal of Finance 16(1), 1961; Clarke, "Multipart
pricing of public goods", Public Choice 11, 1971; Groves, "Incentives in teams", Econometrica 41(4),
1973).

The fills are those of `oracle.market.uniform`. Every order pays what the others lose by it: a buyer
of q Wh the q dearest Wh among what the other bids would still buy and what the sold energy costs
its sellers, since one Wh more serves the former or saves the latter. A seller gets the q cheapest
Wh among what the other offers could still sell and what the bought energy is worth to its buyers.
In a book of unit orders of which k trade, buyers pay max(s_k, b_k+1) and sellers get
min(b_k, s_k+1).
"""

from bisect import bisect_left
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import accumulate

from oracle.market.mechanism import Round
from oracle.market.pool import IntArray, Side, pool_of
from oracle.market.uniform import efficient_fills


@dataclass(frozen=True, slots=True, kw_only=True)
class VcgOutcome:
    """
    Who trades how much, and for how much altogether; each entry is of one entry of the book.

    Payments are in micro-USD/MWh times Wh, 10⁻¹² USD: what buyers pay and what sellers get.
    """

    sold: tuple[int, ...]  # Wh
    bought: tuple[int, ...]  # Wh
    paid: tuple[int, ...]
    received: tuple[int, ...]

    @property
    def operator_balance(self) -> int:
        """Return what is left to the operator, negative where it is a deficit."""
        return sum(self.paid) - sum(self.received)


def vcg(market_round: Round) -> VcgOutcome:
    """Return the outcome of a round, exactly."""
    pool = pool_of(market_round)
    sold, bought = efficient_fills(pool)
    entries = len(market_round.orders)
    return VcgOutcome(
        sold=_by_entry(entries, pool.offers, sold.tolist()),
        bought=_by_entry(entries, pool.bids, bought.tolist()),
        paid=_by_entry(entries, pool.bids, _externalities(pool.bids, bought, pool.offers, sold)),
        received=_by_entry(
            entries, pool.offers, _externalities(pool.offers, sold, pool.bids, bought)
        ),
    )


def _externalities(own: Side, filled: IntArray, other: Side, other_filled: IntArray) -> list[int]:
    """
    Return for each order of a side the price times energy of what would replace it.

    That is the best for the others: for a bid the dearest, for an offer the cheapest.
    """
    sign = 1 if own.is_offer else -1
    left = own.energy - filled
    rows: list[tuple[int, int]] = [
        *zip(own.price.tolist(), left.tolist(), strict=True),
        *zip(other.price.tolist(), other_filled.tolist(), strict=True),
    ]
    rows = sorted((row for row in rows if row[1]), key=lambda row: sign * row[0])
    ends = list(accumulate((energy for _, energy in rows), initial=0))
    sums = list(accumulate((price * energy for price, energy in rows), initial=0))

    def best(energy: int) -> int:
        """Return price times energy of the first Wh of the rows."""
        row = bisect_left(ends, energy, 1) - 1
        return sums[row] + rows[row][0] * (energy - ends[row])

    # An order in part filled is at the margin: its own rest is among the best there is, and is
    # taken out from in front.
    return [
        best(fill + rest) - price * rest if fill else 0
        for fill, rest, price in zip(
            filled.tolist(), left.tolist(), own.price.tolist(), strict=True
        )
    ]


def _by_entry(entries: int, side: Side, values: Iterable[int]) -> tuple[int, ...]:
    result = [0] * entries
    for position, value in zip(side.position.tolist(), values, strict=True):
        result[position] = value
    return tuple(result)
