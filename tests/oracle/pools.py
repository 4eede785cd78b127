"""Rounds of a community's pool: by hand, and random ones with all that may be in a book."""

from collections.abc import Iterable, Iterator
from dataclasses import replace

import numpy as np

from oracle.domain.book import Kind, Order, Trade
from oracle.market.mechanism import POOL, Outcome, Round, Spoke, community_round
from oracle.units import MicroUsdPerMwh, Wh

UNIT = 1000  # Wh, of an order in books of unit energy
USD = 1_000_000  # micro-USD
HIGH = MicroUsdPerMwh(1000 * USD)  # a real-time price above all others

Rows = Iterable[tuple[int, float]]  # energy in Wh, price in USD/MWh


def pool_round(offers: Rows, bids: Rows, real_time_price: MicroUsdPerMwh = HIGH) -> Round:
    """Return a round whose offers come first, then its bids, in the given order."""
    rows = [(Kind.OFFER, *row) for row in offers] + [(Kind.BID, *row) for row in bids]
    book = tuple(
        Order(
            kind=kind,
            participant=number,
            energy=Wh(energy),
            price=MicroUsdPerMwh(round(price * USD)),
        )
        for number, (kind, energy, price) in enumerate(rows, 1)
    )
    return community_round(book, real_time_price)


def units(prices: Iterable[float]) -> list[tuple[int, float]]:
    return [(UNIT, price) for price in prices]


def random_round(
    rng: np.random.Generator,
    *,
    entries: int = 12,
    energy: int = 5,
    price: int = 8,
    real_time_price: int | None = None,
) -> Round:
    """
    Return a round with up to `entries` orders, energies from 1 and prices from 0 to the largest.

    Small numbers make ties; a few orders are cancelled, out of the pool, or with another manager.
    """
    count = int(rng.integers(entries + 1))
    orders: list[Order | None] = []
    spokes: list[Spoke | None] = []
    for number in range(1, count + 1):
        order = Order(
            kind=Kind.OFFER if rng.random() < 0.5 else Kind.BID,
            participant=number,
            energy=Wh(int(rng.integers(1, energy, endpoint=True))),
            price=MicroUsdPerMwh(int(rng.integers(price, endpoint=True))),
        )
        fate = rng.random()
        orders.append(None if fate < 0.05 else order)
        other = Spoke(manager=2) if fate > 0.97 else Spoke(manager=1, fee=MicroUsdPerMwh(1))
        spokes.append(None if fate < 0.1 else other if fate > 0.94 else POOL)
    cap = int(rng.integers(price // 2, 2 * price, endpoint=True))
    return Round(
        orders=tuple(orders),
        edges=(),
        real_time_price=MicroUsdPerMwh(cap if real_time_price is None else real_time_price),
        spokes=tuple(spokes),
    )


def random_rounds(seed: int, count: int, **kinds: int) -> Iterator[Round]:
    rng = np.random.default_rng(seed)
    for _ in range(count):
        yield random_round(rng, **kinds)


def large_round(count: int, *, energy: int = 20_000, price: int = 300) -> Round:
    """Return a round in which `count` orders take part, prices in whole USD/MWh from 1."""
    rng = np.random.default_rng(count)
    energies = rng.integers(1, energy, size=count, endpoint=True).tolist()
    prices = rng.integers(1, price, size=count, endpoint=True).tolist()
    sells = (rng.random(count) < 0.5).tolist()
    book = tuple(
        Order(
            kind=Kind.OFFER if is_offer else Kind.BID,
            participant=number,
            energy=Wh(of_order),
            price=MicroUsdPerMwh(in_usd * USD),
        )
        for number, (is_offer, of_order, in_usd) in enumerate(
            zip(sells, energies, prices, strict=True), 1
        )
    )
    return community_round(book, HIGH)


def taking_part(market_round: Round, kind: Kind) -> list[tuple[int, int, int]]:
    """Position, energy and clipped price of the orders of the pool, in the book's order."""
    cap = market_round.real_time_price
    return [
        (position, order.energy, min(order.price, cap))
        for position, (order, spoke) in enumerate(
            zip(market_round.orders, market_round.spokes, strict=True)
        )
        if order is not None
        and order.kind is kind
        and spoke == POOL
        and not (kind is Kind.OFFER and order.price > cap)
    ]


def filled(market_round: Round, trades: Iterable[Trade]) -> list[int]:
    """What each entry of the book trades, in Wh."""
    energies = [0] * len(market_round.orders)
    for trade in trades:
        energies[trade.offer] += trade.energy
        energies[trade.bid] += trade.energy
    return energies


def welfare(market_round: Round, outcome: Outcome) -> int:
    """The gains from trade in micro-USD/MWh times Wh, bids clipped to the real-time price."""
    cap = market_round.real_time_price
    return sum(
        trade.energy
        * (min(market_round.order(trade.bid).price, cap) - market_round.order(trade.offer).price)
        for trade in outcome.trades
    )


def best_volume_and_welfare(market_round: Round) -> tuple[int, int]:
    """Every Wh by itself: the best for each volume, and the largest volume that is best."""
    costs = sorted(
        price for _, energy, price in taking_part(market_round, Kind.OFFER) for _ in range(energy)
    )
    values = sorted(
        (price for _, energy, price in taking_part(market_round, Kind.BID) for _ in range(energy)),
        reverse=True,
    )
    gains = [0]
    for cost, value in zip(costs, values, strict=False):
        gains.append(gains[-1] + value - cost)
    best = max(gains)
    return max(volume for volume, gain in enumerate(gains) if gain == best), best


def with_order(market_round: Round, position: int, **changes: object) -> Round:
    """Return the round with one order changed."""
    orders = list(market_round.orders)
    orders[position] = replace(market_round.order(position), **changes)  # type: ignore[arg-type]
    return replace(market_round, orders=tuple(orders))
