"""
The mechanism `mcafee`: a double auction in which no lie pays (McAfee, "A dominant strategy double
auction", Journal of Economic Theory 56(2), 1992); twin of contracts/mechanisms/McAfee.sol.

Every order that has a unit takes part with exactly one; less energy takes no part. With offers
s_1 ≤ s_2 ≤ … and bids b_1 ≥ b_2 ≥ …, ties by time, k is the number of pairs with b_k ≥ s_k, and
p₀ = ⌊(b_k+1 + s_k+1) / 2⌋ where both orders exist. If s_k ≤ p₀ ≤ b_k, all k pairs trade at p₀;
else the first k − 1 do, buyers pay b_k and sellers get s_k, the operator keeps the difference. What
an order pays or gets never depends on its own price.

The certificate names the pivots, the k-th offer and bid.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np

from oracle.domain.book import MAX_ENERGY, Trade
from oracle.domain.community import COMMUNITY, TradeGraph
from oracle.errors import InvalidInputError
from oracle.market.crossing import PIVOT_BYTES, Crossing, crossing, curve_of
from oracle.market.mechanism import (
    Outcome,
    Parametrised,
    Round,
    Setting,
    Settings,
    require_feasible,
)
from oracle.market.pool import (
    IntArray,
    Pool,
    Side,
    fills,
    pool_of,
    pooled_trades,
    require_fills,
    require_length,
)
from oracle.units import MicroUsdPerMwh, Wh, wh_from_kwh

UNIT = Setting(key="unit_kwh", default=0.1, low=0.001)


@dataclass(frozen=True)
class McAfee(Parametrised):
    """See the module docstring."""

    name: ClassVar[str] = "mcafee"
    contract: ClassVar[str] = "McAfee"
    graphs: ClassVar[tuple[TradeGraph, ...]] = (COMMUNITY,)
    settings: ClassVar[tuple[Setting, ...]] = (UNIT,)
    rule: ClassVar[str] = (
        "one unit each, the orders with the best prices, at a price that the next ones set or "
        "else without the last pair, whose prices the others pay and get; no lie pays"
    )

    unit: Wh

    def __post_init__(self) -> None:
        if not 0 < self.unit <= MAX_ENERGY:
            raise InvalidInputError(f"unit of {self.unit} Wh: expected 1 to {MAX_ENERGY}")

    @classmethod
    def of(cls, settings: Settings, export_price: MicroUsdPerMwh) -> Self:
        return cls(wh_from_kwh(float(settings.get(UNIT.key, UNIT.default))))

    def clear(self, market_round: Round) -> Outcome:
        pool = pool_of(market_round)
        terms = self._terms(pool)
        trades = pooled_trades(pool, terms.sold, terms.bought, terms.price, terms.surplus)
        return Outcome(trades=trades, certificate=terms.crossing.certificate())

    def certificate_of(self, market_round: Round, trades: Sequence[Trade]) -> bytes:
        """
        Return the pivots.

        Raises
        ------
        ContractRevert
            Where the trades are not the mechanism's.
        """
        certificate = self._terms(pool_of(market_round)).crossing.certificate()
        self.verify(market_round, Outcome(trades=tuple(trades), certificate=certificate))
        return certificate

    def verify(self, market_round: Round, outcome: Outcome) -> None:
        """
        Check an outcome as the exchange and the contract do.

        Raises
        ------
        ContractRevert
            Under the name of the contract's error.
        """
        require_feasible(market_round, outcome.trades)
        require_length(outcome, PIVOT_BYTES)
        pool = pool_of(market_round)
        terms = self._terms(pool)
        terms.crossing.require_pivots(outcome.certificate)
        given = fills(pool, outcome.trades, terms.price, terms.surplus)
        require_fills(pool, given, (terms.sold, terms.bought))

    def _terms(self, pool: Pool) -> "_Terms":
        offers, bids = (
            curve_of(side, np.where(side.energy >= self.unit, self.unit, 0))
            for side in (pool.offers, pool.bids)
        )
        cross = crossing(offers, bids)
        pairs = cross.volume // self.unit
        cost, value = cross.prices
        price, surplus, trading = cost, value - cost, max(pairs - 1, 0)
        if pairs and pairs < min(len(offers.price), len(bids.price)):
            middle = int(offers.price[pairs] + bids.price[pairs]) // 2
            if cost <= middle <= value:
                price, surplus, trading = middle, 0, pairs

        def units(side: Side, rank: IntArray) -> IntArray:
            energies = np.zeros(len(side), dtype=np.int64)
            energies[rank[:trading]] = self.unit
            return energies

        return _Terms(
            crossing=cross,
            sold=units(pool.offers, offers.rank),
            bought=units(pool.bids, bids.rank),
            price=price,
            surplus=surplus,
        )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Terms:
    crossing: Crossing
    sold: IntArray
    bought: IntArray
    price: int
    surplus: int
