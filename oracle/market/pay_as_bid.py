"""
The mechanism `pay-as-bid`: a continuous double auction, twin of contracts/mechanisms/PayAsBid.sol.

The live orders of the pool come in one after the other, in the book's order; cancelled ones never
were. Each meets the best resting order of the other side, that with the best price and of equal
prices the earliest, as long as their prices cross and both have energy left; then it rests itself.
A pair trades at the price of the order that came first (price-time priority, as in the books of
exchanges: Friedman and Rust, eds., "The Double Auction Market", 1993).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from heapq import heappop, heappush
from typing import ClassVar

from oracle.domain.book import Trade
from oracle.domain.community import COMMUNITY, TradeGraph
from oracle.market.mechanism import Outcome, Parametrised, Round
from oracle.market.pool import pool_of
from oracle.market.replay import certificate_of, matched, outcome_of, require_replayed


@dataclass(frozen=True)
class PayAsBid(Parametrised):
    """See the module docstring."""

    name: ClassVar[str] = "pay-as-bid"
    contract: ClassVar[str] = "PayAsBid"
    graphs: ClassVar[tuple[TradeGraph, ...]] = (COMMUNITY,)
    rule: ClassVar[str] = (
        "each order, as it comes in, meets the best that rest; a pair at the price of the order "
        "that came first"
    )

    def clear(self, market_round: Round) -> Outcome:
        return outcome_of(list(_matches(market_round)))

    def certificate_of(self, market_round: Round, trades: Sequence[Trade]) -> bytes:
        """
        Return where each match stands among the trades.

        Raises
        ------
        ContractRevert
            Where the trades are not the mechanism's.
        """
        return certificate_of(market_round, list(_matches(market_round)), trades)

    def verify(self, market_round: Round, outcome: Outcome) -> None:
        """
        Check an outcome as the exchange and the contract do.

        Raises
        ------
        ContractRevert
            Under the name of the contract's error.
        """
        require_replayed(market_round, list(_matches(market_round)), outcome)


def _matches(market_round: Round) -> Iterator[Trade]:
    """Yield the trades in the order in which they come about."""
    pool = pool_of(market_round)
    arrivals = sorted(
        (position, side.is_offer, energy, price)
        for side in (pool.offers, pool.bids)
        for position, energy, price in zip(
            side.position.tolist(), side.energy.tolist(), side.price.tolist(), strict=True
        )
    )
    left: dict[int, int] = {}
    resting_offers: list[tuple[int, int]] = []  # (price, position), a heap
    resting_bids: list[tuple[int, int]] = []  # (−price, position), a heap
    for position, is_offer, energy, price in arrivals:
        own, others = (resting_offers, resting_bids) if is_offer else (resting_bids, resting_offers)
        rank = price if is_offer else -price
        left[position] = energy
        while left[position] and others and others[0][0] <= -rank:
            their_rank, other = others[0]
            traded = min(left[position], left[other])
            left[position] -= traded
            left[other] -= traded
            if left[other] == 0:
                heappop(others)
            offer, bid = (position, other) if is_offer else (other, position)
            yield matched(offer, bid, traded, abs(their_rank))
        if left[position]:
            heappush(own, (rank, position))
