"""
The mechanism `demand-bidding`: energy sharing by demand bids at their equilibrium, twin of
contracts/mechanisms/DemandBidding.sol.

I prosumers have a demand D_i and a cost α_i p² + δ_i p of their own supply p. Each bids a number
b_i and buys q_i = b_i − a λ at the price λ that balances, λ = Σ b_i / (a I). In the equilibrium of
this game (Chen et al., "An energy sharing mechanism considering network constraints and market
power limitation", IEEE Transactions on Smart Grid 2020),

    p_i = (λ − δ_i + k D_i) / (2 α_i + k),   k = 1 / (a (I − 1)),   Σ p_i = Σ D_i

and, as p_i = D_i − q_i, with the limit L_i = δ_i + 2 α_i D_i, the marginal cost where nothing is
traded, q_i = (L_i − λ) / (2 α_i + k). `equilibrium` computes it in any numbers.

The mechanism is this rule on orders in integers. Every order of the pool is a prosumer; I counts
those too that trade nothing. A bid buys ⌊(L − λ) / (c + k)⌋ Wh, an offer would sell
⌊(λ − L) / (c + k)⌋, none less than nothing or more than its energy. λ is the lowest price at which
demand does not exceed supply; the demand is what trades, and the offers share it in proportion to
what they would sell (`oracle.market.sharing`).

======  ==================  =======================  ============================================
Symbol  Name in the code    Unit                     Meaning
======  ==================  =======================  ============================================
λ       price               micro-USD/MWh            the price of all trades; the certificate
L       price of an order   micro-USD/MWh            its limit, of a bid at most the import price
c       slope               micro-USD/MWh per Wh     2 α, by how much each Wh traded moves the
                                                     prosumer's marginal cost
1 / a   price_response      micro-USD/MWh per Wh     K₀, by how much a Wh in one bid moves I λ
======  ==================  =======================  ============================================

The slope is in the low 48 bits of `Order.terms`. Zero stands for the default, with which an order
is full, but for k, at the price zero (a bid: ⌊L / energy⌋) or at the import price m (an offer:
⌊(m − L) / energy⌋). Orders are of this layout only where the scenario has this mechanism.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import ClassVar, Self

import numpy as np

from oracle.domain.book import MAX_PRICE, Kind, Trade
from oracle.domain.community import COMMUNITY, Prosumer, TradeGraph
from oracle.errors import ContractRevert, InvalidInputError
from oracle.market.mechanism import (
    Outcome,
    Parametrised,
    Round,
    Setting,
    Settings,
    require_feasible,
)
from oracle.market.pool import IntArray, Pool, Side, pool_of, require_length
from oracle.market.sharing import Weights, require_shared, shared_trades
from oracle.market.terms import Quote, Stated
from oracle.units import (
    WH_PER_KWH,
    MicroUsdPerMwh,
    micro_usd_per_mwh_from_usd_per_kwh,
)

RESPONSE = Setting(key="price_response_usd_per_kwh_per_kwh", default=0.1, low=1e-6, high=1e6)

PRICE_BYTES = 6
MAX_INT64 = 2**63 - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """A prosumer of the game: its demand, and the cost α p² + δ p of its own supply."""

    alpha: Fraction
    delta: Fraction
    demand: Fraction

    @property
    def limit(self) -> Fraction:
        """Return the marginal cost where nothing is traded."""
        return self.delta + 2 * self.alpha * self.demand

    def of(self, supply: Fraction) -> Fraction:
        return self.alpha * supply**2 + self.delta * supply


@dataclass(frozen=True, slots=True, kw_only=True)
class Equilibrium:
    """λ, and what each prosumer supplies."""

    price: Fraction
    supplies: tuple[Fraction, ...]


def equilibrium(costs: Sequence[Cost], response: Fraction) -> Equilibrium:
    """Return the equilibrium of at least two prosumers; `response` is a."""
    k = 1 / (response * (len(costs) - 1))
    slopes = [2 * cost.alpha + k for cost in costs]
    pairs = list(zip(costs, slopes, strict=True))
    price = sum((cost.limit / slope for cost, slope in pairs), Fraction()) / sum(
        (1 / slope for slope in slopes), Fraction()
    )
    return Equilibrium(
        price=price,
        supplies=tuple(cost.demand - (cost.limit - price) / slope for cost, slope in pairs),
    )


def slope_terms(slope: int) -> int:
    """Return the terms of an order with a slope in micro-USD/MWh per Wh; zero for the default."""
    return min(slope, MAX_PRICE)


@dataclass(frozen=True, slots=True)
class DemandBidding(Parametrised):
    """See the module docstring."""

    name: ClassVar[str] = "demand-bidding"
    contract: ClassVar[str] = "DemandBidding"
    graphs: ClassVar[tuple[TradeGraph, ...]] = (COMMUNITY,)
    settings: ClassVar[tuple[Setting, ...]] = (RESPONSE,)
    rule: ClassVar[str] = (
        "everybody as much as its limit and the slope of its cost say at one price, the lowest at "
        "which demand does not exceed supply"
    )

    price_response: int

    def __post_init__(self) -> None:
        if not 0 < self.price_response <= MAX_PRICE:
            raise InvalidInputError(
                f"price response of {self.price_response} micro-USD/MWh per Wh: expected 1 to "
                f"{MAX_PRICE}"
            )

    @classmethod
    def of(cls, settings: Settings, export_price: MicroUsdPerMwh) -> Self:
        response = float(settings.get(RESPONSE.key, RESPONSE.default))
        return cls(micro_usd_per_mwh_from_usd_per_kwh(response / WH_PER_KWH))

    @classmethod
    def stated(cls, prosumer: Prosumer, quote: Quote) -> Stated:
        """Return an order with the slope of a buyer's utility, of a seller with the default."""
        slope = 0
        if quote.kind is Kind.BID and prosumer.saturation:
            slope = prosumer.utility // prosumer.saturation
        return Stated(price=quote.price, terms=slope_terms(slope))

    def clear(self, market_round: Round) -> Outcome:
        curves = self._curves(market_round)
        low, high = 0, int(market_round.real_time_price)  # at which no bid buys anything
        while low < high:
            middle = (low + high) // 2
            if curves.clears(middle):
                high = middle
            else:
                low = middle + 1
        return Outcome(
            trades=shared_trades(curves.pool, curves.at(low), low),
            certificate=low.to_bytes(PRICE_BYTES, "big"),
        )

    def certificate_of(self, market_round: Round, trades: Sequence[Trade]) -> bytes:
        """
        Return the price of a round, if these are its trades.

        Raises
        ------
        ContractRevert
            Where they are not the mechanism's.
        """
        certificate = self.clear(market_round).certificate
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
        require_length(outcome, PRICE_BYTES)
        price = int.from_bytes(outcome.certificate, "big")
        curves = self._curves(market_round)
        if not curves.clears(price):
            raise curves.not_clearing(price)
        if price > 0 and curves.clears(price - 1):
            raise curves.not_clearing(price - 1)
        require_shared(curves.pool, curves.at(price), price, outcome.trades)

    def _curves(self, market_round: Round) -> "_Curves":
        pool = pool_of(market_round)
        sides = (pool.offers, pool.bids)
        others = max(sum(int(np.count_nonzero(side.energy)) for side in sides) - 1, 0)
        slopes = [_slopes(market_round, side) for side in sides]
        exact = np.int64 if MAX_PRICE * others + self.price_response <= MAX_INT64 else object
        sold, bought = (slope.astype(exact) * others + self.price_response for slope in slopes)
        return _Curves(pool=pool, others=others, offers=sold, bids=bought)


def _slopes(market_round: Round, side: Side) -> IntArray:
    """Return c of each order of a side."""
    terms = [market_round.order(position).terms & MAX_PRICE for position in side.position.tolist()]
    stated = np.array(terms, dtype=np.int64)
    room = market_round.real_time_price - side.price if side.is_offer else side.price
    return np.where(stated == 0, room // np.maximum(side.energy, 1), stated)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Curves:
    """What a pool would trade by price."""

    pool: Pool
    others: int  # I − 1
    offers: IntArray  # (I − 1) (c + k) of each; objects where 64 bits do not hold them
    bids: IntArray

    def at(self, price: int) -> Weights:
        """Return what each order would trade at a price, in Wh."""
        return Weights(
            sold=self._of(self.pool.offers, self.offers, price - self.pool.offers.price),
            bought=self._of(self.pool.bids, self.bids, self.pool.bids.price - price),
        )

    def clears(self, price: int) -> bool:
        """Return whether demand does not exceed supply."""
        weights = self.at(price)
        return weights.demand <= weights.supply

    def not_clearing(self, price: int) -> ContractRevert:
        weights = self.at(price)
        return ContractRevert(
            "NotClearing",
            {"price": price, "demandWh": weights.demand, "supplyWh": weights.supply},
        )

    def _of(self, side: Side, divisor: IntArray, gain: IntArray) -> IntArray:
        wanted = np.maximum(gain, 0).astype(divisor.dtype) * self.others // divisor
        traded: IntArray = np.minimum(wanted, side.energy).astype(np.int64)
        return traded
