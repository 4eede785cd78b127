"""
The mechanism `uniform`: one price per slot, where the supply and the demand of the pool cross; twin
of contracts/mechanisms/Uniform.sol.

The volume is the largest that a welfare optimum has. Every order better than its side's marginal
price trades in full; those at the marginal price of the long side share the rest pro rata to their
energies, in whole Wh by largest remainder, the earlier order first among equals.

The price is the middle, rounded down, of the clearing interval: from the highest price of an offer
that sells or of a bid not fully served to the lowest of a bid that buys or of an offer not sold
out. In a book of unit orders of which k trade these are [max(s_k, b_k+1), min(b_k, s_k+1)].

No certificate: volume and fills are optimal as they are complementary to such a price, and the
shares are a pass over the marginal orders.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from oracle.domain.book import Trade
from oracle.domain.community import COMMUNITY, TradeGraph
from oracle.errors import ContractRevert
from oracle.market.crossing import Curve, crossing_of
from oracle.market.mechanism import Outcome, Parametrised, Round, require_feasible
from oracle.market.pool import (
    IntArray,
    Pool,
    Side,
    fills,
    no_certificate,
    pool_of,
    pooled_trades,
)
from oracle.market.sharing import pro_rata, require_pro_rata


@dataclass(frozen=True, slots=True, kw_only=True)
class Margins:
    """The prices on both sides of a crossing, in micro-USD/MWh; None where nobody is there."""

    sold: int | None  # highest of an offer that sells
    unserved: int | None  # highest of a bid not fully served
    bought: int | None  # lowest of a bid that buys
    unsold: int | None  # lowest of an offer not sold out

    def require_all_traded(self) -> None:
        """Refuse that an offer and a bid which agree are both left with energy."""
        if self.unserved is None or self.unsold is None or self.unserved < self.unsold:
            return
        raise ContractRevert("LeftUntraded", {"bidPrice": self.unserved, "offerPrice": self.unsold})

    @property
    def interval(self) -> tuple[int, int]:
        """Return the lowest and the highest price that clear, where something trades."""
        low = max(price for price in (self.sold, self.unserved) if price is not None)
        high = min(price for price in (self.bought, self.unsold) if price is not None)
        return low, high


@dataclass(frozen=True)
class Uniform(Parametrised):
    """See the module docstring."""

    name: ClassVar[str] = "uniform"
    contract: ClassVar[str] = "Uniform"
    graphs: ClassVar[tuple[TradeGraph, ...]] = (COMMUNITY,)
    rule: ClassVar[str] = (
        "the orders with the best prices, as far as supply and demand cross; all at the middle of "
        "the prices that clear"
    )

    def clear(self, market_round: Round) -> Outcome:
        pool = pool_of(market_round)
        sold, bought = efficient_fills(pool)
        if not sold.any():
            return Outcome(trades=())
        low, high = margins_of(pool, sold, bought).interval
        return Outcome(trades=pooled_trades(pool, sold, bought, (low + high) // 2))

    def certificate_of(self, market_round: Round, trades: Sequence[Trade]) -> bytes:
        """
        Return the empty certificate.

        Raises
        ------
        ContractRevert
            Where the trades are not the mechanism's.
        """
        self.verify(market_round, Outcome(trades=tuple(trades)))
        return b""

    def verify(self, market_round: Round, outcome: Outcome) -> None:
        """
        Check an outcome as the exchange and the contract do.

        Raises
        ------
        ContractRevert
            Under the name of the contract's error.
        """
        require_feasible(market_round, outcome.trades)
        no_certificate(outcome)
        pool = pool_of(market_round)
        price = outcome.trades[0].price if outcome.trades else 0
        sold, bought = fills(pool, outcome.trades, price)
        margins = margins_of(pool, sold, bought)
        margins.require_all_traded()
        if not outcome.trades:
            return
        low, high = margins.interval
        if low > high:
            raise ContractRevert("NotEfficient", {"low": low, "high": high})
        if price != (low + high) // 2:
            raise ContractRevert(
                "WrongPrice", {"position": 0, "price": price, "expected": (low + high) // 2}
            )
        if margins.sold is not None and margins.sold == margins.unsold:
            _require_shares(pool.offers, sold, margins.sold)
        elif margins.bought is not None and margins.bought == margins.unserved:
            _require_shares(pool.bids, bought, margins.bought)


def efficient_fills(pool: Pool) -> tuple[IntArray, IntArray]:
    """Return what each offer sells and each bid buys, in Wh: the largest efficient volume."""
    cross = crossing_of(pool)
    return (
        _filled(pool.offers, cross.supply, cross.volume),
        _filled(pool.bids, cross.demand, cross.volume),
    )


def margins_of(pool: Pool, sold: IntArray, bought: IntArray) -> Margins:
    """Return the prices at the margin of these fills."""
    offers, bids = pool.offers, pool.bids
    return Margins(
        sold=_highest(offers.price[sold > 0]),
        unserved=_highest(bids.price[bought < bids.energy]),
        bought=_lowest(bids.price[bought > 0]),
        unsold=_lowest(offers.price[sold < offers.energy]),
    )


def _filled(side: Side, curve: Curve, volume: int) -> IntArray:
    """Return the fills of a side: the best in full, those at the marginal price by their share."""
    filled = np.zeros(len(side), dtype=np.int64)
    if volume == 0:
        return filled
    margin = curve.price[np.searchsorted(curve.end, volume)]
    better = side.price < margin if side.is_offer else side.price > margin
    filled[better] = side.energy[better]
    level = np.flatnonzero(side.price == margin)
    filled[level] = pro_rata(side.energy[level], volume - int(filled.sum()))
    return filled


def _require_shares(side: Side, filled: IntArray, margin: int) -> None:
    """Refuse fills at a side's marginal price that are not the shares of their sum."""
    level = np.flatnonzero(side.price == margin)
    require_pro_rata(side.position[level], side.energy[level], filled[level])


def _highest(prices: IntArray) -> int | None:
    return int(prices.max()) if len(prices) else None


def _lowest(prices: IntArray) -> int | None:
    return int(prices.min()) if len(prices) else None
