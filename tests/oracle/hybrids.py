"""Random rounds over lines, managers, or both, with ties, capacities and the largest numbers."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from oracle.domain.book import Kind, Order
from oracle.market.mechanism import NO_LIMIT, Edge, Outcome, Round, Spoke
from oracle.units import MicroUsdPerMwh, Wh


def hybrid_round(
    rng: np.random.Generator,
    *,
    orders: int,
    energy: int,
    grain: int,
    lines: float = 0.4,
    managers: int = 2,
    limited: float = 0.3,
) -> Round:
    """
    Return a round whose prices are multiples of `grain`; `energy` is the largest, in Wh.

    `lines` and `limited` are shares: of the pairs that have a line, of the routes with a capacity.
    """

    def below(end: int) -> int:
        return int(rng.integers(end))

    def some_capacity() -> Wh:
        return Wh(below(energy + 1)) if rng.random() < limited else NO_LIMIT

    book: list[Order | None] = []
    for participant in range(1, orders + 1):
        kind = Kind.OFFER if rng.random() < 0.5 else Kind.BID
        price = (below(10) + 3 * (kind is Kind.BID)) * grain
        order = Order(
            kind=kind,
            participant=participant,
            energy=Wh(1 + below(energy)),
            price=MicroUsdPerMwh(price),
        )
        book.append(order if rng.random() < 0.95 else None)
    price_cap = MicroUsdPerMwh((6 + below(8)) * grain)
    edges = []
    for i, offer in enumerate(book):
        for j, bid in enumerate(book):
            if offer is None or bid is None or offer.kind is bid.kind or bid.kind is Kind.OFFER:
                continue
            fee = MicroUsdPerMwh(below(3) * grain)
            fits = offer.price <= price_cap and offer.price + fee <= bid.price
            if fits and rng.random() < lines:
                edges.append(Edge(offer=i, bid=j, fee=fee, capacity=some_capacity()))
    spokes = tuple(
        Spoke(
            manager=1 + below(managers),
            fee=MicroUsdPerMwh(below(2) * grain),
            capacity=some_capacity(),
        )
        if managers and order is not None and rng.random() < 0.7
        else None
        for order in book
    )
    return Round(
        orders=tuple(book),
        edges=tuple(edges),
        spokes=spokes if any(spokes) else (),
        real_time_price=price_cap,
    )


def hybrid_rounds(seed: int, count: int, orders: int = 10) -> Iterator[Round]:
    """Yield rounds of all three trade graphs, of few and many Wh, with many ties and with few."""
    rng = np.random.default_rng(seed)
    for _ in range(count):
        yield hybrid_round(
            rng,
            orders=int(rng.integers(orders + 1)),
            energy=int(rng.choice([1, 4, 1000, 2**32 - 1])),
            grain=int(rng.choice([0, 1, 7, 10**6, 2**44])),
            lines=float(rng.choice([0.0, 0.4, 1.0])),
            managers=int(rng.choice([0, 1, 3])),
            limited=float(rng.choice([0.0, 0.5])),
        )


def swappable_round() -> Round:
    """
    Return two offers and two bids of 1 Wh, all four pairs equal in welfare and time.

    At their positions lots of 32 bits sum alike over both pairings.
    """
    book: list[Order | None] = [None] * 315
    for kind, price, positions in ((Kind.OFFER, 1, (21, 314)), (Kind.BID, 3, (99, 170))):
        for position in positions:
            book[position] = Order(
                kind=kind, participant=1 + position, energy=Wh(1), price=MicroUsdPerMwh(price)
            )
    free = MicroUsdPerMwh(0)
    return Round(
        orders=tuple(book),
        edges=tuple(Edge(offer=i, bid=j, fee=free) for i in (21, 314) for j in (99, 170)),
        real_time_price=MicroUsdPerMwh(9),
    )


def with_partners_swapped(outcome: Outcome) -> Outcome:
    """Return an outcome of two trades over lines with the bids exchanged."""
    first, second = outcome.trades
    swapped = replace(first, bid=second.bid), replace(second, bid=first.bid)
    return replace(outcome, trades=swapped)
