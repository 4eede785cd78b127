"""
The most that the routes of a round allow: welfare and energy.

A pool is two sorted curves. Its best welfare lies where they cross; its largest volume, every pair
leaving room for a price, is a matching in nested neighbourhoods, so the smallest cut is one price:
all bids above it and all offers up to it. Other graphs are transports: the engine of `matching` is
exact in welfare, and for the volume a linear program passes energy along the prices that a pool
joins, from an offer's to every bid's that is as high.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from operator import mul

import numpy as np

from oracle.compare.rules import Rule
from oracle.domain.book import MAX_PRICE, Kind
from oracle.market.crossing import Curve, crossing_of
from oracle.market.mechanism import POOL, Round, Spoke
from oracle.market.pool import pool_of
from oracle.program import AT_MOST, EQUAL, Program, Term, Variable
from oracle.units import MicroUsdPerMwh, Wh

TIME_LIMIT_S = 60.0


def is_one_pool(market_round: Round) -> bool:
    """Return whether all routes are those of the free pool."""
    return not market_round.edges and all(
        spoke is None or spoke is POOL or spoke == POOL for spoke in market_round.spokes
    )


def largest_welfare(market_round: Round, engine: Rule) -> int:
    """Return max Σ (bid − offer − fee) · energy, in pico-USD; `engine` clears what is no pool."""
    whole = _with_whole_limits(market_round)
    if is_one_pool(whole):
        return _pool_welfare(whole)
    return sum(
        trade.energy
        * (market_round.order(trade.bid).price - market_round.order(trade.offer).price - trade.fee)
        for trade in engine.clear(whole).trades
    )


def largest_volume(market_round: Round) -> Wh:
    """Return the most energy that pairs with a route and room for a price can trade."""
    if is_one_pool(market_round):
        return _pool_volume(market_round)
    return _transport_volume(market_round)


def _pool_welfare(market_round: Round) -> int:
    found = crossing_of(pool_of(market_round))

    def worth(curve: Curve) -> int:
        traded = np.diff(np.minimum(curve.end, found.volume), prepend=0)
        return sum(map(mul, traded.tolist(), curve.price.tolist()))  # beyond 64 bits

    return worth(found.demand) - worth(found.supply)


def _with_whole_limits(market_round: Round) -> Round:
    """Return a round in which bids count with all of their limits; the same offers take part."""
    price = market_round.real_time_price
    orders = tuple(
        None if order and order.kind is Kind.OFFER and order.price > price else order
        for order in market_round.orders
    )
    return replace(market_round, orders=orders, real_time_price=MicroUsdPerMwh(MAX_PRICE))


def _pool_volume(market_round: Round) -> Wh:
    pool = pool_of(market_round)
    offers, bids = pool.offers, pool.bids
    if not len(offers) or not len(bids):
        return Wh(0)
    ranked = offers.ranked()
    supply = np.concatenate([[0], np.cumsum(offers.energy[ranked])])
    ascending = np.argsort(bids.price, kind="stable")
    demand = np.concatenate([[0], np.cumsum(bids.energy[ascending])])
    prices = np.unique(bids.price)
    up_to = supply[np.searchsorted(offers.price[ranked], prices, side="right")]
    above = demand[-1] - demand[np.searchsorted(bids.price[ascending], prices, side="right")]
    return Wh(int(min(demand[-1], (up_to + above).min())))


def _transport_volume(market_round: Round) -> Wh:
    """Return the largest flow; the program is a network's, so its optimum is a whole number."""
    program = Program("largest volume of a slot")
    flows: dict[int, list[Variable]] = {}
    for edge in market_round.edges:
        line = program.variable(
            f"line_{edge.offer}_{edge.bid}", high=float(edge.capacity), cost=-1.0
        )
        flows.setdefault(edge.offer, []).append(line)
        flows.setdefault(edge.bid, []).append(line)
    _add_pools(program, market_round, flows)
    if not flows:
        return Wh(0)
    for position, of_order in flows.items():
        _limit(program, position, of_order, int(market_round.order(position).energy))
    return Wh(round(-program.solve(time_limit_s=TIME_LIMIT_S).objective_usd))


def _add_pools(program: Program, market_round: Round, flows: dict[int, list[Variable]]) -> None:
    """Add for each manager its members' spokes and the chain of their prices."""
    members: dict[int, list[tuple[int, bool, int]]] = {}
    for position, (order, spoke) in enumerate(
        zip(market_round.orders, market_round.spokes, strict=False)
    ):
        if order is None or spoke is None:
            continue
        is_bid = order.kind is Kind.BID
        price = order.price - spoke.fee if is_bid else order.price + spoke.fee
        if is_bid or order.price <= market_round.real_time_price:
            members.setdefault(spoke.manager, []).append((price, is_bid, position))
    for manager, some in members.items():
        inflow: list[Term] = []
        for price, is_bid, position in sorted(some):  # of equal prices the offers come first
            spoke = market_round.spokes[position] or Spoke(manager=manager)
            leg = program.variable(
                f"spoke_{position}", high=float(spoke.capacity), cost=-1.0 if is_bid else 0.0
            )
            flows.setdefault(position, []).append(leg)
            inflow.append((leg, -1.0 if is_bid else 1.0))
            if is_bid:
                left = program.variable(f"left_{position}")
                words = f"energy of manager {manager} up to a price of {price}"
                terms = (*inflow, (left, -1.0))
                program.require(f"pool_{position}", terms, EQUAL, 0.0, words, "Wh")
                inflow = [(left, 1.0)]


def _limit(program: Program, position: int, flows: Iterable[Variable], energy: int) -> None:
    terms: Sequence[Term] = [(flow, 1.0) for flow in flows]
    words = f"energy of entry {position} of the book"
    program.require(f"energy_{position}", terms, AT_MOST, float(energy), words, "Wh")
