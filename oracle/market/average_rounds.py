"""
The mechanism `average-rounds`: a double auction in rounds at average prices, twin of
contracts/mechanisms/AverageRounds.sol.

Every order of the pool has an end, which it never passes, and an opening, from which it moves to
its end:

    offer:  end_i = max(limit_i, x),   open_i = its opening price, in [end_i, m]
    bid:    end_j = min(limit_j, m),   open_j = its opening price, in [min(x, end_j), end_j]

with m the import price, the round's real-time price, and x the export price, at most m. In round
r = 0, 1, … an offer stands at max(end_i, open_i − r step), a bid at min(end_j, open_j + r step).
The best bid trades with the best offer, of equal prices the earlier, at the middle of the two
rounded down, as long as they cross and somebody is left; then the next round begins. It ends when a
side has nobody left, or when nobody can move and nothing crosses.

Opening prices are in the low 48 bits of `Order.terms`; none, or one beyond the limit, is the limit.
Orders are of this layout only where the scenario has this mechanism.

Neither twin goes through all rounds: from one in which nothing crosses they skip to the first in
which something can, or the best of the orders that move comes to its end. Each side is two heaps,
of those that move and those at their end. The top of the first is taken over by the second when it
is at its end; one below it that is there too does not stand before it, as a stop only worsens the
price that it would have moved to.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from heapq import heappop, heappush
from typing import ClassVar, Self

from oracle.domain.book import MAX_PRICE, Trade
from oracle.domain.community import COMMUNITY, Prosumer, TradeGraph
from oracle.errors import InvalidInputError
from oracle.market.mechanism import Outcome, Parametrised, Round, Setting, Settings
from oracle.market.pool import Side, pool_of
from oracle.market.replay import certificate_of, matched, outcome_of, require_replayed
from oracle.market.terms import Quote, Stated
from oracle.units import MicroUsdPerMwh, micro_usd_per_mwh_from_usd_per_kwh

STEP = Setting(key="step_usd_per_kwh", default=0.005, low=1e-9, high=1e5)


def opening_terms(price: MicroUsdPerMwh) -> int:
    """Return the terms of an order that opens at a price; at zero it opens at its limit."""
    return int(price)


@dataclass(frozen=True, slots=True)
class AverageRounds(Parametrised):
    """See the module docstring."""

    name: ClassVar[str] = "average-rounds"
    contract: ClassVar[str] = "AverageRounds"
    graphs: ClassVar[tuple[TradeGraph, ...]] = (COMMUNITY,)
    settings: ClassVar[tuple[Setting, ...]] = (STEP,)
    rule: ClassVar[str] = (
        "in rounds the best bid with the best offer at the middle of what they ask; the others "
        "then move towards their limits by a step"
    )

    step: MicroUsdPerMwh
    export_price: MicroUsdPerMwh  # above the import price it counts as that

    def __post_init__(self) -> None:
        if not 0 < self.step <= MAX_PRICE:
            raise InvalidInputError(f"step of {self.step} micro-USD/MWh: expected 1 to {MAX_PRICE}")

    @classmethod
    def of(cls, settings: Settings, export_price: MicroUsdPerMwh) -> Self:
        step = float(settings.get(STEP.key, STEP.default))
        return cls(micro_usd_per_mwh_from_usd_per_kwh(step), export_price)

    @classmethod
    def stated(cls, prosumer: Prosumer, quote: Quote) -> Stated:
        """Return an order that opens at what its strategy states and goes up to its limit."""
        return Stated(price=quote.limit, terms=opening_terms(quote.price))

    def clear(self, market_round: Round) -> Outcome:
        return outcome_of(list(self._matches(market_round)))

    def certificate_of(self, market_round: Round, trades: Sequence[Trade]) -> bytes:
        """
        Return where each match stands among the trades.

        Raises
        ------
        ContractRevert
            Where the trades are not the mechanism's.
        """
        return certificate_of(market_round, list(self._matches(market_round)), trades)

    def verify(self, market_round: Round, outcome: Outcome) -> None:
        """
        Check an outcome as the exchange and the contract do.

        Raises
        ------
        ContractRevert
            Under the name of the contract's error.
        """
        require_replayed(market_round, list(self._matches(market_round)), outcome)

    def _matches(self, market_round: Round) -> Iterator[Trade]:
        """Yield the trades in the order in which they come about."""
        offers, bids = self._sides(market_round)
        moved = 0
        while (offer := offers.best(moved)) and (bid := bids.best(moved)):
            gap = offer.rank + bid.rank - MAX_PRICE
            if gap <= 0:
                traded = min(offers.left[offer.position], bids.left[bid.position])
                price = (offer.rank + MAX_PRICE - bid.rank) // 2
                yield matched(offer.position, bid.position, traded, price)
                offers.take(offer.position, traded)
                bids.take(bid.position, traded)
            elif steps := self._steps_to_next(offers, bids, moved):
                moved += steps * self.step
            else:
                return

    def _steps_to_next(self, offers: "_Side", bids: "_Side", moved: int) -> int:
        """Return the steps until something can cross or a top comes to its end; 0 for never."""
        waits = []
        for side, other in ((offers, bids), (bids, offers)):
            if side.moving:
                opening, position = side.moving[0]
                waits.append(-(-(opening - moved - side.end[position]) // self.step))
                if other.stopped:
                    gap = opening - moved + other.stopped[0][0] - MAX_PRICE
                    waits.append(-(-gap // self.step))
        if offers.moving and bids.moving:
            gap = offers.moving[0][0] + bids.moving[0][0] - 2 * moved - MAX_PRICE
            waits.append(-(-gap // (2 * self.step)))
        return min(waits, default=0)

    def _sides(self, market_round: Round) -> tuple["_Side", "_Side"]:
        high = market_round.real_time_price
        low = min(self.export_price, high)
        pool = pool_of(market_round)
        offers, bids = _Side(), _Side()
        for position, energy, limit in _rows(pool.offers):
            asked = market_round.order(position).terms & MAX_PRICE
            end = max(limit, low)
            offers.add(position, energy, end=end, opening=min(max(asked, end), high))
        for position, energy, limit in _rows(pool.bids):
            asked = market_round.order(position).terms & MAX_PRICE or limit
            opening = min(max(asked, low), limit)
            bids.add(position, energy, end=MAX_PRICE - limit, opening=MAX_PRICE - opening)
        return offers, bids


def _rows(side: Side) -> Iterator[tuple[int, int, int]]:
    """Yield position, energy and price of each order."""
    return zip(side.position.tolist(), side.energy.tolist(), side.price.tolist(), strict=True)


@dataclass(frozen=True, slots=True)
class _Best:
    """The order that stands first, and where."""

    rank: int
    position: int


@dataclass(frozen=True, slots=True)
class _Side:
    """
    The orders of a side that have energy left, by rank: the price of an offer, MAX_PRICE less that
    of a bid, so that the lower comes first on both sides and ranks fall as orders move.
    """

    end: dict[int, int] = field(default_factory=dict)  # rank, by position
    left: dict[int, int] = field(default_factory=dict)  # Wh, by position
    moving: list[tuple[int, int]] = field(default_factory=list)  # (opening rank, position), a heap
    stopped: list[tuple[int, int]] = field(default_factory=list)  # (end, position), a heap

    def add(self, position: int, energy: int, *, end: int, opening: int) -> None:
        self.end[position], self.left[position] = end, energy
        heappush(self.moving, (opening, position))

    def best(self, moved: int) -> _Best | None:
        """Return who stands first when orders have moved so far; None if nobody is left."""
        while self.moving and self.moving[0][0] - moved <= self.end[self.moving[0][1]]:
            _, position = heappop(self.moving)
            heappush(self.stopped, (self.end[position], position))
        tops = [(opening - moved, position) for opening, position in self.moving[:1]]
        tops += self.stopped[:1]
        return _Best(*min(tops)) if tops else None

    def take(self, position: int, energy: int) -> None:
        """Take energy from the best order, and the order away if that was all."""
        self.left[position] -= energy
        if self.left[position] == 0:
            is_moving = bool(self.moving) and self.moving[0][1] == position
            heappop(self.moving if is_moving else self.stopped)
