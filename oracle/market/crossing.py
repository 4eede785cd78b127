"""
Where the supply and the demand of a pool cross: both sides ranked by price, ties by time.

Both curves are step functions of the energy traded: the v-th Wh is the cheapest left on offer and
the one best paid for among those left in demand. They cross behind the last Wh whose bid is not
below its offer, so an offer and a bid at equal prices do trade, and the volume is the largest that
a welfare optimum has.
"""

from dataclasses import dataclass

import numpy as np

from oracle.market.pool import IntArray, Pool, Side


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Curve:
    """One side of a pool by rank; arrays of shape (orders,)."""

    rank: IntArray  # indices into the side's arrays, best price first
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


def curve_of(side: Side, energy: IntArray) -> Curve:
    """Return a side by rank; `energy` is what each of its orders takes part with, in Wh."""
    rank = side.ranked()
    rank = rank[energy[rank] > 0]
    return Curve(rank=rank, price=side.price[rank], end=np.cumsum(energy[rank]))


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
