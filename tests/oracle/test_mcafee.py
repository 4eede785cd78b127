"""McAfee's auction: known answers, the rule by hand on random books, and that no lie pays."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from oracle.domain.book import MAX_ENERGY, MAX_PRICE, Kind
from oracle.errors import ContractRevert, InvalidInputError
from oracle.market.crossing import NONE
from oracle.market.mcafee import McAfee
from oracle.market.mechanism import Outcome, Round, require_feasible
from oracle.units import MicroUsdPerMwh, Wh
from tests.oracle.pools import (
    UNIT,
    USD,
    filled,
    pool_round,
    random_round,
    random_rounds,
    taking_part,
    units,
    welfare,
    with_order,
)

MECHANISM = McAfee(Wh(UNIT))


def by_hand(market_round: Round, unit: int) -> tuple[set[int], int, int]:
    """The entries that trade, what buyers pay and what sellers get."""
    offers, bids = (
        sorted((sign * price, position) for position, energy, price in rows if energy >= unit)
        for rows, sign in (
            (taking_part(market_round, Kind.OFFER), 1),
            (taking_part(market_round, Kind.BID), -1),
        )
    )
    k = 0
    while k < min(len(offers), len(bids)) and -bids[k][0] >= offers[k][0]:
        k += 1
    if k == 0:
        return set(), 0, 0
    cost, value = offers[k - 1][0], -bids[k - 1][0]
    trading, paid, got = k - 1, value, cost
    if k < min(len(offers), len(bids)):
        middle = (offers[k][0] - bids[k][0]) // 2
        if cost <= middle <= value:
            trading, paid, got = k, middle, middle
    return {position for _, position in offers[:trading] + bids[:trading]}, paid, got


def utility(mechanism: McAfee, market_round: Round, position: int, worth: int) -> int:
    """What an order gains whose energy is worth `worth` to its owner, micro-USD/MWh times Wh."""
    trades = mechanism.clear(market_round).trades
    return sum(
        trade.energy * (worth - trade.price - trade.surplus)
        for trade in trades
        if trade.bid == position
    ) + sum(trade.energy * (trade.price - worth) for trade in trades if trade.offer == position)


def test_the_book_of_the_table() -> None:
    """Bids 17, 14, 13, 9, 6, offers 1, 4, 5, 8, 13: 3 trade, pay 9, get 8, surplus 3."""
    market_round = pool_round(units([1, 4, 5, 8, 13]), units([17, 14, 13, 9, 6]))

    outcome = MECHANISM.clear(market_round)

    assert [(trade.offer, trade.bid, trade.energy) for trade in outcome.trades] == [
        (0, 5, UNIT),
        (1, 6, UNIT),
        (2, 7, UNIT),
    ]
    assert {trade.price for trade in outcome.trades} == {8 * USD}
    assert {trade.surplus for trade in outcome.trades} == {USD}
    assert sum(trade.surplus * trade.energy for trade in outcome.trades) == 3 * USD * UNIT
    assert outcome.certificate == bytes([0, 0, 0, 3, 0, 0, 0, 8])


def test_all_pairs_trade_where_the_next_ones_set_a_price_between_the_last() -> None:
    """With the last offer at 11, p0 = (6 + 11) / 2 = 8.5 lies in [8, 9]."""
    market_round = pool_round(units([1, 4, 5, 8, 11]), units([17, 14, 13, 9, 6]))

    outcome = MECHANISM.clear(market_round)

    assert len(outcome.trades) == 4
    assert {(trade.price, trade.surplus) for trade in outcome.trades} == {(8.5 * USD, 0)}
    assert welfare(market_round, outcome) == 35 * UNIT * USD


def test_an_order_takes_part_with_one_unit_and_with_less_not_at_all() -> None:
    market_round = pool_round(
        [(5 * UNIT, 1), (UNIT - 1, 0), (UNIT, 2), (UNIT, 9)],
        [(UNIT, 8), (2 * UNIT, 7), (UNIT, 3), (UNIT - 1, 8)],
    )

    outcome = MECHANISM.clear(market_round)

    assert filled(market_round, outcome.trades) == [UNIT, 0, UNIT, 0, UNIT, UNIT, 0, 0]
    assert {trade.price for trade in outcome.trades} == {6 * USD}


@pytest.mark.parametrize(
    ("offers", "bids", "trading", "certificate"),
    [
        ([], [], [], (NONE, NONE)),
        ([1], [], [0], (NONE, NONE)),
        ([], [1], [0], (NONE, NONE)),
        ([3], [2], [0, 0], (NONE, NONE)),
        ([1], [2], [0, 0], (0, 1)),  # one pair, nobody behind: it is the one left out
        ([1, 9], [2, 0], [0, 0, 0, 0], (0, 2)),  # 4.5 is not between 1 and 2
        ([1, 2], [2, 0], [UNIT, 0, UNIT, 0], (0, 2)),  # 1 is
        ([5, 5, 5], [5, 5, 5], [UNIT, UNIT, 0, UNIT, UNIT, 0], (2, 5)),
        ([5, 5, 5], [5, 5], [UNIT, 0, 0, UNIT, 0], (1, 4)),
        ([0, 0], [0, 0], [UNIT, 0, UNIT, 0], (1, 3)),
        ([1, 1000], [1000, 1000], [UNIT, 0, UNIT, 0], (1, 3)),  # the real-time price
        ([1, 1001], [2000, 1000], [0, 0, 0, 0], (0, 2)),  # an offer above it is none
    ],
)
def test_books_on_an_edge(
    offers: list[float], bids: list[float], trading: list[int], certificate: tuple[int, int]
) -> None:
    market_round = pool_round(units(offers), units(bids))

    outcome = MECHANISM.clear(market_round)

    assert filled(market_round, outcome.trades) == trading
    assert outcome.certificate == b"".join(pivot.to_bytes(4, "big") for pivot in certificate)
    MECHANISM.verify(market_round, outcome)


def test_who_is_outside_the_pool_neither_trades_nor_blocks() -> None:
    inside = pool_round(units([1, 2, 9]), units([9, 8, 1]))
    outside = replace(inside, spokes=(None, *inside.spokes[1:3], None, *inside.spokes[4:]))

    outcome = MECHANISM.clear(outside)

    assert filled(inside, MECHANISM.clear(inside).trades) == [UNIT, UNIT, 0, UNIT, UNIT, 0]
    assert filled(outside, outcome.trades) == [0, UNIT, 0, 0, UNIT, 0]
    MECHANISM.verify(outside, outcome)


def test_1500_random_books_by_hand() -> None:
    for market_round in random_rounds(5, 1500, entries=16):
        for unit in (1, 3):
            outcome = McAfee(Wh(unit)).clear(market_round)

            trading, paid, got = by_hand(market_round, unit)
            energies = filled(market_round, outcome.trades)
            assert {k for k, energy in enumerate(energies) if energy} == trading
            assert {energy for energy in energies if energy} <= {unit}
            assert {t.price for t in outcome.trades} == ({got} if trading else set())
            assert {t.surplus for t in outcome.trades} == ({paid - got} if trading else set())
            McAfee(Wh(unit)).verify(market_round, outcome)


def test_no_lie_about_a_price_pays() -> None:
    """Every order of 150 books with ties and limits, at every other price of a fine grid."""
    mechanism = McAfee(Wh(1))
    gained, lost = 0, 0
    for market_round in random_rounds(6, 150, entries=12, energy=1, price=12):
        cap = market_round.real_time_price
        for position, order in enumerate(market_round.orders):
            if order is None:
                continue
            honest = utility(mechanism, market_round, position, order.price)
            assert honest >= 0
            for lie in {*range(14), cap, cap + 1} - {order.price}:
                changed = with_order(market_round, position, price=MicroUsdPerMwh(lie))
                other = utility(mechanism, changed, position, order.price)
                gained += other > honest
                lost += other < honest
    assert gained == 0
    assert lost > 0


@given(
    seed=st.integers(0, 2**32),
    energy=st.integers(1, MAX_ENERGY),
    price=st.integers(0, MAX_PRICE),
    unit=st.integers(1, MAX_ENERGY),
)
def test_rational_with_a_surplus_and_conserving(
    seed: int, energy: int, price: int, unit: int
) -> None:
    market_round = random_round(
        np.random.default_rng(seed), energy=energy, price=price, real_time_price=price // 2 + 1
    )
    mechanism = McAfee(Wh(unit))

    outcome = mechanism.clear(market_round)

    require_feasible(market_round, outcome.trades)  # within every limit, no energy twice
    assert len({(trade.price, trade.surplus) for trade in outcome.trades}) <= 1
    assert all(trade.surplus >= 0 for trade in outcome.trades)
    assert mechanism.certificate_of(market_round, outcome.trades) == outcome.certificate


def test_refuses_other_pivots_and_other_fills() -> None:
    market_round = pool_round(units([1, 4, 5, 8, 13]), units([17, 14, 13, 9, 6]))
    honest = MECHANISM.clear(market_round)

    def refused(outcome: Outcome) -> str:
        with pytest.raises(ContractRevert) as refusal:
            MECHANISM.verify(market_round, outcome)
        return refusal.value.name

    assert refused(replace(honest, certificate=b"")) == "BadCertificate"
    assert refused(replace(honest, certificate=bytes([0, 0, 0, 8, 0, 0, 0, 8]))) == "BadPivot"
    assert refused(replace(honest, certificate=bytes([0, 0, 0, 2, 0, 0, 0, 7]))) == "NotMarginal"
    assert refused(replace(honest, trades=honest.trades[:2])) == "WrongFill"
    with pytest.raises(ContractRevert, match="WrongFill"):
        MECHANISM.certificate_of(market_round, honest.trades[:2])


def test_the_unit_comes_from_the_scenario() -> None:
    free = MicroUsdPerMwh(0)

    assert McAfee.of({}, free) == McAfee(Wh(100))
    assert McAfee.of({"unit_kwh": 2.5}, free).parameters == (2500,)
    assert McAfee.of_parameters([7]) == McAfee(Wh(7))


@pytest.mark.parametrize("unit", [-1, 0, 2**32])
def test_refuses_a_unit_that_no_order_has(unit: int) -> None:
    with pytest.raises(InvalidInputError, match="unit"):
        McAfee(Wh(unit))
