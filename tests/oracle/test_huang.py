"""Huang's auction of several units: known answers, the rule by hand, and what always holds."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from oracle.domain.book import MAX_ENERGY, MAX_PRICE, Kind
from oracle.errors import ContractRevert
from oracle.market.crossing import NONE
from oracle.market.huang import Huang, equal_cut
from oracle.market.mechanism import Outcome, Round, require_feasible
from oracle.units import MicroUsdPerMwh
from tests.oracle.pools import (
    USD,
    filled,
    pool_round,
    random_round,
    random_rounds,
    taking_part,
    units,
    welfare,
)

MECHANISM = Huang()


def rationed(energies: dict[int, int], volume: int) -> dict[int, int]:
    """All are cut by the same until no whole Wh fits, then the latest by one Wh each."""
    cut = 0
    while sum(max(energy - cut - 1, 0) for energy in energies.values()) >= volume > 0:
        cut += 1
    left = {k: max(energy - cut, 0) for k, energy in energies.items()} if volume else {}
    for position in sorted(left, reverse=True):
        if sum(left.values()) > volume and left[position] > 0:
            left[position] -= 1
    return {k: energy for k, energy in left.items() if energy}


def by_hand(market_round: Round) -> tuple[dict[int, int], int, int]:
    """What each entry trades, what buyers pay and sellers get; every Wh by itself."""
    cells = {}
    for kind, sign in ((Kind.OFFER, 1), (Kind.BID, -1)):
        rows = sorted(taking_part(market_round, kind), key=lambda row: (sign * row[2], row[0]))
        cells[kind] = [(price, k) for k, energy, price in rows for _ in range(energy)]
    last = None
    for offer, bid in zip(cells[Kind.OFFER], cells[Kind.BID], strict=False):
        if offer[0] <= bid[0]:
            last = offer, bid
    if last is None:
        return {}, 0, 0
    ahead = []
    for (_, pivot), kind in zip(last, (Kind.OFFER, Kind.BID), strict=True):
        order = [k for _, k in cells[kind]]
        first = order.index(pivot)
        ahead.append({k: order.count(k) for k in order[:first]})
    volume = min(sum(side.values()) for side in ahead)
    fills = rationed(ahead[0], volume) | rationed(ahead[1], volume)
    return fills, last[1][0], last[0][0]


def certificate(offer: int, bid: int, cut: int) -> bytes:
    return b"".join(number.to_bytes(4, "big") for number in (offer, bid, cut))


def test_the_book_of_the_table() -> None:
    """Bids 1@3, 2@4, 5@1, offers 4@2, 1@1, 5@6: volume 1, pay 3, get 2."""
    market_round = pool_round([(4, 2), (1, 1), (5, 6)], [(1, 3), (2, 4), (5, 1)])

    outcome = MECHANISM.clear(market_round)

    assert [(trade.offer, trade.bid, trade.energy) for trade in outcome.trades] == [(1, 4, 1)]
    assert [(trade.price, trade.surplus) for trade in outcome.trades] == [(2 * USD, USD)]
    assert outcome.certificate == certificate(0, 3, 1)


def test_the_first_case_of_the_paper() -> None:
    """Bid L ends within offer K: 5 Wh of sellers ahead for 4 of buyers."""
    market_round = pool_round([(2, 1), (3, 2), (9, 3)], [(4, 8), (3, 5), (9, 2)])

    outcome = MECHANISM.clear(market_round)

    assert filled(market_round, outcome.trades) == [2, 2, 0, 4, 0, 0]
    assert {(trade.price, trade.surplus) for trade in outcome.trades} == {(3 * USD, 2 * USD)}
    assert outcome.certificate == certificate(2, 4, 0)


def test_the_second_case_of_the_paper() -> None:
    """Offer K ends within bid L."""
    market_round = pool_round([(4, 1), (3, 3), (9, 9)], [(2, 8), (3, 7), (9, 5)])

    outcome = MECHANISM.clear(market_round)

    assert filled(market_round, outcome.trades) == [4, 0, 0, 2, 2, 0]
    assert {(trade.price, trade.surplus) for trade in outcome.trades} == {(3 * USD, 2 * USD)}


def test_unit_orders_are_reduced_as_mcafee_does() -> None:
    market_round = pool_round(units([1, 4, 5, 8, 13]), units([17, 14, 13, 9, 6]))

    outcome = MECHANISM.clear(market_round)

    assert len(outcome.trades) == 3
    assert {(trade.price, trade.surplus) for trade in outcome.trades} == {(8 * USD, USD)}
    assert welfare(market_round, outcome) == (44 - 10) * USD * 1000


@pytest.mark.parametrize(
    ("energies", "excess", "left", "cut"),
    [
        ([], 0, [], 0),
        ([3, 4], 0, [3, 4], 0),
        ([6, 6, 6], 9, [3, 3, 3], 3),
        ([6, 6, 6], 10, [3, 3, 2], 3),  # the Wh left over is the latest's
        ([6, 6, 6], 11, [3, 2, 2], 3),
        ([1, 6, 6], 5, [0, 4, 4], 2),  # what the first can't bear the others do
        ([1, 6, 2], 6, [0, 3, 0], 3),
        ([3, 1], 3, [1, 0], 2),
        ([1, 1], 1, [1, 0], 0),
        ([5, 5], 10, [0, 0], 0),
        ([MAX_ENERGY] * 3, MAX_ENERGY * 3 - 1, [1, 0, 0], MAX_ENERGY - 1),
    ],
)
def test_the_long_side_is_cut_equally(
    energies: list[int], excess: int, left: list[int], cut: int
) -> None:
    rest, reached = equal_cut(np.array(energies, dtype=np.int64), excess)

    assert (rest.tolist(), reached) == (left, cut)


@pytest.mark.parametrize(
    ("offers", "bids", "fills", "expected"),
    [
        ([], [], [], (NONE, NONE, 0)),
        ([(1, 1)], [], [0], (NONE, NONE, 0)),
        ([], [(1, 1)], [0], (NONE, NONE, 0)),
        ([(1, 3)], [(1, 2)], [0, 0], (NONE, NONE, 0)),
        ([(1, 1)], [(1, 2)], [0, 0], (0, 1, 0)),
        ([(1, 1), (5, 1)], [(5, 2)], [0, 0, 0], (1, 2, 0)),  # nobody buys ahead of the pivot
        ([(2, 5), (2, 5)], [(2, 5), (2, 5)], [2, 0, 2, 0], (1, 3, 0)),
        ([(2, 0), (2, 0)], [(3, 0), (1, 0)], [2, 0, 2, 0], (1, 3, 1)),
        ([(2, 1), (2, 1000)], [(2, 2000), (2, 1000)], [2, 0, 2, 0], (1, 3, 0)),
        ([(2, 1), (2, 1001)], [(2, 2000), (2, 1000)], [0, 0, 0, 0], (0, 2, 0)),
    ],
)
def test_books_on_an_edge(
    offers: list[tuple[int, float]],
    bids: list[tuple[int, float]],
    fills: list[int],
    expected: tuple[int, int, int],
) -> None:
    market_round = pool_round(offers, bids)

    outcome = MECHANISM.clear(market_round)

    assert filled(market_round, outcome.trades) == fills
    assert outcome.certificate == certificate(*expected)
    MECHANISM.verify(market_round, outcome)


def test_the_largest_numbers_are_exact() -> None:
    top = MAX_PRICE / USD
    market_round = pool_round(
        [(MAX_ENERGY, 0)] * 100 + [(1, 0)],
        [(MAX_ENERGY, top)] * 98 + [(1, top), (MAX_ENERGY, top)],
        MicroUsdPerMwh(MAX_PRICE),
    )

    outcome = MECHANISM.clear(market_round)

    cut, left_over = divmod(MAX_ENERGY - 1, 99)
    sold = filled(market_round, outcome.trades)[:101]
    assert sold == [MAX_ENERGY - cut - (k >= 99 - left_over) for k in range(99)] + [0, 0]
    MECHANISM.verify(market_round, outcome)


def test_who_is_outside_the_pool_neither_trades_nor_blocks() -> None:
    inside = pool_round([(3, 1), (3, 2), (3, 3)], [(3, 9), (3, 8), (3, 7)])
    outside = replace(inside, spokes=(None, *inside.spokes[1:3], None, *inside.spokes[4:]))

    outcome = MECHANISM.clear(outside)

    assert filled(inside, MECHANISM.clear(inside).trades) == [3, 3, 0, 3, 3, 0]
    assert filled(outside, outcome.trades) == [0, 3, 0, 0, 3, 0]
    MECHANISM.verify(outside, outcome)


def test_1500_random_books_by_hand() -> None:
    for market_round in random_rounds(7, 1500, entries=14):
        outcome = MECHANISM.clear(market_round)

        fills, paid, got = by_hand(market_round)
        energies = filled(market_round, outcome.trades)
        assert {k: energy for k, energy in enumerate(energies) if energy} == fills
        assert {t.price for t in outcome.trades} == ({got} if fills else set())
        assert {t.surplus for t in outcome.trades} == ({paid - got} if fills else set())
        MECHANISM.verify(market_round, outcome)


@given(
    seed=st.integers(0, 2**32), energy=st.integers(1, MAX_ENERGY), price=st.integers(0, MAX_PRICE)
)
def test_rational_with_a_surplus_and_conserving(seed: int, energy: int, price: int) -> None:
    market_round = random_round(
        np.random.default_rng(seed), energy=energy, price=price, real_time_price=price // 2 + 1
    )

    outcome = MECHANISM.clear(market_round)

    require_feasible(market_round, outcome.trades)  # within every limit, no energy twice
    assert len({(trade.price, trade.surplus) for trade in outcome.trades}) <= 1
    assert all(trade.surplus >= 0 for trade in outcome.trades)
    assert MECHANISM.certificate_of(market_round, outcome.trades) == outcome.certificate


def test_refuses_other_certificates_and_other_fills() -> None:
    market_round = pool_round([(4, 2), (1, 1), (5, 6)], [(1, 3), (2, 4), (5, 1)])
    honest = MECHANISM.clear(market_round)

    def refused(outcome: Outcome) -> str:
        with pytest.raises(ContractRevert) as refusal:
            MECHANISM.verify(market_round, outcome)
        return refusal.value.name

    assert refused(replace(honest, certificate=b"")) == "BadCertificate"
    assert refused(replace(honest, certificate=certificate(3, 0, 1))) == "BadPivot"
    assert refused(replace(honest, certificate=certificate(1, 3, 1))) == "NotMarginal"
    assert refused(replace(honest, certificate=certificate(0, 3, 0))) == "WrongCut"
    assert refused(replace(honest, trades=())) == "WrongFill"
    with pytest.raises(ContractRevert, match="WrongFill"):
        MECHANISM.certificate_of(market_round, ())
