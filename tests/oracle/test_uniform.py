"""One price where supply and demand cross: known answers, brute force, and what always holds."""

from fractions import Fraction
from time import perf_counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from oracle.domain.book import MAX_ENERGY, MAX_PRICE, Kind
from oracle.errors import ContractRevert
from oracle.market.mechanism import POOL, Outcome, Round, require_feasible
from oracle.market.pool import pool_of, pooled_trades
from oracle.market.uniform import Uniform
from oracle.units import MicroUsdPerMwh
from tests.oracle.pools import (
    HIGH,
    UNIT,
    USD,
    best_volume_and_welfare,
    filled,
    large_round,
    pool_round,
    random_round,
    random_rounds,
    taking_part,
    units,
    welfare,
)

MECHANISM = Uniform()


def clearing_interval(market_round: Round, volume: int) -> tuple[int, int]:
    """The prices at which `volume` can be supplied and can be demanded, by trying each."""
    offers, bids = (taking_part(market_round, kind) for kind in (Kind.OFFER, Kind.BID))

    def clears(price: int) -> bool:
        supply = [
            sum(e for _, e, p in offers if p < price),
            sum(e for _, e, p in offers if p <= price),
        ]
        demand = [sum(e for _, e, p in bids if p > price), sum(e for _, e, p in bids if p >= price)]
        return supply[0] <= volume <= supply[1] and demand[0] <= volume <= demand[1]

    highest = max(price for _, _, price in [*offers, *bids])
    prices = [price for price in range(highest + 1) if clears(price)]
    return prices[0], prices[-1]


def shared(rows: list[tuple[int, int, int]], volume: int) -> dict[int, int]:
    """Who gets how much of a volume, level of price by level, best price first."""
    result: dict[int, int] = {}
    for level in dict.fromkeys(price for _, _, price in rows):
        own = [(position, energy) for position, energy, price in rows if price == level]
        total = sum(energy for _, energy in own)
        given = min(total, volume)
        exact = {position: Fraction(energy * given, total) for position, energy in own}
        whole = {position: int(share) for position, share in exact.items()}
        order = sorted(exact, key=lambda k: (whole[k] - exact[k], k))
        for position in order[: given - sum(whole.values())]:
            whole[position] += 1
        result |= whole
        volume -= given
    return result


def test_the_unit_book_of_the_table() -> None:
    """Bids 17, 14, 13, 9, 6, offers 1, 4, 5, 8, 11: 4 traded, interval [8, 9], gains 35."""
    market_round = pool_round(units([1, 4, 5, 8, 11]), units([17, 14, 13, 9, 6]))

    outcome = MECHANISM.clear(market_round)

    assert [(trade.offer, trade.bid, trade.energy) for trade in outcome.trades] == [
        (0, 5, UNIT),
        (1, 6, UNIT),
        (2, 7, UNIT),
        (3, 8, UNIT),
    ]
    assert {trade.price for trade in outcome.trades} == {8.5 * USD}
    assert welfare(market_round, outcome) == 35 * UNIT * USD


def test_the_margin_is_shared_pro_rata_by_largest_remainder() -> None:
    """10 Wh for offers of 5, 5 and 4 at one price: 25/7, 25/7 and 20/7, so 4, 3 and 3."""
    market_round = pool_round([(2, 1), (5, 3), (5, 3), (4, 3)], [(12, 9)])

    outcome = MECHANISM.clear(market_round)

    assert filled(market_round, outcome.trades) == [2, 4, 3, 3, 12]
    assert {trade.price for trade in outcome.trades} == {3 * USD}


def test_the_middle_is_rounded_down() -> None:
    market_round = pool_round([(1, 0)], [(1, 0.000003)])

    assert [trade.price for trade in MECHANISM.clear(market_round).trades] == [1]


@pytest.mark.parametrize(
    ("offers", "bids", "fills", "price"),
    [
        ([], [], [], None),
        ([(1, 2)], [], [0], None),
        ([], [(1, 2)], [0], None),
        ([(1, 3)], [(1, 2)], [0, 0], None),
        ([(2, 2)], [(1, 2)], [1, 1], 2),  # at equal prices they do trade
        ([(1, 0)], [(1, 0)], [1, 1], 0),
        ([(1, 5), (1, 5)], [(1, 5), (1, 5)], [1, 1, 1, 1], 5),
        ([(3, 5), (3, 5)], [(1, 5), (4, 5)], [3, 2, 1, 4], 5),
        ([(1, 1000)], [(1, 1000)], [1, 1], 1000),  # the real-time price
        ([(1, 1000.000001)], [(1, 2000)], [0, 0], None),
        ([(1, 1)], [(1, 2000)], [1, 1], 500.5),  # a bid counts with the real-time price at most
    ],
)
def test_books_on_an_edge(
    offers: list[tuple[int, float]],
    bids: list[tuple[int, float]],
    fills: list[int],
    price: float | None,
) -> None:
    market_round = pool_round(offers, bids)

    outcome = MECHANISM.clear(market_round)

    assert filled(market_round, outcome.trades) == fills
    assert {trade.price for trade in outcome.trades} == (
        {price * USD} if price is not None else set()
    )
    MECHANISM.verify(market_round, outcome)


def test_the_largest_numbers_are_exact() -> None:
    top = MAX_PRICE / USD
    offers = [(MAX_ENERGY, top)] * 300
    bids = [(MAX_ENERGY, top)] * 299 + [(1, top)]
    market_round = pool_round(offers, bids, MicroUsdPerMwh(MAX_PRICE))

    outcome = MECHANISM.clear(market_round)

    share, left_over = divmod(299 * MAX_ENERGY + 1, 300)
    sold = filled(market_round, outcome.trades)[:300]
    assert sold == [share + (k < left_over) for k in range(300)]
    assert {trade.price for trade in outcome.trades} == {MAX_PRICE}
    MECHANISM.verify(market_round, outcome)


def test_who_is_outside_the_pool_neither_trades_nor_blocks() -> None:
    market_round = pool_round([(1, 1), (1, 5)], [(1, 9), (1, 7)])
    outside = Round(
        orders=market_round.orders,
        edges=(),
        real_time_price=market_round.real_time_price,
        spokes=(None, POOL, POOL, POOL),
    )

    outcome = MECHANISM.clear(outside)

    assert filled(outside, outcome.trades) == [0, 1, 1, 0]
    assert {trade.price for trade in outcome.trades} == {8 * USD}
    MECHANISM.verify(outside, outcome)
    nobody = Round(orders=market_round.orders, edges=(), real_time_price=HIGH)
    assert MECHANISM.clear(nobody) == Outcome(trades=())
    MECHANISM.verify(nobody, Outcome(trades=()))


def test_1500_random_books_against_every_wh_by_itself() -> None:
    for market_round in random_rounds(4, 1500):
        outcome = MECHANISM.clear(market_round)

        volume, best = best_volume_and_welfare(market_round)
        offers, bids = (
            sorted(taking_part(market_round, kind), key=lambda row: (sign * row[2], row[0]))
            for kind, sign in ((Kind.OFFER, 1), (Kind.BID, -1))
        )
        expected = shared(offers, volume) | shared(bids, volume)
        energies = filled(market_round, outcome.trades)
        assert {k: energy for k, energy in enumerate(energies) if energy} == {
            k: energy for k, energy in expected.items() if energy
        }
        assert welfare(market_round, outcome) == best
        if volume:
            middle = sum(clearing_interval(market_round, volume)) // 2
            assert {trade.price for trade in outcome.trades} == {middle}
        MECHANISM.verify(market_round, outcome)
        assert MECHANISM.certificate_of(market_round, outcome.trades) == b""


@given(
    seed=st.integers(0, 2**32), energy=st.integers(1, MAX_ENERGY), price=st.integers(0, MAX_PRICE)
)
def test_rational_balanced_and_conserving(seed: int, energy: int, price: int) -> None:
    market_round = random_round(
        np.random.default_rng(seed), energy=energy, price=price, real_time_price=price // 2 + 1
    )

    outcome = MECHANISM.clear(market_round)

    require_feasible(market_round, outcome.trades)  # within every limit, no energy twice
    assert all(trade.surplus == trade.fee == 0 for trade in outcome.trades)
    assert len({trade.price for trade in outcome.trades}) <= 1
    MECHANISM.verify(market_round, outcome)


@pytest.mark.parametrize(
    ("fills", "price", "name"),
    [
        ([2, 4, 3, 3, 12], 3, None),
        ([2, 4, 3, 2, 11], 3, "LeftUntraded"),
        ([1, 4, 4, 3, 12], 3, "NotEfficient"),
        ([2, 4, 3, 3, 12], 4, "WrongPrice"),
        ([2, 5, 3, 2, 12], 3, "WrongFill"),
        ([2, 3, 4, 3, 12], 3, "NotProRata"),
    ],
)
def test_refuses_what_the_contract_refuses(fills: list[int], price: int, name: str | None) -> None:
    market_round = pool_round([(2, 1), (5, 3), (5, 3), (4, 3)], [(12, 9)])
    arrays = np.array(fills[:4]), np.array(fills[4:])
    trades = pooled_trades(pool_of(market_round), *arrays, price=price * USD)

    if name is None:
        MECHANISM.verify(market_round, Outcome(trades=trades))
        return
    with pytest.raises(ContractRevert) as refusal:
        MECHANISM.verify(market_round, Outcome(trades=trades))

    assert refusal.value.name == name


@pytest.mark.slow
@pytest.mark.parametrize(("orders", "limit_s"), [(10_000, 1.0), (100_000, 10.0)])
def test_large_books_clear_in_time(orders: int, limit_s: float) -> None:
    market_round = large_round(orders)

    start = perf_counter()
    outcome = MECHANISM.clear(market_round)
    seconds = perf_counter() - start

    assert len(outcome.trades) > orders / 4
    assert seconds < limit_s


def test_refuses_to_leave_an_offer_and_a_bid_at_one_price() -> None:
    market_round = pool_round([(2, 5)], [(2, 5)])
    one = pooled_trades(pool_of(market_round), np.array([1]), np.array([1]), price=5 * USD)

    for trades in ((), one):
        with pytest.raises(ContractRevert) as refusal:
            MECHANISM.verify(market_round, Outcome(trades=trades))
        assert refusal.value.name == "LeftUntraded"
        assert refusal.value.values == {"bidPrice": 5 * USD, "offerPrice": 5 * USD}


def test_refuses_a_certificate() -> None:
    with pytest.raises(ContractRevert, match="BadCertificate"):
        MECHANISM.verify(pool_round([], []), Outcome(trades=(), certificate=b"\0"))
