"""The pool: who takes part, who trades with whom, where supply and demand cross."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from oracle.domain.book import MAX_ENERGY, Kind, Order, Trade
from oracle.errors import ContractRevert
from oracle.market.crossing import NONE, crossing_of
from oracle.market.mechanism import NO_LIMIT, POOL, Outcome, Round, Spoke, community_round
from oracle.market.pool import (
    fills,
    no_certificate,
    paired,
    pool_of,
    pooled_trades,
    require_fills,
    require_length,
)
from oracle.units import MicroUsdPerMwh, Wh
from tests.oracle.pools import (
    HIGH,
    USD,
    best_volume_and_welfare,
    pool_round,
    random_rounds,
    taking_part,
)


def test_who_takes_part_has_the_free_spoke_and_offers_no_higher_than_the_real_time_price() -> None:
    inside = pool_round([(1, 2), (2, 5), (3, 5.000001), (4, 1)], [(5, 9), (6, 4), (7, 9), (8, 9)])
    spokes = (
        *[POOL] * 3,
        None,
        *[POOL] * 2,
        Spoke(manager=2),
        Spoke(manager=1, fee=MicroUsdPerMwh(0), capacity=Wh(NO_LIMIT - 1)),
    )

    pool = pool_of(replace(inside, spokes=spokes, real_time_price=MicroUsdPerMwh(5 * USD)))

    assert pool.offers.position.tolist() == [0, 1]
    assert pool.offers.energy.tolist() == [1, 2]
    assert pool.bids.position.tolist() == [4, 5]
    assert pool.bids.price.tolist() == [5 * USD, 4 * USD]  # clipped
    assert len(pool_of(replace(inside, spokes=())).offers) == 0


def test_cancelled_orders_take_no_part() -> None:
    book = (
        Order(kind=Kind.OFFER, participant=1, energy=Wh(1)),
        Order(kind=Kind.BID, participant=2, energy=Wh(1)),
        Order(kind=Kind.CANCELLATION, participant=1),
    )

    pool = pool_of(community_round(book, HIGH))

    assert (len(pool.offers), pool.bids.position.tolist()) == (0, [1])


def test_a_side_is_ranked_by_price_and_then_by_time() -> None:
    pool = pool_of(pool_round([(1, 5), (1, 3), (1, 5), (1, 3)], [(1, 2), (1, 7), (1, 7), (1, 2)]))

    assert pool.offers.ranked().tolist() == [1, 3, 0, 2]
    assert pool.bids.ranked().tolist() == [1, 2, 0, 3]


def test_both_sides_are_paired_in_the_books_order() -> None:
    """The north-west corner of a transport tableau."""
    pool = pool_of(pool_round([(9, 0), (9, 0), (9, 0), (9, 0)], [(9, 0), (9, 0), (9, 0)]))

    pairs = paired(pool, np.array([3, 0, 5, 2]), np.array([4, 0, 6]))

    assert pairs == [(0, 4, 3), (2, 4, 1), (2, 6, 4), (3, 6, 2)]
    assert paired(pool, np.array([0] * 4), np.array([0] * 3)) == []


@given(
    sold=st.lists(st.integers(0, MAX_ENERGY), min_size=1, max_size=8),
    parts=st.integers(1, 8),
    data=st.data(),
)
def test_a_pairing_gives_back_what_each_trades(
    sold: list[int], parts: int, data: st.DataObject
) -> None:
    cuts = sorted(data.draw(st.lists(st.integers(0, sum(sold)), min_size=parts, max_size=parts)))
    bought = np.diff([0, *cuts, sum(sold)])
    market_round = pool_round([(MAX_ENERGY, 0)] * len(sold), [(MAX_ENERGY, 0)] * len(bought))
    pool = pool_of(market_round)

    trades = pooled_trades(pool, np.array(sold), bought, price=7, surplus=2)

    of_offers, of_bids = fills(pool, trades, 7, 2)
    assert (of_offers.tolist(), of_bids.tolist()) == (sold, bought.tolist())
    assert len(trades) <= len(sold) + len(bought) - 1
    assert all(trade.energy > 0 for trade in trades)


def a_trade(offer: int, bid: int, price: int = 1, surplus: int = 0, pooled: bool = True) -> Trade:
    return Trade(
        offer=offer,
        bid=bid,
        energy=Wh(1),
        price=MicroUsdPerMwh(price),
        fee=MicroUsdPerMwh(0),
        surplus=MicroUsdPerMwh(surplus),
        pooled=pooled,
    )


@pytest.mark.parametrize(
    ("trade", "refusal"),
    [
        (a_trade(2, 4), ("NotInPool", {"position": 1})),
        (a_trade(1, 5), ("NotInPool", {"position": 1})),
        (a_trade(1, 4, pooled=False), ("NotInPool", {"position": 1})),
        (a_trade(1, 3), ("NotPaired", {"position": 1})),
        (a_trade(1, 4, price=2), ("WrongPrice", {"position": 1, "price": 2, "expected": 1})),
        (a_trade(1, 4, surplus=3), ("WrongPrice", {"position": 1, "price": 3, "expected": 0})),
    ],
)
def test_refuses_other_pairs_and_prices(
    trade: Trade, refusal: tuple[str, dict[str, object]]
) -> None:
    """Third offer and third bid are outside, and the first offer trades with the second bid."""
    inside = pool_round([(1, 0)] * 3, [(1, 1)] * 3)
    spokes = (POOL, POOL, None, POOL, POOL, None)
    pool = pool_of(replace(inside, spokes=spokes))

    with pytest.raises(ContractRevert) as caught:
        fills(pool, [a_trade(0, 4), trade], 1)

    assert (caught.value.name, caught.value.values) == refusal


def test_the_first_order_of_the_book_with_another_energy_is_named() -> None:
    pool = pool_of(pool_round([(9, 0)] * 2, [(9, 0)] * 2))
    wanted = np.array([1, 2]), np.array([3, 0])

    require_fills(pool, wanted, wanted)
    with pytest.raises(ContractRevert) as caught:
        require_fills(pool, (np.array([1, 1]), np.array([1, 1])), wanted)

    assert caught.value.name == "WrongFill"
    assert caught.value.values == {"orderIndex": 1, "filledWh": 1, "expectedWh": 2}


def test_a_certificate_has_its_length() -> None:
    require_length(Outcome(trades=(), certificate=b"12"), 2)
    no_certificate(Outcome(trades=()))

    with pytest.raises(ContractRevert) as caught:
        no_certificate(Outcome(trades=(), certificate=b"12"))

    assert caught.value.values == {"length": 2, "expected": 0}


def last_pair(market_round: Round) -> tuple[int, int]:
    """The orders of the last Wh of offers and bids, each laid out by rank, that agree."""
    offers, bids = (
        [
            (price, position)
            for position, energy, price in sorted(
                taking_part(market_round, kind), key=lambda row: (sign * row[2], row[0])
            )
            for _ in range(energy)
        ]
        for kind, sign in ((Kind.OFFER, 1), (Kind.BID, -1))
    )
    agreeing = [
        (offer[1], bid[1]) for offer, bid in zip(offers, bids, strict=False) if offer[0] <= bid[0]
    ]
    return agreeing[-1] if agreeing else (NONE, NONE)


def test_1000_random_books_cross_at_the_last_wh_that_agrees() -> None:
    for market_round in random_rounds(10, 1000):
        cross = crossing_of(pool_of(market_round))

        assert cross.volume == best_volume_and_welfare(market_round)[0]
        assert cross.pivots == last_pair(market_round)
        cross.require_pivots(cross.certificate())


def test_refuses_pivots_that_are_not_on_their_side_or_not_the_last() -> None:
    cross = crossing_of(pool_of(pool_round([(1, 1), (1, 2), (1, 9)], [(1, 8), (1, 7), (1, 1)])))

    def refused(offer: int, bid: int) -> str:
        with pytest.raises(ContractRevert) as caught:
            cross.require_pivots(offer.to_bytes(4, "big") + bid.to_bytes(4, "big"))
        return caught.value.name

    assert cross.pivots == (1, 4)
    assert refused(4, 1) == refused(1, 6) == refused(NONE, 4) == refused(1, NONE) == "BadPivot"
    assert refused(0, 4) == refused(1, 5) == refused(0, 3) == refused(NONE, NONE) == "NotMarginal"
