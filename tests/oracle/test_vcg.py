"""The Vickrey-Clarke-Groves benchmark: known answer, Clarke's rule by order, no gainful lie."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from oracle.domain.book import MAX_ENERGY, MAX_PRICE, Kind
from oracle.market.mechanism import Round
from oracle.market.uniform import Uniform
from oracle.market.vcg import VcgOutcome, vcg
from oracle.units import MicroUsdPerMwh
from tests.oracle.pools import (
    UNIT,
    USD,
    best_volume_and_welfare,
    filled,
    pool_round,
    random_round,
    random_rounds,
    taking_part,
    units,
    with_order,
)


def without(market_round: Round, position: int) -> Round:
    orders = (*market_round.orders[:position], None, *market_round.orders[position + 1 :])
    return replace(market_round, orders=orders)


def utility(outcome: VcgOutcome, position: int, worth: int) -> int:
    """What an order gains whose energy is worth `worth` to its owner."""
    value = worth * (outcome.bought[position] - outcome.sold[position])
    return value - outcome.paid[position] + outcome.received[position]


def test_the_book_of_the_table() -> None:
    """Bids 17, 14, 13, 9, 6, offers 1, 4, 5, 8, 11: pays 8, gets 9, deficit 4."""
    outcome = vcg(pool_round(units([1, 4, 5, 8, 11]), units([17, 14, 13, 9, 6])))

    assert outcome.sold == (*[UNIT] * 4, *[0] * 6)
    assert outcome.bought == (*[0] * 5, *[UNIT] * 4, 0)
    assert outcome.paid == (*[0] * 5, *[8 * USD * UNIT] * 4, 0)
    assert outcome.received == (*[9 * USD * UNIT] * 4, *[0] * 6)
    assert outcome.operator_balance == -4 * USD * UNIT


def test_two_units_cost_what_two_others_lose() -> None:
    """Without the bid for 2, one unserved bid of 5 is served and the offer at 4 stays out."""
    outcome = vcg(pool_round([(1, 1), (1, 4)], [(2, 9), (1, 5), (1, 3)]))

    assert outcome.paid == (0, 0, (5 + 4) * USD, 0, 0)
    assert outcome.received == (9 * USD, 9 * USD, 0, 0, 0)
    assert outcome.operator_balance == -9 * USD


def test_1500_random_books_by_clarkes_rule() -> None:
    """An order pays what the others have without it less what they have with it."""
    for market_round in random_rounds(8, 1500, entries=10):
        outcome = vcg(market_round)

        _, best = best_volume_and_welfare(market_round)
        prices = {
            position: price
            for kind in (Kind.OFFER, Kind.BID)
            for position, _, price in taking_part(market_round, kind)
        }
        for position, order in enumerate(market_round.orders):
            own = outcome.bought[position] - outcome.sold[position]
            pays = outcome.paid[position] - outcome.received[position]
            if own == 0:
                assert pays == 0
                continue
            assert order is not None
            _, others_alone = best_volume_and_welfare(without(market_round, position))
            assert pays == others_alone - (best - prices[position] * own)


def test_no_lie_about_a_price_pays() -> None:
    for market_round in random_rounds(9, 60, entries=10, energy=3, price=8):
        cap = market_round.real_time_price
        honest = vcg(market_round)
        for position, order in enumerate(market_round.orders):
            if order is None:
                continue
            for lie in range(10):
                changed = with_order(market_round, position, price=MicroUsdPerMwh(lie))
                worth = min(order.price, cap) if order.kind is Kind.BID else order.price
                assert utility(vcg(changed), position, worth) <= utility(honest, position, worth)


@given(
    seed=st.integers(0, 2**32), energy=st.integers(1, MAX_ENERGY), price=st.integers(0, MAX_PRICE)
)
def test_rational_with_the_efficient_fills(seed: int, energy: int, price: int) -> None:
    market_round = random_round(
        np.random.default_rng(seed), energy=energy, price=price, real_time_price=price // 2 + 1
    )

    outcome = vcg(market_round)

    trades = Uniform().clear(market_round).trades
    fills = [sold + bought for sold, bought in zip(outcome.sold, outcome.bought, strict=True)]
    assert fills == filled(market_round, trades)
    assert outcome.operator_balance <= 0
    for position, order in enumerate(market_round.orders):
        if order is not None:
            assert utility(outcome, position, order.price) >= 0


@pytest.mark.parametrize(
    ("offers", "bids"),
    [([], []), ([(1, 1)], []), ([], [(1, 1)]), ([(1, 3)], [(1, 2)]), ([(1, 1001)], [(1, 2000)])],
)
def test_nothing_trades_and_nobody_pays(
    offers: list[tuple[int, float]], bids: list[tuple[int, float]]
) -> None:
    nothing = (0,) * (len(offers) + len(bids))

    assert vcg(pool_round(offers, bids)) == VcgOutcome(
        sold=nothing, bought=nothing, paid=nothing, received=nothing
    )


def test_equal_prices_are_what_everybody_pays_and_gets() -> None:
    outcome = vcg(pool_round([(3, 5), (4, 5)], [(2, 5), (9, 5)]))

    assert outcome.paid == (0, 0, outcome.bought[2] * 5 * USD, outcome.bought[3] * 5 * USD)
    assert outcome.operator_balance == 0
