"""
Where the supply and the demand of a pool cross: both sides ranked by price, ties by time.

Both curves are step functions of the energy traded: the v-th Wh is the cheapest left on offer and
the one best paid for among those left in demand. They cross behind the last Wh whose bid is not
below its offer, so an offer and a bid at equal prices do trade, and the volume is the largest that
a welfare optimum has. The offer and the bid of that last Wh are the pivots of mechanisms that keep
them out of the trade they price.

contracts/libraries/CrossingLib.sol proves pivots in one pass over a book that is not sorted; there
is one crossing, so `require_pivots` may compare with it.
"""

from dataclasses import dataclass

import numpy as np

from oracle.errors import ContractRevert
from oracle.market.pool import IntArray, Pool, Side

NONE = 2**32 - 1  # the position of a pivot where no pair agrees
PIVOT_BYTES = 8


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Curve:
    """One side of a pool by rank; arrays of shape (orders,)."""

    rank: IntArray  # indices into the side's arrays, best price first
    position: IntArray  # in the book
    price: IntArray  # micro-USD/MWh
    end: IntArray  # Wh, of the order and all before it

    @property
    def total(self) -> int:
        """Return the energy of the whole side, in Wh."""
        return int(self.end[-1]) if len(self.end) else 0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Crossing:
    """The volume in Wh, and the ranks, from 0, of the offer and the bid of its last Wh."""

    supply: Curve
    demand: Curve
    volume: int
    offer: int  # -1 where nothing is profitable
    bid: int

    @property
    def pivots(self) -> tuple[int, int]:
        """Return the positions in the book of that offer and that bid."""
        if not self.volume:
            return NONE, NONE
        return int(self.supply.position[self.offer]), int(self.demand.position[self.bid])

    @property
    def prices(self) -> tuple[int, int]:
        """Return the prices of that offer and that bid, zeros where there are none."""
        if not self.volume:
            return 0, 0
        return int(self.supply.price[self.offer]), int(self.demand.price[self.bid])

    def certificate(self) -> bytes:
        """Return the pivots, four bytes each."""
        return b"".join(pivot.to_bytes(4, "big") for pivot in self.pivots)

    def require_pivots(self, certificate: bytes) -> None:
        """
        Check the pivots that a certificate begins with.

        Raises
        ------
        ContractRevert
            BadPivot where an order does not take part, NotMarginal where it is not the last.
        """
        named = int.from_bytes(certificate[:4], "big"), int.from_bytes(certificate[4:8], "big")
        if named != (NONE, NONE):
            for pivot, curve in zip(named, (self.supply, self.demand), strict=True):
                if not (curve.position == pivot).any():
                    raise ContractRevert("BadPivot", {"orderIndex": pivot})
        if named != self.pivots:
            raise ContractRevert("NotMarginal", {"offerIndex": named[0], "bidIndex": named[1]})


def curve_of(side: Side, energy: IntArray) -> Curve:
    """Return a side by rank; `energy` is what each of its orders takes part with, in Wh."""
    rank = side.ranked()
    rank = rank[energy[rank] > 0]
    return Curve(
        rank=rank,
        position=side.position[rank],
        price=side.price[rank],
        end=np.cumsum(energy[rank]),
    )


def crossing_of(pool: Pool) -> Crossing:
    """Return where a pool's curves cross."""
    return crossing(
        curve_of(pool.offers, pool.offers.energy), curve_of(pool.bids, pool.bids.energy)
    )


def crossing(supply: Curve, demand: Curve) -> Crossing:
    """Return where two curves cross."""
    ends = np.unique(np.concatenate([supply.end, demand.end]))
    ends = ends[ends <= min(supply.total, demand.total)]
    # Both prices are constant from one end to the next, and the gain falls: a prefix is profitable.
    offers, bids = np.searchsorted(supply.end, ends), np.searchsorted(demand.end, ends)
    profitable = int(np.count_nonzero(supply.price[offers] <= demand.price[bids]))
    last = profitable - 1
    return Crossing(
        supply=supply,
        demand=demand,
        volume=int(ends[last]) if profitable else 0,
        offer=int(offers[last]) if profitable else -1,
        bid=int(bids[last]) if profitable else -1,
    )
