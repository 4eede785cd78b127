"""
The mechanism `huang`: a double auction of several units (Huang, Scheller-Wolf and Sycara, "Design
of a multi-unit double auction e-market", Computational Intelligence 18(4), 2002); twin of
contracts/mechanisms/Huang.sol.

With offers and bids by price, ties by time, let L be the bid and K the offer of the last Wh at
which demand and supply cross (`oracle.market.crossing`). In the paper's first case bid L ends there
within offer K (b_L ≥ s_K ≥ b_L+1), in its second offer K within bid L (s_K+1 ≥ b_L ≥ s_K); where
both end at once, as in books of unit orders, the last pair is excluded all the same. Buyers
1 … L − 1 pay b_L, sellers 1 … K − 1 get s_K, the operator keeps the difference. The volume is the
smaller of the two sums of energies that remain.

The long side bears its excess equally: every order of it is cut by the same energy, one with no
more than that altogether, and the others bear its rest. In whole Wh the cut is the largest with
which no more than the excess is borne; what is left over is cut by one Wh more each from the
latest of the orders that still sell or buy.

The certificate names the pivots, offer K and bid L, and the cut.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from oracle.domain.book import Trade
from oracle.domain.community import COMMUNITY, TradeGraph
from oracle.errors import ContractRevert
from oracle.market.crossing import PIVOT_BYTES, Crossing, crossing_of
from oracle.market.mechanism import Outcome, Parametrised, Round, require_feasible
from oracle.market.pool import (
    IntArray,
    Pool,
    fills,
    pool_of,
    pooled_trades,
    require_fills,
    require_length,
)

CERTIFICATE_BYTES = PIVOT_BYTES + 4


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Terms:
    crossing: Crossing
    sold: IntArray
    bought: IntArray
    excess: int  # Wh of the long side
    cut: int  # Wh

    @property
    def price(self) -> int:
        return self.crossing.prices[0]

    @property
    def surplus(self) -> int:
        cost, value = self.crossing.prices
        return value - cost

    def certificate(self) -> bytes:
        return self.crossing.certificate() + self.cut.to_bytes(4, "big")


@dataclass(frozen=True)
class Huang(Parametrised):
    """See the module docstring."""

    name: ClassVar[str] = "huang"
    contract: ClassVar[str] = "Huang"
    graphs: ClassVar[tuple[TradeGraph, ...]] = (COMMUNITY,)
    rule: ClassVar[str] = (
        "the orders with the best prices but the last of each side, whose prices the others pay "
        "and get; the longer side is cut by the same energy each"
    )

    def clear(self, market_round: Round) -> Outcome:
        pool = pool_of(market_round)
        terms = _terms(pool)
        trades = pooled_trades(pool, terms.sold, terms.bought, terms.price, terms.surplus)
        return Outcome(trades=trades, certificate=terms.certificate())

    def certificate_of(self, market_round: Round, trades: Sequence[Trade]) -> bytes:
        """
        Return the pivots and the cut.

        Raises
        ------
        ContractRevert
            Where the trades are not the mechanism's.
        """
        certificate = _terms(pool_of(market_round)).certificate()
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
        require_length(outcome, CERTIFICATE_BYTES)
        pool = pool_of(market_round)
        terms = _terms(pool)
        terms.crossing.require_pivots(outcome.certificate)
        given = fills(pool, outcome.trades, terms.price, terms.surplus)
        cut = int.from_bytes(outcome.certificate[PIVOT_BYTES:], "big")
        if cut != terms.cut:
            raise ContractRevert("WrongCut", {"cutWh": cut, "excessWh": terms.excess})
        require_fills(pool, given, (terms.sold, terms.bought))


def equal_cut(energies: IntArray, excess: int) -> tuple[IntArray, int]:
    """
    Return what is left of energies, in Wh and the book's order, that bear an excess; and the cut.

    Where nothing is left of any the cut is zero, as no order tells what it was.
    """
    if excess >= int(energies.sum()):
        return np.zeros_like(energies), 0
    rank = np.argsort(energies, kind="stable")
    ordered = energies[rank]
    bearers = len(ordered) - np.arange(len(ordered))
    gone = np.concatenate([np.zeros(1, dtype=np.int64), np.cumsum(ordered)[:-1]])
    # With the m smallest cut away the others bear the rest: the first m that leaves them something
    m = int(np.argmax(ordered * bearers > excess - gone))
    cut, left_over = divmod(excess - int(gone[m]), int(bearers[m]))
    rest = np.maximum(energies - cut, 0)
    latest = np.flatnonzero(energies > cut)
    rest[latest[len(latest) - left_over :]] -= 1
    return rest, cut


def _terms(pool: Pool) -> _Terms:
    cross = crossing_of(pool)
    # Pivots have the ranks -1 where no pair agrees.
    ahead = [
        np.sort(curve.rank[: max(pivot, 0)])
        for curve, pivot in ((cross.supply, cross.offer), (cross.demand, cross.bid))
    ]
    energies = [
        side.energy[rows] for side, rows in zip((pool.offers, pool.bids), ahead, strict=True)
    ]
    supply, demand = (int(of_side.sum()) for of_side in energies)
    filled, cuts = [], []
    for side, rows, of_side, other in zip(
        (pool.offers, pool.bids), ahead, energies, (demand, supply), strict=True
    ):
        rest, cut = equal_cut(of_side, max(int(of_side.sum()) - other, 0))
        fills_of_side = np.zeros(len(side), dtype=np.int64)
        fills_of_side[rows] = rest
        filled.append(fills_of_side)
        cuts.append(cut)
    return _Terms(
        crossing=cross,
        sold=filled[0],
        bought=filled[1],
        excess=abs(supply - demand),
        cut=max(cuts),  # the short side has none
    )
