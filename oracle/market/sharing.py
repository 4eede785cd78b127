"""
Sharing a pool's volume: who may trade more than there is trades in proportion.

Each order of a side has a weight, what it would trade; the volume is the smaller sum of the two
sides. An order's share is volume × weight / sum of its side's weights, rounded down, and the Wh
left over go to the largest remainders, the earlier order first among equals (the method of
Hamilton). contracts/libraries/ShareOutLib.sol checks the same without sorting: all fills
together are the volume, each is its share or one Wh more, and no order that was passed over comes
before one that was not.

`OnePrice` is what mechanisms have in common that make one price of the pool and the grid's two.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np

from oracle.domain.book import Trade
from oracle.domain.community import COMMUNITY, TradeGraph
from oracle.errors import ContractRevert
from oracle.market.mechanism import Outcome, Parametrised, Round, Settings, require_feasible
from oracle.market.pool import (
    IntArray,
    Pool,
    Side,
    fills,
    no_certificate,
    pool_of,
    pooled_trades,
)
from oracle.units import MicroUsdPerMwh

MAX_INT64 = 2**63 - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class BlendedPrices:
    """What who trades pays or gets on average with the rest at the grid, rounded down."""

    buyer: MicroUsdPerMwh
    seller: MicroUsdPerMwh


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Weights:
    """What each order would trade, in Wh; arrays as long as the pool's sides."""

    sold: IntArray
    bought: IntArray

    @property
    def supply(self) -> int:
        return int(self.sold.sum())

    @property
    def demand(self) -> int:
        return int(self.bought.sum())

    @property
    def volume(self) -> int:
        """Return what both sides can trade with each other, in Wh."""
        return min(self.supply, self.demand)


def willing(pool: Pool, price: int) -> Weights:
    """Return the energies of the orders whose limit admits a price, zero for the others."""

    def of(side: Side) -> IntArray:
        admits = side.price <= price if side.is_offer else side.price >= price
        return np.where(admits, side.energy, 0)

    return Weights(sold=of(pool.offers), bought=of(pool.bids))


def pro_rata(weights: IntArray, total: int) -> IntArray:
    """Return shares of `total`, in Wh, which is at most the weights' sum."""
    if total == 0:
        return np.zeros(len(weights), dtype=np.int64)
    whole = int(weights.sum())
    fits = int(weights.max()) * total <= MAX_INT64
    scaled = weights.astype(np.int64 if fits else object) * total
    shares = (scaled // whole).astype(np.int64)
    left_over = total - int(shares.sum())
    shares[np.argsort(-(scaled % whole), kind="stable")[:left_over]] += 1
    return shares


def shared_trades(pool: Pool, weights: Weights, price: int) -> tuple[Trade, ...]:
    """Return the trades at one price in which each side shares the volume."""
    volume = weights.volume
    return pooled_trades(
        pool, pro_rata(weights.sold, volume), pro_rata(weights.bought, volume), price
    )


def require_shared(pool: Pool, weights: Weights, price: int, trades: Sequence[Trade]) -> None:
    """
    Check that trades are `shared_trades`.

    Raises
    ------
    ContractRevert
        NotInPool, NotPaired, WrongPrice, WrongVolume, WrongFill or NotProRata.
    """
    filled = fills(pool, trades, price)
    volume = weights.volume
    reached = sum(trade.energy for trade in trades)
    if reached != volume:
        raise ContractRevert("WrongVolume", {"volumeWh": reached, "expectedWh": volume})
    require_pro_rata(pool.offers.position, weights.sold, filled[0])
    require_pro_rata(pool.bids.position, weights.bought, filled[1])


def require_pro_rata(positions: IntArray, weights: IntArray, filled: IntArray) -> None:
    """
    Check that fills of one side, in the book's order, are `pro_rata` of their sum.

    That is at most the sum of the weights.

    Raises
    ------
    ContractRevert
        WrongFill, or NotProRata with the order that another should not have come before.
    """
    volume, whole = int(filled.sum()), int(weights.sum())
    raised: list[tuple[int, int]] = []  # remainder, and position the earlier the larger
    passed_over: list[tuple[int, int]] = []
    for position, weight, fill in zip(
        positions.tolist(), weights.tolist(), filled.tolist(), strict=True
    ):
        share, remainder = divmod(weight * volume, max(whole, 1))
        if fill not in (share, share + 1):
            values = {"orderIndex": position, "filledWh": fill, "expectedWh": share}
            raise ContractRevert("WrongFill", values)
        (passed_over if fill == share else raised).append((remainder, -position))
    if raised and passed_over and max(passed_over) > min(raised):
        raise ContractRevert("NotProRata", {"orderIndex": -max(passed_over)[1]})


@dataclass(frozen=True, slots=True)
class OnePrice(Parametrised, ABC):
    """
    A mechanism of one price, made of the pool and the grid's prices, that the limits do not set.

    Whose limit admits it trades; each side shares the volume in proportion to its energies. The
    contract computes all of it: there is no certificate.
    """

    graphs: ClassVar[tuple[TradeGraph, ...]] = (COMMUNITY,)

    export_price: MicroUsdPerMwh  # above the import price it counts as that

    @classmethod
    def of(cls, settings: Settings, export_price: MicroUsdPerMwh) -> Self:
        return cls(export_price)

    @abstractmethod
    def price(self, pool: Pool, import_price: int, export_price: int) -> MicroUsdPerMwh:
        """Return the price between the grid's, export price at most import price."""

    def price_of(self, market_round: Round) -> MicroUsdPerMwh:
        """Return the price of a round; its import price is the real-time price."""
        import_price = market_round.real_time_price
        return self.price(pool_of(market_round), import_price, min(self.export_price, import_price))

    def blended_prices(self, market_round: Round) -> BlendedPrices:
        """
        Return what the willing pay and get on average, with the rest at the grid.

        A side with nobody willing gets the grid's price.
        """
        import_price = market_round.real_time_price
        price = self.price_of(market_round)
        weights = willing(pool_of(market_round), price)

        def blended(wanted: int, grid_price: int) -> MicroUsdPerMwh:
            if wanted == 0:
                return MicroUsdPerMwh(grid_price)
            rest = wanted - weights.volume
            return MicroUsdPerMwh((weights.volume * price + rest * grid_price) // wanted)

        return BlendedPrices(
            buyer=blended(weights.demand, import_price),
            seller=blended(weights.supply, min(self.export_price, import_price)),
        )

    def clear(self, market_round: Round) -> Outcome:
        pool = pool_of(market_round)
        price = self.price_of(market_round)
        return Outcome(trades=shared_trades(pool, willing(pool, price), price))

    def certificate_of(self, market_round: Round, trades: Sequence[Trade]) -> bytes:
        """
        Return the empty certificate of the mechanism's trades.

        Raises
        ------
        ContractRevert
            Where they are not the mechanism's.
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
        price = self.price_of(market_round)
        require_shared(pool, willing(pool, price), price, outcome.trades)
