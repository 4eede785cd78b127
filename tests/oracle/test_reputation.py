"""Reputation: the rule by hand, weights, and its range."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oracle.domain.book import Trade
from oracle.model.reputation import (
    MAX_MEMORY,
    ONE,
    Reputation,
    after_sale,
    initial_reputation,
    updated,
    weight_down,
)
from oracle.units import BPS, Bps, MicroUsd, MicroUsdPerMwh, Wh

MEMORIES = st.integers(1, MAX_MEMORY).map(Bps)
SCORES = st.integers(500, 9500).map(Bps)
FULL = Bps(BPS)


def a_slot(reputation: Reputation, share: Fraction, weight: Bps = FULL) -> Reputation:
    return updated(
        reputation,
        memory=Bps(9000),
        weight=weight,
        delivered=Wh(share.numerator),
        sold=Wh(share.denominator),
    )


def test_nobody_knows_a_newcomer() -> None:
    assert Reputation().score == 5_000


def test_the_rule_by_hand() -> None:
    after_one = a_slot(Reputation(), Fraction(1))
    after_two = a_slot(after_one, Fraction(3, 5))

    assert after_one == Reputation(ONE, ONE)
    assert after_one.score == 6_666  # (1 + 1) / (1 + 2)
    assert after_two.s == int(ONE * Fraction(19, 10))  # 0.9 · 1 + 1
    assert after_two.r == ONE * 9 // 10 + ONE * 6 // 10  # 0.9 · 1 + 0.6
    assert after_two.score == 6_410  # 2.5 / 3.9


def test_a_slot_of_half_the_value_moves_and_forgets_half_as_much() -> None:
    before = Reputation(2 * ONE, 4 * ONE)

    after = a_slot(before, Fraction(1), Bps(5_000))

    keep = Fraction(95, 100)  # 1 − ½ (1 − 0.9)
    assert after.r == int(2 * ONE * keep) + ONE // 2
    assert after.s == int(4 * ONE * keep) + ONE // 2


def test_a_slot_without_weight_changes_nothing() -> None:
    before = Reputation(2 * ONE, 4 * ONE)

    assert a_slot(before, Fraction(0), Bps(0)) == before


@pytest.mark.parametrize(
    ("sold_usd_millionths", "weight"),
    [(0, 0), (99, 0), (100, 1), (500_000, 5_000), (999_999, 9_999), (1_000_000, BPS), (10**9, BPS)],
)
def test_a_slot_counts_by_its_value_up_to_the_full_one(
    sold_usd_millionths: int, weight: int
) -> None:
    assert weight_down(MicroUsd(sold_usd_millionths), MicroUsd(1_000_000)) == weight


def test_a_score_of_zero_is_no_record() -> None:
    assert initial_reputation(Bps(0), Bps(9500)) == Reputation()


@given(score=SCORES, memory=st.integers(9000, MAX_MEMORY).map(Bps))
def test_a_participant_begins_with_the_score_it_brings(score: Bps, memory: Bps) -> None:
    reachable = Reputation(0, initial_reputation(score, memory).s).score

    brought = initial_reputation(score, memory)

    if reachable <= score <= BPS - reachable:
        assert brought.score == score
    assert 0 <= brought.r <= brought.s


@given(
    score=SCORES,
    memory=MEMORIES,
    slots=st.lists(st.tuples(st.integers(0, BPS), st.integers(0, 1000), st.integers(1, 1000))),
)
def test_the_sums_stay_in_their_bits_and_r_below_s(
    score: Bps, memory: Bps, slots: list[tuple[int, int, int]]
) -> None:
    reputation = initial_reputation(score, memory)

    for weight, delivered, sold in slots:
        reputation = updated(
            reputation,
            memory=memory,
            weight=Bps(weight),
            delivered=Wh(min(delivered, sold)),
            sold=Wh(sold),
        )

        assert 0 <= reputation.r <= reputation.s < 2**20
        assert 0 < reputation.score < BPS


@given(score=SCORES, memory=MEMORIES, sold=st.integers(1, 10**6))
def test_full_delivery_never_lowers_a_score_and_none_never_raises_it(
    score: Bps, memory: Bps, sold: int
) -> None:
    before = initial_reputation(score, memory)

    kept = updated(before, memory=memory, weight=FULL, delivered=Wh(sold), sold=Wh(sold))
    broken = updated(before, memory=memory, weight=FULL, delivered=Wh(0), sold=Wh(sold))

    assert kept.score >= before.score - 1  # r and s round down
    assert broken.score <= before.score
    assert kept.score > broken.score


def test_a_sale_counts_by_its_value_and_an_overstated_one_as_nothing_delivered() -> None:
    before = Reputation(2 * ONE, 4 * ONE)
    trade = Trade(
        offer=0, bid=1, energy=Wh(1_000), price=MicroUsdPerMwh(500_000_000), fee=MicroUsdPerMwh(0)
    ).with_delivered(Wh(600))

    def moved(trades: list[Trade], *, is_slashed: bool) -> Reputation:
        return after_sale(
            before, trades, is_slashed=is_slashed, memory=Bps(9000), full_value=MicroUsd(1_000_000)
        )

    half = Bps(5_000)  # 0.50 USD of 1.00
    assert moved([trade], is_slashed=False) == a_slot(before, Fraction(3, 5), half)
    assert moved([trade], is_slashed=True) == a_slot(before, Fraction(0), half)
    assert moved([], is_slashed=True) == before
