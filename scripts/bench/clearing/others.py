"""
Algorithms that are not ours: pymarket's, and plain ones as somebody would write them in an hour.

pymarket (Kiedanki, Kofman and Horta, "PyMarket: a simple library for simulating markets in Python",
Journal of Open Source Software 5(46), 2020) is called by its algorithms themselves: what it wraps
around its auctions fails with pandas 3.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pulp

from oracle.domain.book import Kind
from oracle.market.mechanism import Round
from scripts.bench.clearing.books import USD
from scripts.bench.clearing.sums import Flow

Fill = tuple[int, float]  # position of an order, Wh

# Imports of pymarket stand in the functions: it is an extra, and loads a library of plots.


def pymarket_bids(market_round: Round) -> Any:
    """Return the orders as pymarket's frame, prices in USD/MWh; its rows are their positions."""
    from pymarket.bids import BidManager

    manager = BidManager()
    for position in range(len(market_round.orders)):
        order = market_round.order(position)
        manager.add_bid(order.energy, order.price / USD, position, order.kind is Kind.BID)
    return manager.get_df()


def pymarket_huang(bids: Any) -> list[Fill]:
    """Clear by pymarket's auction of Huang and others."""
    from pymarket.mechanisms.huang_auction import huang_auction

    return _fills(huang_auction(bids)[0])


def pymarket_muda(bids: Any) -> list[Fill]:
    """Clear by pymarket's MUDA, which splits the traders at random."""
    from pymarket.mechanisms.muda_auction import muda

    return _fills(muda(bids, r=np.random.RandomState(1))[0])  # it wants that one


def pymarket_p2p(bids: Any) -> list[Fill]:
    """Clear by pymarket's random encounters."""
    from pymarket.mechanisms.p2p_random import p2p_random

    return _fills(p2p_random(bids, r=np.random.RandomState(1))[0])


def _fills(transactions: Any) -> list[Fill]:
    return [(int(bid), float(energy)) for bid, energy, *_ in transactions.trans if energy]


def crossing(market_round: Round) -> list[Flow]:
    """Sort both sides by price and match from the top for as long as a bid pays the offer."""
    orders = [market_round.order(position) for position in range(len(market_round.orders))]
    offers = [place for place, order in enumerate(orders) if order.kind is Kind.OFFER]
    bids = [place for place, order in enumerate(orders) if order.kind is Kind.BID]
    offers.sort(key=lambda place: orders[place].price)
    bids.sort(key=lambda place: -orders[place].price)
    left: list[int] = [order.energy for order in orders]
    flows: list[Flow] = []
    while offers and bids and orders[bids[0]].price >= orders[offers[0]].price:
        offer, bid = offers[0], bids[0]
        energy = min(left[offer], left[bid])
        flows.append((offer, bid, energy))
        for side, place in ((offers, offer), (bids, bid)):
            left[place] -= energy
            if not left[place]:
                side.pop(0)
    return flows


def largest_welfare(market_round: Round) -> list[Flow]:
    """Find the energies over the lines that are worth most after fees, by a linear program."""
    program, flows = _program(market_round)
    program.setObjective(
        pulp.lpSum(-_gain(market_round, place) * flow for place, flow in enumerate(flows))
    )
    _solve(program)
    return list(_solution(market_round, flows))


def largest_volume(market_round: Round) -> list[Flow]:
    """Find the largest energy over the lines, then the least fees for it: two linear programs."""
    program, flows = _program(market_round)
    volume = pulp.lpSum(flows)
    program.setObjective(-volume)
    _solve(program)
    program += volume >= round(pulp.value(volume))
    program.setObjective(
        pulp.lpSum(
            edge.fee / USD * flow for edge, flow in zip(market_round.edges, flows, strict=True)
        )
    )
    _solve(program)
    return list(_solution(market_round, flows))


def _program(market_round: Round) -> tuple[pulp.LpProblem, list[pulp.LpVariable]]:
    """Return what fits the orders, in Wh."""
    program = pulp.LpProblem("market", pulp.LpMinimize)
    flows = [program.add_variable(f"flow_{place}", 0) for place in range(len(market_round.edges))]
    of_order: dict[int, list[pulp.LpVariable]] = {}
    for edge, flow in zip(market_round.edges, flows, strict=True):
        of_order.setdefault(edge.offer, []).append(flow)
        of_order.setdefault(edge.bid, []).append(flow)
    for position, some in of_order.items():
        program += pulp.lpSum(some) <= market_round.order(position).energy
    return program, flows


def _gain(market_round: Round, place: int) -> float:
    edge = market_round.edges[place]
    value = market_round.order(edge.bid).price - market_round.order(edge.offer).price
    return (value - edge.fee) / USD


def _solve(program: pulp.LpProblem) -> None:
    program.solve(pulp.HiGHS(msg=False, threads=1))
    if program.status != pulp.LpStatusOptimal:
        raise RuntimeError(f"the plain program ended as {pulp.LpStatus[program.status]}")


def _solution(market_round: Round, flows: list[pulp.LpVariable]) -> Iterator[Flow]:
    for edge, flow in zip(market_round.edges, flows, strict=True):
        energy = pulp.value(flow) or 0.0
        if energy > 1e-6:
            yield edge.offer, edge.bid, energy
