"""What holds for every mechanism: the round of a book, and the checks of every outcome."""

from dataclasses import replace

import pytest

from oracle.domain.book import FIRST_MANAGER, Trade
from oracle.errors import ContractRevert
from oracle.market.mechanism import (
    POOL,
    Edge,
    Round,
    community_round,
    price_limits,
    require_feasible,
    round_of,
)
from oracle.units import MicroUsdPerMwh, Wh
from tests.oracle.books import REAL_TIME_PRICE, a_bid, a_cancellation, a_round, an_offer, both_ways
from tests.oracle.communities import usd_per_kwh


def a_trade(offer: int = 0, bid: int = 1, energy: int = 10, price: float = 0.1) -> Trade:
    return Trade(
        offer=offer,
        bid=bid,
        energy=Wh(energy),
        price=usd_per_kwh(price),
        fee=usd_per_kwh(0.1),
    )


def test_an_edge_is_a_line_from_a_live_offer_to_a_live_bid() -> None:
    market_round = a_round(
        an_offer(3, 10),
        a_bid(1, 10),
        an_offer(2, 10),
        a_bid(4, 10),
        fees={(1, 2): 0.2, (1, 3): 0.1, (2, 3): 0.3, (3, 5): 0.1},
    )

    assert market_round.edges == (
        Edge(offer=0, bid=1, fee=usd_per_kwh(0.1)),
        Edge(offer=2, bid=1, fee=usd_per_kwh(0.2)),
    )


def test_an_offers_edges_ascend_by_the_buyers_number() -> None:
    market_round = a_round(
        a_bid(3, 10), a_bid(2, 10), an_offer(1, 10), fees={(1, 2): 0.2, (1, 3): 0.1}
    )

    assert [edge.bid for edge in market_round.edges] == [1, 0]


@pytest.mark.parametrize("gone", [1, 2])
def test_a_cancelled_order_has_no_edge(gone: int) -> None:
    book = (an_offer(1, 10), a_bid(2, 10), an_offer(3, 10), a_cancellation(gone))

    market_round = round_of(book, both_ways({(1, 2): 0.1, (2, 3): 0.2}), REAL_TIME_PRICE)

    assert [edge.offer for edge in market_round.edges] == ([2] if gone == 1 else [])
    assert market_round.orders[3] is None
    with pytest.raises(IndexError):
        market_round.order(gone - 1)


def test_an_edge_needs_room_for_a_price() -> None:
    fees = {(1, 2): 0.4}
    just, above = usd_per_kwh(0.45), MicroUsdPerMwh(usd_per_kwh(0.45) - 1)

    fits = a_round(an_offer(1, 10, 0.05), replace(a_bid(2, 10), price=just), fees=fees)
    tight = a_round(an_offer(1, 10, 0.05), replace(a_bid(2, 10), price=above), fees=fees)

    assert len(fits.edges) == 1
    assert tight.edges == ()


def test_an_offer_above_the_real_time_price_has_no_edge() -> None:
    assert len(a_round(an_offer(1, 10, 0.3), a_bid(2, 10), fees={(1, 2): 0.1}).edges) == 1
    assert a_round(an_offer(1, 10, 0.3000000001), a_bid(2, 10), fees={(1, 2): 0.1}).edges != ()
    assert a_round(an_offer(1, 10, 0.300000001), a_bid(2, 10), fees={(1, 2): 0.1}).edges == ()


def test_the_real_time_price_caps_a_price_and_the_bid_less_the_fee_too() -> None:
    market_round = a_round(
        an_offer(1, 10), a_bid(2, 10, 0.9), a_bid(3, 10, 0.2), fees={(1, 2): 0.1, (1, 3): 0.1}
    )

    assert price_limits(market_round, a_trade(bid=1)) == (usd_per_kwh(0.05), REAL_TIME_PRICE)
    assert price_limits(market_round, a_trade(bid=2)) == (usd_per_kwh(0.05), usd_per_kwh(0.1))


@pytest.mark.parametrize(
    ("trades", "name"),
    [
        ((a_trade(energy=6), a_trade(energy=4)), "NoLine"),
        ((replace(a_trade(2, 3), fee=usd_per_kwh(0.2)), a_trade()), "NoLine"),
        ((a_trade(energy=0),), "BadTrade"),
        ((a_trade().with_delivered(Wh(1)),), "BadTrade"),
        ((a_trade(0, 3),), "NoLine"),
        ((a_trade(1, 0),), "NoLine"),
        ((a_trade(0, 4),), "NoLine"),  # cancelled
        ((a_trade(0, 9),), "NoLine"),
        ((replace(a_trade(), fee=usd_per_kwh(0.2)),), "WrongFee"),
        ((replace(a_trade(2, 3), fee=usd_per_kwh(0.1)),), "WrongFee"),  # of another pair
        ((a_trade(price=0.049999999),), "PriceOutsideLimits"),
        ((a_trade(price=0.300000001),), "PriceOutsideLimits"),
        ((a_trade(energy=11),), "Overfilled"),
        ((a_trade(), replace(a_trade(2, 1, 1), fee=usd_per_kwh(0.3))), "Overfilled"),
        ((replace(a_trade(), pooled=True),), "NoLine"),
        ((replace(a_trade(price=0.2), surplus=usd_per_kwh(0.600000001)),), "PriceOutsideLimits"),
        ((replace(a_trade(), surplus=usd_per_kwh(9)),), "PriceOutsideLimits"),
    ],
)
def test_refuses_what_the_exchange_refuses(trades: tuple[Trade, ...], name: str) -> None:
    market_round = a_round(
        an_offer(1, 10),
        a_bid(2, 10),
        an_offer(3, 10),
        a_bid(4, 10),
        a_bid(5, 10),
        a_cancellation(5),
        fees={(1, 2): 0.1, (3, 4): 0.2, (1, 5): 0.1, (2, 3): 0.3},
    )

    with pytest.raises(ContractRevert) as refusal:
        require_feasible(market_round, trades)

    assert refusal.value.name == name


def test_lets_through_what_is_on_the_limits() -> None:
    market_round = a_round(an_offer(1, 10), a_bid(2, 10), fees={(1, 2): 0.1})

    require_feasible(market_round, (a_trade(price=0.05),))
    require_feasible(market_round, (a_trade(price=0.3),))
    require_feasible(market_round, ())


def a_hybrid_round(capacities: dict[tuple[int, int], Wh] | None = None) -> Round:
    """Return two sellers and two buyers with a line and a manager; the last has another one."""
    first, second = FIRST_MANAGER, FIRST_MANAGER + 1
    fees = {(1, 3): 0.05, (1, first): 0.01, (2, first): 0.02, (3, first): 0.03, (4, second): 0.0}
    book = (an_offer(1, 10), an_offer(2, 10), a_bid(3, 15), a_bid(4, 15))
    routes = {pair: usd_per_kwh(fee) for pair, fee in fees.items()}
    return round_of(book, routes, REAL_TIME_PRICE, capacities)


def a_pooled_trade(offer: int = 0, bid: int = 2, energy: int = 5, fee: float = 0.04) -> Trade:
    return replace(a_trade(offer, bid, energy), fee=usd_per_kwh(fee), pooled=True)


def test_orders_of_one_manager_meet_at_the_sum_of_their_fees() -> None:
    over_the_line = replace(a_trade(0, 2, 5), fee=usd_per_kwh(0.05))

    require_feasible(
        a_hybrid_round(), (over_the_line, a_pooled_trade(), a_pooled_trade(1, 2, 5, 0.05))
    )


def test_a_spoke_is_free_unless_it_says_otherwise() -> None:
    book = (an_offer(1, 10), a_bid(2, 10))
    fees = {(1, FIRST_MANAGER): usd_per_kwh(0), (2, FIRST_MANAGER): usd_per_kwh(0)}

    assert round_of(book, fees, REAL_TIME_PRICE).spokes == (POOL, POOL)
    assert community_round(book, REAL_TIME_PRICE).spokes == (POOL, POOL)


@pytest.mark.parametrize(
    ("trades", "name"),
    [
        ((a_pooled_trade(0, 3),), "NoLine"),  # of another manager
        ((a_pooled_trade(0, 1),), "NoLine"),  # two offers
        ((a_pooled_trade(2, 0),), "NoLine"),
        ((a_pooled_trade(0, 9),), "NoLine"),
        ((a_pooled_trade(fee=0.03),), "WrongFee"),
        ((a_pooled_trade(fee=0.05),), "WrongFee"),  # of the line
        ((a_pooled_trade(energy=2), a_pooled_trade(energy=2)), "TradesNotAscending"),
        ((a_pooled_trade(1, 2, 5, 0.05), a_pooled_trade()), "TradesNotAscending"),
        (
            (a_pooled_trade(), replace(a_trade(0, 2, 5), fee=usd_per_kwh(0.05))),
            "TradesNotAscending",
        ),
        ((a_pooled_trade(energy=11),), "Overfilled"),
    ],
)
def test_refuses_what_no_manager_lets_through(trades: tuple[Trade, ...], name: str) -> None:
    with pytest.raises(ContractRevert) as refusal:
        require_feasible(a_hybrid_round(), trades)

    assert refusal.value.name == name


@pytest.mark.parametrize(
    ("limited", "trades"),
    [
        ((1, 3), (replace(a_trade(0, 2, 5), fee=usd_per_kwh(0.05)),)),
        ((1, FIRST_MANAGER), (a_pooled_trade(),)),
        ((3, FIRST_MANAGER), (a_pooled_trade(energy=3), a_pooled_trade(1, 2, 2, 0.05))),
    ],
)
def test_a_capacity_bounds_what_goes_over_a_line(
    limited: tuple[int, int], trades: tuple[Trade, ...]
) -> None:
    require_feasible(a_hybrid_round({limited: Wh(5)}), trades)

    with pytest.raises(ContractRevert) as refusal:
        require_feasible(a_hybrid_round({limited: Wh(4)}), trades)

    assert refusal.value.name == "LineOverloaded"
    assert list(refusal.value.values.values())[1:] == [5, 4]
