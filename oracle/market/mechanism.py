"""
The interface of a market mechanism, and what holds for every one of them.

A round's orders meet over two kinds of routes. A *line* joins one offer with one bid, at its lease
fee. A *spoke* joins an order with its manager; two orders of one manager are *pooled*: they may
trade at the sum of their spokes' fees. Lines alone are a full peer-to-peer market, free spokes to
one manager a community market, both together a hybrid one (Sousa et al., "Peer-to-peer and
community-based markets: a comprehensive review", Renewable and Sustainable Energy Reviews 2019).

`require_feasible` refuses what contracts/exchange/Clearing.sol refuses, under the same names.
"""

from collections.abc import Mapping, Sequence
from dataclasses import astuple, dataclass
from typing import ClassVar, Protocol, Self

from oracle.domain.book import (
    FIRST_MANAGER,
    MAX_PARTICIPANTS,
    Kind,
    Order,
    Trade,
    live_orders,
)
from oracle.domain.community import TradeGraph
from oracle.errors import ContractRevert
from oracle.units import MicroUsdPerMwh, Wh

NO_LIMIT = Wh(2**32 - 1)  # the capacity of a line that has none: no order has more energy


@dataclass(frozen=True, slots=True, kw_only=True)
class Edge:
    """A line between a live offer and a live bid that leaves room for a price."""

    offer: int
    bid: int
    fee: MicroUsdPerMwh
    capacity: Wh = NO_LIMIT


@dataclass(frozen=True, slots=True, kw_only=True)
class Spoke:
    """The line between an order and its manager; managers count from 1."""

    manager: int
    fee: MicroUsdPerMwh = MicroUsdPerMwh(0)
    capacity: Wh = NO_LIMIT


POOL = Spoke(manager=1)  # who has it takes part in mechanisms that know one pool only


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """
    What clearing a slot depends on; `orders` has None where an entry is not live.

    `spokes` has an entry per order, None where it has no manager; it is empty where nobody has.
    """

    orders: tuple[Order | None, ...]
    edges: tuple[Edge, ...]
    real_time_price: MicroUsdPerMwh
    spokes: tuple[Spoke | None, ...] = ()

    def order(self, position: int) -> Order:
        """Return a live order; positions come from edges, so a dead one is a bug."""
        order = self.orders[position]
        if order is None:
            raise IndexError(f"entry {position} of the book is not live")
        return order


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """Trades by offer, over lines in their edges' order, then pooled by bid; and their proof."""

    trades: tuple[Trade, ...]
    certificate: bytes = b""


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """A number, or one of some words, that a scenario may give a mechanism."""

    key: str
    default: float | str
    low: float = 0.0
    high: float = 1e6
    choices: tuple[str, ...] = ()


Settings = Mapping[str, float | str]


class Mechanism(Protocol):
    """
    A market mechanism: `clear` may use solvers and floats, `verify` is exact.

    An instance is a frozen dataclass of integers, `parameters`, which its contract was deployed
    with. Deviations from a twin's errors are a bug.
    """

    name: ClassVar[str]
    contract: ClassVar[str]
    graphs: ClassVar[tuple[TradeGraph, ...]]  # those it clears; the first is its own
    settings: ClassVar[tuple[Setting, ...]]
    capacities: ClassVar[bool]  # whether it respects those of lines
    rule: ClassVar[str]  # who trades, and at which price, in a sentence

    @classmethod
    def of(cls, settings: Settings, export_price: MicroUsdPerMwh) -> Self:
        """Return the mechanism of a scenario; `export_price` is what the grid pays."""

    @classmethod
    def of_parameters(cls, parameters: Sequence[int]) -> Self:
        """Return the mechanism that a contract with these parameters checks."""

    @property
    def parameters(self) -> tuple[int, ...]:
        """What the contract's constructor takes, and its `parameters` returns."""

    def clear(self, market_round: Round) -> Outcome:
        """Return the outcome of a round."""

    def certificate_of(self, market_round: Round, trades: Sequence[Trade]) -> bytes:
        """Return what proves trades to be the mechanism's, without a solver, or raise."""

    def verify(self, market_round: Round, outcome: Outcome) -> None:
        """Raise what the contract would revert with, unless the outcome is the mechanism's."""


@dataclass(frozen=True)
class Parametrised:
    """
    What mechanisms share: the parameters are the fields, in their order.

    Unless a mechanism says otherwise it has no settings, and respects no capacities.
    """

    settings: ClassVar[tuple[Setting, ...]] = ()
    capacities: ClassVar[bool] = False

    @classmethod
    def of(cls, settings: Settings, export_price: MicroUsdPerMwh) -> Self:
        return cls()

    @classmethod
    def of_parameters(cls, parameters: Sequence[int]) -> Self:
        return cls(*parameters)

    @property
    def parameters(self) -> tuple[int, ...]:
        return astuple(self)


def round_of(
    book: tuple[Order, ...],
    fees: Mapping[tuple[int, int], MicroUsdPerMwh],
    real_time_price: MicroUsdPerMwh,
    capacities: Mapping[tuple[int, int], Wh] | None = None,
) -> Round:
    """
    Return the round of a book.

    `fees` maps (seller, buyer), by their numbers from 1, to the lease fee of their line; or, from
    FIRST_MANAGER on, a participant and its manager to the fee of its spoke. `capacities` has the
    same keys, those without a limit left out.
    """
    limits = capacities or {}
    orders = live_orders(book)
    bids = {
        order.participant: position
        for position, order in enumerate(orders)
        if order is not None and order.kind is Kind.BID
    }
    peers: dict[int, list[int]] = {}  # with a bid
    managers: dict[int, Spoke] = {}
    for (seller, buyer), fee in fees.items():
        if buyer >= FIRST_MANAGER:
            managers[seller] = Spoke(
                manager=buyer - MAX_PARTICIPANTS,
                fee=fee,
                capacity=limits.get((seller, buyer), NO_LIMIT),
            )
        elif buyer in bids:
            peers.setdefault(seller, []).append(buyer)
    edges = []
    for position, offer in enumerate(orders):
        if offer is None or offer.kind is not Kind.OFFER or offer.price > real_time_price:
            continue
        for buyer in sorted(peers.get(offer.participant, ())):
            bid = bids[buyer]
            fee = fees[offer.participant, buyer]
            limit = orders[bid]
            if limit is not None and offer.price + fee <= limit.price:
                capacity = limits.get((offer.participant, buyer), NO_LIMIT)
                edges.append(Edge(offer=position, bid=bid, fee=fee, capacity=capacity))
    spokes = tuple(None if order is None else managers.get(order.participant) for order in orders)
    return Round(
        orders=orders,
        edges=tuple(edges),
        real_time_price=real_time_price,
        spokes=spokes if managers else (),
    )


def community_round(book: tuple[Order, ...], real_time_price: MicroUsdPerMwh) -> Round:
    """Return the round of a book whose orders all meet in one free pool."""
    orders = live_orders(book)
    spokes = tuple(None if order is None else POOL for order in orders)
    return Round(orders=orders, edges=(), real_time_price=real_time_price, spokes=spokes)


def require_feasible(market_round: Round, trades: Sequence[Trade]) -> None:
    """
    Check what holds for every mechanism: routes, fees, limits, energies, no pair twice on a route.

    Raises
    ------
    ContractRevert
        Under the name of the contract's error.
    """
    edges = iter(market_round.edges)
    filled = [0] * len(market_round.orders)
    pooled = [0] * len(market_round.orders)
    last = (-1, False, -1)
    for position, trade in enumerate(trades):
        pair = (trade.offer, trade.bid)
        if trade.energy == 0 or trade.delivered != 0:
            raise ContractRevert("BadTrade", {"position": position, "trade": trade.pack()})
        place = (trade.offer, trade.pooled, trade.bid if trade.pooled else -1)
        is_ascending = place > last or (place == last and not trade.pooled)
        if market_round.spokes and not is_ascending:  # else the order of the edges says it
            raise ContractRevert("TradesNotAscending", {"position": position})
        last = place
        if trade.pooled:
            fee = _pooled_fee(market_round, position, pair)
            for index in pair:
                pooled[index] += trade.energy
                _require_capacity(position, pooled[index], market_round.spokes[index])
        else:  # an edge that came before is not looked at again
            edge = next((edge for edge in edges if (edge.offer, edge.bid) == pair), None)
            if edge is None:
                raise _no_line(position, pair)
            fee = edge.fee
            _require_capacity(position, trade.energy, edge)
        if trade.fee != fee:
            raise ContractRevert(
                "WrongFee", {"position": position, "fee": trade.fee, "expected": fee}
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
                {"position": position, "price": trade.price, "low": low, "high": max(high, 0)},
            )


def price_limits(market_round: Round, trade: Trade) -> tuple[MicroUsdPerMwh, MicroUsdPerMwh]:
    """Return the lowest and the highest price of a pair, MODEL equation (33)."""
    low = market_round.order(trade.offer).price
    high = market_round.order(trade.bid).price - trade.fee - trade.surplus
    return low, MicroUsdPerMwh(min(high, market_round.real_time_price))


def _pooled_fee(market_round: Round, position: int, pair: tuple[int, int]) -> int:
    """Return the sum of two spokes' fees, if an offer and a bid of one manager meet."""
    if not market_round.spokes or max(pair) >= len(market_round.orders):
        raise _no_line(position, pair)
    offer, bid = (market_round.orders[index] for index in pair)
    one, other = (market_round.spokes[index] for index in pair)
    if (
        offer is None
        or bid is None
        or (offer.kind, bid.kind) != (Kind.OFFER, Kind.BID)
        or one is None
        or other is None
        or one.manager != other.manager
    ):
        raise _no_line(position, pair)
    return one.fee + other.fee


def _require_capacity(position: int, energy: int, route: Edge | Spoke | None) -> None:
    if route is not None and energy > route.capacity:
        raise ContractRevert(
            "LineOverloaded",
            {"position": position, "energyWh": energy, "capacityWh": route.capacity},
        )


def _no_line(position: int, pair: tuple[int, int]) -> ContractRevert:
    return ContractRevert(
        "NoLine", {"position": position, "offerIndex": pair[0], "bidIndex": pair[1]}
    )
