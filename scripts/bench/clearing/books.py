"""
The books: the same synthetic orders for all, in one free pool or over lines at random fees.

Each offer has lines to some of the bids, drawn at random; those that leave room for a price count.
"""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from oracle.domain.book import Kind, Order
from oracle.errors import InvalidInputError
from oracle.market.average_rounds import AverageRounds, opening_terms
from oracle.market.mechanism import POOL, Edge, Round
from oracle.market.pairwise_nash import PairwiseNash, bid_terms, offer_terms
from oracle.units import Bps, MicroUsdPerMwh, Wh

USD = 1_000_000  # micro-USD
EXPORT_PRICE = MicroUsdPerMwh(100 * USD)
REAL_TIME_PRICE = MicroUsdPerMwh(300 * USD)  # what the best bid pays, so that it binds nobody
MOST_FEE = 50 * USD
OPENS_AWAY = 0.2  # from its limit, as a share of it, where a mechanism lets orders move
# Even. Positions have 16 bits, but tie-breaks of `matching` 15 for times, which are as many as
# orders: its certificate of a larger book would be refused.
MOST_LINED = (1 << 15) - 2


def drawn_orders(seed: int, count: int) -> tuple[Order, ...]:
    """
    Return a household's quarter of an hour: offers and bids in turn, of 1 to 4,999 Wh.

    Offers ask 50 to 150 USD/MWh, bids pay 100 to 300, all evenly spread.
    """
    draw = np.random.default_rng([seed, count])
    energies = draw.integers(1, 5_000, size=count).tolist()
    shares = draw.random(count).tolist()
    scores = draw.integers(500, 9_500, size=count).tolist()
    return tuple(
        Order(
            kind=Kind.BID if place % 2 else Kind.OFFER,
            participant=place + 1,
            energy=Wh(energies[place]),
            price=MicroUsdPerMwh(round(_usd_per_mwh(place, shares[place]) * USD)),
            score=Bps(scores[place]),
        )
        for place in range(count)
    )


def pool_round(orders: tuple[Order, ...]) -> Round:
    """Return the round where all orders meet in one free pool."""
    return Round(
        orders=orders, edges=(), spokes=(POOL,) * len(orders), real_time_price=REAL_TIME_PRICE
    )


def lined_round(orders: tuple[Order, ...], lines: int, seed: int) -> Round:
    """
    Return the round where each offer has lines to some of the bids, up to 50 USD/MWh each.

    Raises
    ------
    InvalidInputError
        If there are fewer bids than lines, or more orders than MOST_LINED.
    """
    if not 2 * lines <= len(orders) <= MOST_LINED:
        raise InvalidInputError(
            f"{len(orders):,} orders with {lines} lines each: expected from {2 * lines:,} to "
            f"{MOST_LINED:,} orders"
        )
    return Round(
        orders=orders, edges=tuple(_edges(orders, lines, seed)), real_time_price=REAL_TIME_PRICE
    )


def with_terms(orders: tuple[Order, ...], mechanism: str) -> tuple[Order, ...]:
    """Return the orders with what a mechanism wants to know besides energy and price."""
    if mechanism == PairwiseNash.name:
        terms = bid_terms(MicroUsdPerMwh(150 * USD), Wh(20_000), Bps(6_000))
        return tuple(
            replace(one, terms=terms if one.kind is Kind.BID else offer_terms(one.price))
            for one in orders
        )
    if mechanism == AverageRounds.name:
        return tuple(replace(one, terms=opening_terms(_opening(one))) for one in orders)
    return orders


def _usd_per_mwh(place: int, share: float) -> float:
    return 100 + 200 * share if place % 2 else 50 + 100 * share


def _opening(order: Order) -> MicroUsdPerMwh:
    away = OPENS_AWAY if order.kind is Kind.OFFER else -OPENS_AWAY
    return MicroUsdPerMwh(round(order.price * (1 + away)))


def _edges(orders: tuple[Order, ...], lines: int, seed: int) -> Iterator[Edge]:
    draw = np.random.default_rng([seed, len(orders), lines])
    bids = len(orders) // 2
    for offer in range(0, len(orders), 2):
        some = 2 * np.sort(draw.choice(bids, lines, replace=False)) + 1
        fees = draw.integers(MOST_FEE, size=lines)
        for bid, fee in zip(some.tolist(), fees.tolist(), strict=True):
            if orders[offer].price + fee <= orders[bid].price:
                yield Edge(offer=offer, bid=bid, fee=MicroUsdPerMwh(fee))
