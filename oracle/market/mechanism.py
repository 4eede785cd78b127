"""
The interface of a market mechanism, and what holds for every one of them.

`require_feasible` refuses what contracts/exchange/Clearing.sol refuses, under the same names.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from oracle.domain.book import MAX_PARTICIPANTS, Kind, Order, Trade, live_orders
from oracle.errors import ContractRevert
from oracle.units import MicroUsdPerMwh


@dataclass(frozen=True, slots=True, kw_only=True)
class Edge:
    """A line between a live offer and a live bid that leaves room for a price."""

    offer: int
    bid: int
    fee: MicroUsdPerMwh


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """What clearing a slot depends on; `orders` has None where an entry is not live."""

    orders: tuple[Order | None, ...]
    edges: tuple[Edge, ...]
    real_time_price: MicroUsdPerMwh

    def order(self, position: int) -> Order:
        """Return a live order; positions come from edges, so a dead one is a bug."""
        order = self.orders[position]
        if order is None:
            raise IndexError(f"entry {position} of the book is not live")
        return order


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """Trades in the order of their edges, and what proves them."""

    trades: tuple[Trade, ...]
    certificate: bytes


class Mechanism(Protocol):
    """A market mechanism: `clear` may use solvers and floats, `verify` is exact."""

    name: str
    contract: str

    def clear(self, market_round: Round) -> Outcome:
        """Return the outcome of a round."""

    def certificate_of(self, market_round: Round, trades: Sequence[Trade]) -> bytes:
        """Return what proves trades optimal, without a solver; raise NotOptimal if nothing does."""

    def verify(self, market_round: Round, outcome: Outcome) -> None:
        """Raise what the contract would revert with, unless the outcome is the mechanism's."""


def round_of(
    book: tuple[Order, ...],
    fees: dict[tuple[int, int], MicroUsdPerMwh],
    real_time_price: MicroUsdPerMwh,
) -> Round:
    """
    Return the round of a book.

    `fees` maps (seller, buyer), by their numbers from 1, to the lease fee of their line.
    """
    orders = live_orders(book)
    bids = {
        order.participant: position
        for position, order in enumerate(orders)
        if order is not None and order.kind is Kind.BID
    }
    peers: dict[int, list[int]] = {}
    for seller, buyer in sorted(fees):
        peers.setdefault(seller, []).append(buyer)
    edges = []
    for position, offer in enumerate(orders):
        if offer is None or offer.kind is not Kind.OFFER or offer.price > real_time_price:
            continue
        for buyer in peers.get(offer.participant, ()):
            bid = bids.get(buyer)
            if bid is None or buyer > MAX_PARTICIPANTS:
                continue
            fee = fees[offer.participant, buyer]
            limit = orders[bid]
            if limit is not None and offer.price + fee <= limit.price:
                edges.append(Edge(offer=position, bid=bid, fee=fee))
    return Round(orders=orders, edges=tuple(edges), real_time_price=real_time_price)


def require_feasible(market_round: Round, trades: Sequence[Trade]) -> None:
    """
    Check what holds for every mechanism: lines, fees, limits, energies, no pair twice.

    Raises
    ------
    ContractRevert
        Under the name of the contract's error.
    """
    edges = iter(market_round.edges)
    filled = [0] * len(market_round.orders)
    for position, trade in enumerate(trades):
        pair = (trade.offer, trade.bid)
        if trade.energy == 0 or trade.delivered != 0:
            raise ContractRevert("BadTrade", {"position": position, "trade": trade.pack()})
        edge = next((edge for edge in edges if (edge.offer, edge.bid) == pair), None)
        if edge is None:  # or it came before
            raise ContractRevert(
                "NoLine", {"position": position, "offerIndex": pair[0], "bidIndex": pair[1]}
            )
        if trade.fee != edge.fee:
            raise ContractRevert(
                "WrongFee", {"position": position, "fee": trade.fee, "expected": edge.fee}
            )
        for index in pair:
            filled[index] += trade.energy
            ordered = market_round.order(index).energy
            if filled[index] > ordered:
                raise ContractRevert(
                    "Overfilled",
                    {"orderIndex": index, "filledWh": filled[index], "orderedWh": ordered},
                )
        low, high = price_limits(market_round, trade)
        if not low <= trade.price <= high:
            raise ContractRevert(
                "PriceOutsideLimits",
                {"position": position, "price": trade.price, "low": low, "high": high},
            )


def price_limits(market_round: Round, trade: Trade) -> tuple[MicroUsdPerMwh, MicroUsdPerMwh]:
    """Return the lowest and the highest price of a pair, MODEL equation (33)."""
    low = market_round.order(trade.offer).price
    high = market_round.order(trade.bid).price - trade.fee
    return low, MicroUsdPerMwh(min(high, market_round.real_time_price))
