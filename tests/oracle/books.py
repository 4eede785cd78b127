"""Order books to clear, and a second way to clear them."""

from collections.abc import Iterator, Mapping

from hypothesis import strategies as st

from oracle.domain.book import Kind, Order, Trade
from oracle.market.mechanism import Edge, Round, round_of
from oracle.market.pairwise_nash import bid_terms, offer_terms
from oracle.units import Bps, MicroUsdPerMwh, Wh
from tests.oracle.communities import usd_per_kwh

Fees = Mapping[tuple[int, int], MicroUsdPerMwh]

REAL_TIME_PRICE = usd_per_kwh(0.3)


def an_offer(participant: int, energy: int, price: float = 0.05) -> Order:
    return Order(
        kind=Kind.OFFER,
        participant=participant,
        energy=Wh(energy),
        price=usd_per_kwh(price),
        score=Bps(8200),
        terms=offer_terms(usd_per_kwh(price)),
    )


def a_bid(participant: int, energy: int, price: float = 0.9) -> Order:
    return Order(
        kind=Kind.BID,
        participant=participant,
        energy=Wh(energy),
        price=usd_per_kwh(price),
        terms=bid_terms(usd_per_kwh(0.4), Wh(85_000), Bps(5_000)),
    )


def a_cancellation(participant: int) -> Order:
    return Order(kind=Kind.CANCELLATION, participant=participant)


def both_ways(fees: Mapping[tuple[int, int], float]) -> dict[tuple[int, int], MicroUsdPerMwh]:
    """Fees per pair of participants, in USD/kWh."""
    there = {pair: usd_per_kwh(fee) for pair, fee in fees.items()}
    return there | {(buyer, seller): fee for (seller, buyer), fee in there.items()}


def a_round(*orders: Order, fees: Mapping[tuple[int, int], float]) -> Round:
    return round_of(orders, both_ways(fees), REAL_TIME_PRICE)


@st.composite
def rounds(draw: st.DrawFn, largest_energy: int, participants: int) -> Round:
    """Books with ties, islands, dead orders and prices that leave no room."""
    orders = []
    for participant in draw(st.permutations(range(1, participants + 1))):
        energy = draw(st.integers(1, largest_energy))
        if draw(st.booleans()):
            orders.append(an_offer(participant, energy, draw(st.sampled_from([0.05, 0.1, 0.31]))))
        else:
            orders.append(a_bid(participant, energy, draw(st.sampled_from([0.2, 0.5, 0.9]))))
    gone = draw(st.lists(st.integers(1, participants), max_size=1))
    pairs = [(i, j) for i in range(1, participants + 1) for j in range(1, i)]
    fees = draw(
        st.dictionaries(st.sampled_from(pairs), st.sampled_from([0.0, 0.1, 0.1000001, 0.4]))
    )
    return a_round(*orders, *map(a_cancellation, gone), fees=fees)


def lexicographic_value(market_round: Round, trades: tuple[Trade, ...]) -> tuple[int, int, int]:
    """Energy served, fees saved, early orders: what counts, in this order."""
    entries = len(market_round.orders)
    return (
        sum(trade.energy for trade in trades),
        -sum(trade.energy * trade.fee for trade in trades),
        sum(trade.energy * (entries - trade.offer) * (entries - trade.bid) for trade in trades),
    )


def every_matching(market_round: Round) -> Iterator[tuple[Trade, ...]]:
    """Every feasible matching of a small round in whole Wh, without prices."""
    left = {p: order.energy for p, order in enumerate(market_round.orders) if order is not None}

    def extended(
        edges: tuple[Edge, ...], left: dict[int, Wh], trades: tuple[Trade, ...]
    ) -> Iterator[tuple[Trade, ...]]:
        if not edges:
            yield trades
            return
        edge = edges[0]
        for energy in range(min(left[edge.offer], left[edge.bid]) + 1):
            rest = left | {
                edge.offer: Wh(left[edge.offer] - energy),
                edge.bid: Wh(left[edge.bid] - energy),
            }
            trade = Trade(
                offer=edge.offer,
                bid=edge.bid,
                energy=Wh(energy),
                price=MicroUsdPerMwh(0),
                fee=edge.fee,
            )
            yield from extended(edges[1:], rest, (*trades, trade) if energy else trades)

    return extended(market_round.edges, left, ())
