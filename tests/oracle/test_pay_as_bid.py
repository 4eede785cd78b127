"""The continuous double auction: known answer, Wh by Wh, and what always holds."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from oracle.domain.book import MAX_ENERGY, MAX_PRICE, Kind, Order
from oracle.errors import ContractRevert, InvalidInputError
from oracle.market.mechanism import (
    POOL,
    Outcome,
    Round,
    Spoke,
    community_round,
    require_feasible,
)
from oracle.market.pay_as_bid import PayAsBid
from oracle.market.replay import MAX_MATCHES
from oracle.units import MicroUsdPerMwh, Wh
from tests.oracle.pools import (
    HIGH,
    USD,
    Rows,
    filled,
    pool_round,
    random_round,
    random_rounds,
    taking_part,
)

MECHANISM = PayAsBid()

Match = tuple[int, int, int, int]  # offer, bid, energy, price


def matches_of(outcome: Outcome) -> list[Match]:
    return [(t.offer, t.bid, int(t.energy), int(t.price)) for t in outcome.trades]


def wh_by_wh(market_round: Round) -> list[Match]:
    """Every Wh of an order looks by itself for the best that rests."""
    rows = {
        position: (kind, energy, price)
        for kind in (Kind.OFFER, Kind.BID)
        for position, energy, price in taking_part(market_round, kind)
    }
    resting: list[tuple[Kind, int, int]] = []  # a Wh each: kind, price, position
    traded: dict[tuple[int, int], list[int]] = {}
    for position in sorted(rows):
        kind, energy, price = rows[position]
        sign = 1 if kind is Kind.BID else -1  # a bid crosses offers at or below it
        for _ in range(energy):
            others = [
                (sign * their_price, other, their_price)
                for their_kind, their_price, other in resting
                if their_kind is not kind and sign * (price - their_price) >= 0
            ]
            if not others:
                resting.append((kind, price, position))
                continue
            _, other, their_price = min(others)
            resting.remove((Kind(3 - kind), their_price, other))
            pair = (other, position) if kind is Kind.BID else (position, other)
            traded.setdefault(pair, []).append(their_price)
    assert all(len(set(prices)) == 1 for prices in traded.values())
    return [(*pair, len(prices), prices[0]) for pair, prices in sorted(traded.items())]


def test_the_book_of_the_table() -> None:
    """Offers 5@10, 5@9, 5@9, then bids 7@9.5, 5@10: 5@9, 2@9, 3@9, 2@10."""
    market_round = pool_round([(5, 10), (5, 9), (5, 9)], [(7, 9.5), (5, 10)])

    outcome = MECHANISM.clear(market_round)

    assert matches_of(outcome) == [
        (0, 4, 2, 10 * USD),
        (1, 3, 5, 9 * USD),
        (2, 3, 2, 9 * USD),
        (2, 4, 3, 9 * USD),
    ]
    in_time = np.frombuffer(outcome.certificate, ">u2")
    assert [matches_of(outcome)[place][2] for place in in_time] == [5, 2, 3, 2]


def test_who_comes_first_sets_the_price() -> None:
    """The same two orders, in either order of arrival."""
    offer = Order(kind=Kind.OFFER, participant=1, energy=Wh(3), price=MicroUsdPerMwh(2))
    bid = Order(kind=Kind.BID, participant=2, energy=Wh(4), price=MicroUsdPerMwh(8))

    offer_first = MECHANISM.clear(community_round((offer, bid), HIGH))
    bid_first = MECHANISM.clear(community_round((bid, offer), HIGH))

    assert matches_of(offer_first) == [(0, 1, 3, 2)]
    assert matches_of(bid_first) == [(1, 0, 3, 8)]


def test_cancelled_orders_never_were() -> None:
    book = tuple(order for order in pool_round([(5, 9), (5, 9)], [(7, 10)]).orders if order)
    cancelled = (*book, Order(kind=Kind.CANCELLATION, participant=1))

    outcome = MECHANISM.clear(community_round(cancelled, HIGH))

    assert matches_of(outcome) == [(1, 2, 5, 9 * USD)]


@pytest.mark.parametrize(
    ("offers", "bids", "matches"),
    [
        ([], [], []),
        ([(1, 2)], [], []),
        ([], [(1, 2)], []),
        ([(1, 3)], [(1, 2)], []),
        ([(2, 2)], [(1, 2)], [(0, 1, 1, 2)]),  # at equal prices they do trade
        ([(1, 0)], [(1, 0)], [(0, 1, 1, 0)]),
        ([(1, 5), (1, 5)], [(1, 5), (1, 5)], [(0, 2, 1, 5), (1, 3, 1, 5)]),
        ([(1, 1000)], [(1, 1000)], [(0, 1, 1, 1000)]),  # the real-time price
        ([(1, 1000.000001)], [(1, 2000)], []),
    ],
)
def test_books_on_an_edge(
    offers: Rows, bids: Rows, matches: list[tuple[int, int, int, float]]
) -> None:
    market_round = pool_round(offers, bids)

    outcome = MECHANISM.clear(market_round)

    assert matches_of(outcome) == [(o, b, energy, price * USD) for o, b, energy, price in matches]
    MECHANISM.verify(market_round, outcome)


def test_a_resting_bid_counts_with_the_real_time_price_at_most() -> None:
    """Of two bids above it the earlier comes first, not the higher."""
    bids = [
        Order(kind=Kind.BID, participant=k, energy=Wh(1), price=MicroUsdPerMwh(20 + k))
        for k in (1, 2)
    ]
    offer = Order(kind=Kind.OFFER, participant=3, energy=Wh(1), price=MicroUsdPerMwh(3))
    market_round = community_round((*bids, offer), MicroUsdPerMwh(10))

    assert matches_of(MECHANISM.clear(market_round)) == [(2, 0, 1, 10)]


def test_who_is_outside_the_pool_neither_trades_nor_blocks() -> None:
    market_round = pool_round([(1, 1), (1, 5)], [(1, 9), (1, 7)])
    outside = replace(market_round, spokes=(None, POOL, POOL, POOL))

    outcome = MECHANISM.clear(outside)

    assert matches_of(outcome) == [(1, 2, 1, 5 * USD)]
    MECHANISM.verify(outside, outcome)
    nobody = replace(market_round, spokes=())
    assert MECHANISM.clear(nobody) == Outcome(trades=())
    MECHANISM.verify(nobody, Outcome(trades=()))


def test_1200_random_books_wh_by_wh() -> None:
    for market_round in random_rounds(61, 1200):
        outcome = MECHANISM.clear(market_round)

        assert matches_of(outcome) == wh_by_wh(market_round)
        MECHANISM.verify(market_round, outcome)
        assert MECHANISM.certificate_of(market_round, outcome.trades) == outcome.certificate


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
    left = filled(market_round, outcome.trades)
    unsold, unserved = (
        [price for k, energy, price in taking_part(market_round, kind) if left[k] < energy]
        for kind in (Kind.OFFER, Kind.BID)
    )
    assert not unsold or not unserved or min(unsold) > max(unserved)  # nobody who agrees is left
    MECHANISM.verify(market_round, outcome)


@pytest.mark.parametrize(
    ("certificate", "message"),
    [
        ("0001000200030000", None),
        ("00010002000300", "BadCertificate.*7"),
        ("000100020003000000", "BadCertificate.*9"),
        ("0002000100030000", "WrongMatch.*number=0"),
        ("0001000200030003", "WrongMatch.*number=3"),
        ("0001000200030004", "WrongMatch.*trade=0"),
    ],
)
def test_refuses_other_certificates(certificate: str, message: str | None) -> None:
    market_round = pool_round([(5, 10), (5, 9), (5, 9)], [(7, 9.5), (5, 10)])
    outcome = replace(MECHANISM.clear(market_round), certificate=bytes.fromhex(certificate))

    if message is None:
        MECHANISM.verify(market_round, outcome)
        return
    with pytest.raises(ContractRevert, match=message):
        MECHANISM.verify(market_round, outcome)


def test_refuses_other_trades() -> None:
    market_round = pool_round([(5, 9), (5, 8)], [(7, 9.5)])
    second, first = MECHANISM.clear(market_round).trades[::-1]
    assert MECHANISM.certificate_of(market_round, [first, second]) == b"\0\1\0\0"

    for trades in ([], [second], [replace(first, energy=Wh(1)), second]):
        with pytest.raises(ContractRevert, match="WrongMatch"):
            MECHANISM.certificate_of(market_round, trades)


def test_refuses_a_trade_with_somebody_outside_the_pool() -> None:
    """The exchange lets it through, as both have one manager."""
    market_round = pool_round([(5, 9)], [(2, 9), (3, 12)])
    outside = Spoke(manager=1, fee=MicroUsdPerMwh(1))
    market_round = replace(market_round, spokes=(POOL, POOL, outside))
    (trade,) = MECHANISM.clear(market_round).trades
    other = replace(trade, bid=2, energy=Wh(3), fee=MicroUsdPerMwh(1))

    with pytest.raises(ContractRevert, match=r"TooManyTrades\(count=2, expected=1\)"):
        MECHANISM.verify(market_round, Outcome(trades=(trade, other), certificate=b"\0\0\0\1"))


def test_no_certificate_names_more_than_65536_trades() -> None:
    rows = [(1, 0)] * (MAX_MATCHES + 1)

    with pytest.raises(InvalidInputError, match="65,537 trades"):
        MECHANISM.clear(pool_round(rows, [(len(rows), 1)]))
