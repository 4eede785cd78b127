"""The pictures of the report: axes, paths, order books, the community as a graph."""

import re
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from oracle.domain.community import Community
from oracle.domain.results import OrderRecord
from oracle.units import Bps, Meters, MicroUsdPerMwh, Wh
from scripts.report.axis import Axis, round_axis
from scripts.report.chart import Series, area_path, dots_path, line_path, stacked, step_path
from scripts.report.gauge import course
from scripts.report.network import circle_order, fee_classes, network
from scripts.report.order_book import busiest_slot, order_books
from tests.scripts.results import a_community, a_trade, a_village_plan

UNIT = Axis(low=0.0, high=4.0, step=1.0)
NAN = float("nan")


def an_order(side: str, energy: int, price: int, slot: int = 0) -> OrderRecord:
    return OrderRecord(
        slot=slot,
        participant="P1",
        side=side,
        energy=Wh(energy),
        limit_price=MicroUsdPerMwh(price),
        reputation=Bps(8000),
    )


def test_an_axis_has_round_ticks() -> None:
    axis = round_axis(0.0, 733.8)

    assert [tick.label for tick in axis.ticks()] == ["0", "200", "400", "600", "800"]
    assert [tick.place for tick in axis.ticks()] == [0, 25, 50, 75, 100]


def test_ticks_show_the_digits_that_tell_them_apart() -> None:
    assert [tick.label for tick in round_axis(0.0, 1.0).ticks()] == [
        "0.00",
        "0.25",
        "0.50",
        "0.75",
        "1.00",
    ]
    assert next(tick.label for tick in round_axis(-0.03, 0.0).ticks()) == "−0.03"


@given(st.floats(-1e7, 1e7), st.floats(0, 1e7))
def test_an_axis_holds_its_values_and_few_ticks_in_order(low: float, span: float) -> None:
    axis = round_axis(low, low + span)

    assert axis.share(low) >= -1e-6
    assert axis.share(low + span) <= 1 + 1e-6
    ticks = axis.ticks()
    assert 2 <= len(ticks) <= 8
    assert len({tick.label for tick in ticks}) == len(ticks)
    assert ticks[0].place == pytest.approx(0)
    assert ticks[-1].place == pytest.approx(100)


def test_a_step_holds_for_the_width_of_its_slot() -> None:
    assert step_path(np.array([1.0, 1.0, 3.0, 3.0]), UNIT) == "M0 300H500V100H1000"


def test_a_step_is_broken_where_there_is_no_value() -> None:
    assert step_path(np.array([NAN, 1.0, NAN, 2.0]), UNIT) == "M250 300H500M750 200H1000"


def test_a_line_ends_at_the_ends_of_the_slots() -> None:
    assert line_path(np.array([0.0, 4.0]), UNIT) == "M500 400L1000 0"


def test_an_area_goes_there_above_and_back_below() -> None:
    lower, upper = np.array([0.0, 1.0]), np.array([2.0, 3.0])

    assert area_path(lower, upper, UNIT) == "M0 200H500V100H1000V300H500V400H0Z"


def test_dots_lie_in_the_middle_of_their_slots() -> None:
    assert dots_path(np.array([0, 3]), np.array([4.0, 0.0]), UNIT, 4) == "M125 0h0M875 400h0"


def test_layers_stand_on_each_other() -> None:
    layers = [Series(label="a", values=np.array([1.0]), style="x")] * 3

    bases = [layer.base for layer in stacked(layers)]

    assert [float(base[0]) for base in bases if base is not None] == [0.0, 1.0, 2.0]


def test_a_course_moves_where_the_value_does() -> None:
    path = re.search(r' d="([^"]*)"', course([0.5, 0.5, 1.0, 0.0], 0.0, 1.0))

    assert path is not None
    assert path[1] == "M0 30H100V3H150V57H200"


def test_a_book_steps_up_with_offers_and_down_with_bids() -> None:
    orders = [
        an_order("offer", 1000, 200_000_000),
        an_order("offer", 3000, 100_000_000),
        an_order("bid", 2000, 300_000_000),
        an_order("bid", 2000, 400_000_000),
    ]
    scenario = a_village_plan("P1", "P2").scenario

    (book,) = order_books(scenario, orders, [a_trade(slot=0, energy=2000)])

    # prices go to 0.5 (0.4 and a little, in steps of 0.1), energies to 4 kWh
    assert 'd="M0 320H750V240H1000" class="line offers"' in book.picture
    assert 'd="M0 80H500V160H1000" class="line bids"' in book.picture
    assert 'd="M0 0H500V400H0Z" class="area traded"' in book.picture
    assert "2 offers of 4.000 kWh, 2 bids for 4.000 kWh, 2.000 kWh traded in 1 trade" in (
        book.sentence
    )


def test_the_busiest_slot_traded_most_and_without_trades_offered_most() -> None:
    orders = [an_order("bid", 5, 1, slot=3), an_order("bid", 9, 1, slot=7)]
    trades = [a_trade(slot=1, energy=4), a_trade(slot=2, energy=3), a_trade(slot=2, energy=3)]

    assert busiest_slot(trades, orders) == 2
    assert busiest_slot([], orders) == 7
    assert busiest_slot([], []) == 0


def test_neighbours_on_the_circle_are_near_each_other() -> None:
    community = a_community("A", "B", "C", "D")
    far = {(0, 1): 900, (0, 2): 10, (2, 1): 10, (1, 3): 10, (0, 3): 900, (2, 3): 900}
    lines = tuple(
        replace(community.lines[0], first=first, second=second, distance=Meters(distance))
        for (first, second), distance in far.items()
    )

    assert circle_order(replace(community, lines=lines)) == [0, 2, 1, 3]


def test_everybody_has_a_place_on_the_circle_without_any_line() -> None:
    community: Community = replace(a_community("A", "B", "C"), lines=())

    assert sorted(circle_order(community)) == [0, 1, 2]
    assert network(community, ()).pairs == ()


def test_pairs_gather_the_trades_of_each_direction() -> None:
    trades = [
        a_trade(1, "A", "B", energy=1000, price=100_000_000),
        a_trade(2, "A", "B", energy=3000, price=200_000_000),
        a_trade(2, "B", "A", energy=500),
    ]

    drawn = network(a_community("A", "B", "C"), trades)

    first, second = drawn.pairs
    assert (first.seller, first.buyer, first.trades, first.energy_kwh) == ("A", "B", 2, 4.0)
    assert first.mean_price_usd_per_kwh == pytest.approx(0.175)
    assert (second.seller, second.key) == ("B", "1-0")
    assert drawn.picture.count('class="lease"') == 2  # A-C and B-C; A-B traded


def test_few_fees_have_their_own_colours_and_many_share_fifths() -> None:
    few = fee_classes([a_trade(lease_fee=fee) for fee in (1_000_000, 2_000_000, 2_000_000)])
    many = fee_classes([a_trade(lease_fee=fee) for fee in range(0, 10_000_001, 1_000_000)])

    assert [(one.style, one.low) for one in few] == [(1, 0.001), (5, 0.002)]
    assert [one.style for one in many] == [1, 2, 3, 4, 5]
    assert many[0].low == 0.0
    assert many[-1].high == pytest.approx(0.01)
