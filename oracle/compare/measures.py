"""
What an outcome is worth: welfare and who gets it, volume, prices, and who would rather trade
otherwise.

Amounts of money are exact: Wh times micro-USD/MWh are pico-USD.

=================  ==================================  ========================================
Name               Of each trade's energy              Whose
=================  ==================================  ========================================
welfare            bid − offer − fee                   all of it, at the true values
buyers_surplus     bid − price − fee − surplus         the buyers'
sellers_surplus    price − offer                       the sellers'
operator           surplus                             the operator's; VCG's is a deficit
lease_fees         fee                                 the line owner's, a cost of the trade
=================  ==================================  ========================================
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Self

import numpy as np

from oracle.domain.book import Kind, Order, Trade
from oracle.market.mechanism import Edge, Round
from oracle.units import MicroUsdPerMwh, Wh

PicoUsd = int
PICO_USD = 10**12  # of a USD


@dataclass(frozen=True, slots=True, kw_only=True)
class Measures:
    """The sums over the trades of a slot, or of several slots."""

    volume: Wh = Wh(0)
    welfare: PicoUsd = 0
    buyers_surplus: PicoUsd = 0
    sellers_surplus: PicoUsd = 0
    operator: PicoUsd = 0
    lease_fees: PicoUsd = 0
    received: PicoUsd = 0  # by the sellers
    paid: PicoUsd = 0  # by the buyers, with fees and surplus
    blocking_pairs: int = 0

    def __add__(self, other: Self) -> "Measures":
        return Measures(
            **{one.name: getattr(self, one.name) + getattr(other, one.name) for one in fields(self)}
        )


NOTHING = Measures()


@dataclass(frozen=True, slots=True, kw_only=True)
class Reservations:
    """
    Per entry of a book the price at which its owner would trade one Wh more, or another one.

    An offer's is its limit while energy is left, then the lowest price that it gets; a bid's is its
    limit while energy is wanted, then the most that it pays, all in. None where none is live. A
    route that carries all it can joins nobody any more.
    """

    prices: tuple[int | None, ...]
    deals: dict[int, dict[int, int]]  # of orders that are filled: partner → worst price
    pairs: frozenset[tuple[int, int]]  # of offers and bids that trade with each other
    full_lines: frozenset[tuple[int, int]] = frozenset()
    full_spokes: frozenset[int] = frozenset()

    def between(self, offer: int, bid: int) -> tuple[int, int] | None:
        """
        Return what an offer and a bid would trade with each other at, instead of with others.

        None where one of them is dead, or trades with nobody but the other.
        """
        low, high = self.prices[offer], self.prices[bid]
        if (offer, bid) in self.pairs:
            low = self._without(offer, bid, low, is_offer=True)
            high = self._without(bid, offer, high, is_offer=False)
        return None if low is None or high is None else (low, high)

    def _without(
        self, position: int, partner: int, price: int | None, *, is_offer: bool
    ) -> int | None:
        if position not in self.deals:
            return price
        others = [paid for other, paid in self.deals[position].items() if other != partner]
        return (min if is_offer else max)(others, default=None)


def measures(
    market_round: Round, trades: Sequence[Trade], values: Sequence[Order | None] | None = None
) -> Measures:
    """Return what trades are worth; `values` are the orders at their owners' true limits."""
    orders = market_round.orders if values is None else values
    volume = welfare = buyers = operator = lease_fees = received = 0
    for trade in trades:
        energy = trade.energy
        bid, offer = _price(orders, trade.bid), _price(orders, trade.offer)
        volume += energy
        welfare += energy * (bid - offer - trade.fee)
        buyers += energy * (bid - all_in_price(trade))
        operator += energy * trade.surplus
        lease_fees += energy * trade.fee
        received += energy * trade.price
    return Measures(
        volume=Wh(volume),
        welfare=welfare,
        buyers_surplus=buyers,
        sellers_surplus=welfare - buyers - operator,
        operator=operator,
        lease_fees=lease_fees,
        received=received,
        paid=received + operator + lease_fees,
        blocking_pairs=blocking_pairs(market_round, reservations(market_round, trades)),
    )


def all_in_price(trade: Trade) -> MicroUsdPerMwh:
    """Return what the buyer pays per MWh."""
    return MicroUsdPerMwh(trade.price + trade.fee + trade.surplus)


def reservations(market_round: Round, trades: Sequence[Trade]) -> Reservations:
    """Return what each order's owner would trade at besides."""
    left = [0 if order is None else int(order.energy) for order in market_round.orders]
    deals: dict[int, dict[int, int]] = {}
    carried: Counter[int | tuple[int, int]] = Counter()
    for trade in trades:
        left[trade.offer] -= trade.energy
        left[trade.bid] -= trade.energy
        paid = all_in_price(trade)
        of_offer = deals.setdefault(trade.offer, {})
        of_offer[trade.bid] = min(of_offer.get(trade.bid, trade.price), trade.price)
        of_bid = deals.setdefault(trade.bid, {})
        of_bid[trade.offer] = max(of_bid.get(trade.offer, paid), paid)
        for route in (trade.offer, trade.bid) if trade.pooled else ((trade.offer, trade.bid),):
            carried[route] += trade.energy

    def price(position: int, order: Order | None) -> int | None:
        if order is None:
            return None
        if left[position] > 0:
            return int(order.price)
        worst = min if order.kind is Kind.OFFER else max
        return worst(deals[position].values())

    return Reservations(
        prices=tuple(price(k, order) for k, order in enumerate(market_round.orders)),
        deals={position: found for position, found in deals.items() if left[position] == 0},
        pairs=frozenset((trade.offer, trade.bid) for trade in trades),
        full_lines=frozenset(
            (edge.offer, edge.bid)
            for edge in market_round.edges
            if carried[edge.offer, edge.bid] >= edge.capacity
        ),
        full_spokes=frozenset(
            k
            for k, spoke in enumerate(market_round.spokes)
            if spoke is not None and carried[k] >= spoke.capacity
        ),
    )


def blocking_pairs(market_round: Round, reserved: Reservations) -> int:
    """
    Return how many pairs would both gain by trading with each other rather than as they do.

    A pair blocks where its route leaves room for a price between what the seller and the buyer
    trade at otherwise (Shapley and Shubik 1971: an outcome in the core has none).
    """
    count = 0
    for low, high in _pooled_reservations(market_round, reserved).values():
        lows = np.sort(np.array(low, dtype=np.int64))
        count += int(np.searchsorted(lows, np.array(high, dtype=np.int64), side="left").sum())
    apart = replace(reserved, pairs=frozenset())
    for offer, bid in reserved.pairs:  # what they pay each other was counted as what others do
        count += _blocks_pooled(market_round, reserved, offer, bid)
        count -= _blocks_pooled(market_round, apart, offer, bid)
    return count + sum(
        _blocks_on_line(market_round, reserved, edge)
        and not _blocks_pooled(market_round, reserved, edge.offer, edge.bid)
        for edge in market_round.edges
    )


def blocking_partners(market_round: Round, reserved: Reservations, position: int) -> list[int]:
    """Return the positions of those that would rather trade with an order, and it with them."""
    is_offer = market_round.order(position).kind is Kind.OFFER
    found = {
        edge.bid if is_offer else edge.offer
        for edge in market_round.edges
        if position in (edge.offer, edge.bid) and _blocks_on_line(market_round, reserved, edge)
    }
    for other, entry in enumerate(market_round.orders):
        if entry is None or (entry.kind is Kind.OFFER) is is_offer:
            continue
        pair = (position, other) if is_offer else (other, position)
        if _blocks_pooled(market_round, reserved, *pair):
            found.add(other)
    return sorted(found)


def _blocks_on_line(market_round: Round, reserved: Reservations, edge: Edge) -> bool:
    prices = reserved.between(edge.offer, edge.bid)
    if prices is None or (edge.offer, edge.bid) in reserved.full_lines:
        return False
    return prices[0] < min(prices[1] - edge.fee, market_round.real_time_price)


def _pooled_reservations(
    market_round: Round, reserved: Reservations
) -> dict[int, tuple[list[int], list[int]]]:
    """Return per manager what offers and bids trade at otherwise, at the pool's side of spokes."""
    found: dict[int, tuple[list[int], list[int]]] = {}
    for k, (order, spoke) in enumerate(zip(market_round.orders, market_round.spokes, strict=False)):
        price = reserved.prices[k]
        if order is None or spoke is None or price is None or k in reserved.full_spokes:
            continue
        low, high = found.setdefault(spoke.manager, ([], []))
        if order.kind is Kind.BID:
            high.append(price - spoke.fee)
        elif price < market_round.real_time_price:
            low.append(price + spoke.fee)
    return found


def _blocks_pooled(market_round: Round, reserved: Reservations, offer: int, bid: int) -> bool:
    if not market_round.spokes or not reserved.full_spokes.isdisjoint((offer, bid)):
        return False
    one, other = market_round.spokes[offer], market_round.spokes[bid]
    prices = reserved.between(offer, bid)
    if one is None or other is None or one.manager != other.manager or prices is None:
        return False
    return prices[0] < min(prices[1] - one.fee - other.fee, market_round.real_time_price)


def _price(orders: Sequence[Order | None], position: int) -> int:
    order = orders[position]
    if order is None:
        raise IndexError(f"entry {position} of the book is not live")
    return order.price
