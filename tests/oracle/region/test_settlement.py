"""The estimate's arithmetic, by hand."""

from dataclasses import replace
from fractions import Fraction

import pytest

from oracle.errors import InvalidInputError
from oracle.region.day import SlotTotals
from oracle.region.settlement import (
    CallCosts,
    Chain,
    Coefficients,
    MeasuredRound,
    call_costs_of,
    settlement_of,
)


def a_round(orders: int, trades: int, readings: int) -> MeasuredRound:
    """A round whose costs are exactly in proportion."""
    return MeasuredRound(
        orders=orders,
        trades=trades,
        readings=readings,
        gas={
            "post": 50_000 + 10_000 * orders,
            "clear": 100_000 + 4_000 * orders + 2_000 * trades,
            "readings": 40_000 + 8_000 * readings,
            "settle": 60_000 + 5_000 * orders + 1_000 * trades,
            "void": 50_000 + 3_600 * orders,
        },
        calldata={
            "post": 200 + 130 * orders,
            "clear": 300 + 32 * orders + 32 * trades,
            "readings": 100 + 97 * readings,
            "settle": 300 + 32 * orders + 32 * trades,
            "void": 100 + 32 * orders,
        },
    )


def costs(unused: MeasuredRound | None = None) -> CallCosts:
    return call_costs_of(
        a_round(10, 5, 5),
        a_round(100, 50, 50),
        a_round(100, 99, 50),
        unused or a_round(10, 9, 5),
        own_order_gas=39_000,
        hardfork="prague",
    )


BUSY = SlotTotals(rounds=2, rounds_with_trades=2, posts=2, orders=120, trades=60, sellers=40)
IDLE = SlotTotals(rounds=1, posts=1, orders=10, idle_orders=10)
CHAIN = Chain(block_gas=1_000_000, block_seconds=12)


def test_the_coefficients_are_those_that_the_rounds_were_made_with() -> None:
    found = costs()

    assert found.gas["clear"] == Coefficients(
        base=Fraction(100_000), order=Fraction(4_000), trade=Fraction(2_000)
    )
    assert found.gas["readings"] == Coefficients(base=Fraction(40_000), reading=Fraction(8_000))
    assert found.calldata["post"] == Coefficients(base=Fraction(200), order=Fraction(130))
    assert found.largest_relative_error == 0


def test_a_round_that_was_not_used_says_how_far_off_they_are() -> None:
    unused = a_round(10, 9, 5)
    unused = replace(unused, gas={**unused.gas, "clear": 160_000})  # 158,000 by the coefficients

    found = costs(unused)

    assert found.largest_relative_error == pytest.approx(2_000 / 160_000)


def test_gas_and_bytes_by_hand() -> None:
    found = settlement_of([BUSY, IDLE], 2, costs(), CHAIN)

    assert found.transactions == {"post": 3, "clear": 3, "readings": 2, "settle": 3}
    assert found.gas == {
        "post": 1_300_000 + 150_000,
        "clear": 800_000 + 140_000,
        "readings": 400_000,
        "settle": 780_000 + 110_000,
    }
    assert found.slot_gas == (3_280_000, 400_000)
    assert found.total_gas == 3_680_000
    assert found.calldata == {
        "post": 16_000 + 1_500,
        "clear": 6_360 + 620,
        "readings": 4_080,
        "settle": 6_360 + 620,
    }
    assert found.blobs == 1  # 35,540 bytes of 126,976
    assert found.own_orders_gas == 130 * 39_000
    assert found.saved_by_voiding == 140_000 + 110_000 - 86_000


def test_what_a_chain_carries_by_hand() -> None:
    found = settlement_of([BUSY, IDLE], 2, costs(), CHAIN)

    assert CHAIN.slot_gas == 75_000_000
    assert found.blocks == 4
    assert found.share_of_day == pytest.approx(3_680_000 / 7_200_000_000)
    assert found.busiest_slot == 0
    assert found.share_of_busiest_slot == pytest.approx(3_280_000 / 75_000_000)
    assert found.feeders_by_slot == 45  # 2 · 75,000,000 / 3,280,000 = 45.7
    assert found.feeders_by_day == 3_913  # 2 · 7,200,000,000 / 3,680,000 = 3,913.04
    assert found.clearing_seconds == 12  # 800,000 gas, one block


def test_a_fraction_of_gas_is_rounded_up() -> None:
    cost = Coefficients(base=Fraction(1, 2), order=Fraction(1, 3))

    assert cost.of(1, SlotTotals(orders=1)) == 1
    assert cost.of(2, SlotTotals(orders=4)) == 3


def test_refuses_rounds_that_leave_a_coefficient_open() -> None:
    with pytest.raises(InvalidInputError, match="as large with more trades"):
        call_costs_of(
            a_round(10, 5, 5),
            a_round(100, 50, 50),
            a_round(100, 50, 50),
            a_round(10, 9, 5),
            own_order_gas=39_000,
            hardfork="prague",
        )


@pytest.mark.parametrize(("gas", "seconds"), [(0, 12), (60_000_000, 0)])
def test_refuses_a_chain_without_blocks(gas: int, seconds: int) -> None:
    with pytest.raises(InvalidInputError, match="of a block: expected at least 1, got 0"):
        Chain(block_gas=gas, block_seconds=seconds)
