"""Shares of a partial delivery and the money of a trade."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oracle.domain.book import CONTRADICTION, COUNTER_READING, Kind, Order, Trade
from oracle.model.settlement import (
    Payment,
    deliveries,
    forfeit_shares,
    overstated,
    payment,
    sales,
    shares,
)
from oracle.units import MicroUsd, MicroUsdPerMwh, Wh
from tests.oracle.communities import usd_per_kwh

ENERGIES = st.lists(st.integers(1, 2**32 - 1).map(Wh), min_size=1, max_size=8)


def a_trade(offer: int, bid: int, energy: int) -> Trade:
    return Trade(
        offer=offer,
        bid=bid,
        energy=Wh(energy),
        price=usd_per_kwh(0.11),
        fee=usd_per_kwh(0.37),
    )


def test_the_largest_remainder_gets_the_last_wh() -> None:
    assert shares([Wh(5), Wh(3), Wh(2)], Wh(6)) == [3, 2, 1]  # 3, 1.8, 1.2


def test_equal_remainders_go_to_the_earlier_trade() -> None:
    assert shares([Wh(1), Wh(1), Wh(1)], Wh(2)) == [1, 1, 0]


def test_more_than_sold_fills_every_trade_and_no_more() -> None:
    assert shares([Wh(5), Wh(3)], Wh(9)) == [5, 3]
    assert shares([Wh(5), Wh(3)], Wh(0)) == [0, 0]


def test_each_seller_shares_its_own_delivery_and_a_silent_one_delivered_nothing() -> None:
    trades = [a_trade(0, 4, 10), a_trade(0, 5, 10), a_trade(1, 5, 10), a_trade(2, 6, 10)]

    delivered = deliveries(trades, {0: Wh(15), 1: Wh(10)})

    assert [trade.delivered for trade in delivered] == [8, 7, 10, 0]
    assert [trade.with_delivered(Wh(0)) for trade in delivered] == trades


def test_money_of_a_delivery_of_60_percent_by_hand() -> None:
    trade = a_trade(0, 1, 60_000).with_delivered(Wh(36_000))

    money = payment(trade, usd_per_kwh(0.3))

    assert money == Payment(
        goods=MicroUsd(3_960_000),  # 36 kWh at 0.11
        fee=MicroUsd(13_320_000),  # 36 kWh at 0.37
        surplus=MicroUsd(0),
        compensation=MicroUsd(7_200_000),  # 24 kWh at 0.30
    )


def test_what_is_below_a_micro_dollar_stays_with_who_pays() -> None:
    trade = Trade(
        offer=0,
        bid=1,
        energy=Wh(3),
        price=MicroUsdPerMwh(999_999),
        fee=MicroUsdPerMwh(500_001),
        surplus=MicroUsdPerMwh(999_999),
        delivered=Wh(1),
    )

    assert payment(trade, MicroUsdPerMwh(999_999)) == Payment(
        goods=MicroUsd(0), fee=MicroUsd(0), surplus=MicroUsd(0), compensation=MicroUsd(1)
    )


def test_a_surplus_is_paid_for_what_was_delivered() -> None:
    trade = replace(a_trade(0, 1, 60_000), surplus=usd_per_kwh(0.05)).with_delivered(Wh(36_000))

    assert payment(trade, usd_per_kwh(0.3)).surplus == 1_800_000  # 36 kWh at 0.05


@given(energies=ENERGIES, delivered=st.integers(0, 2**35).map(Wh))
def test_shares_add_up_to_the_delivery_and_differ_less_than_a_wh_from_pro_rata(
    energies: list[Wh], delivered: Wh
) -> None:
    sold = sum(energies)

    parts = shares(energies, delivered)

    assert sum(parts) == min(sold, delivered)
    for energy, part in zip(energies, parts, strict=True):
        assert part <= energy
        assert abs(part * sold - energy * min(sold, delivered)) < sold


METER, OPERATOR = 0, COUNTER_READING


@pytest.mark.parametrize(
    ("entries", "found"),
    [
        ([(METER, 3, 10), (METER, 4, 10)], set()),
        ([(METER, 3, 10), (METER, 4, 10), (OPERATOR, 4, 9)], {4}),
        ([(METER, 3, 10), (OPERATOR, 3, 10)], set()),
        ([(METER, 3, 10), (OPERATOR, 3, 11)], set()),
        ([(OPERATOR, 3, 0), (METER, 3, 10)], set()),  # not heard after the operator
        ([(METER, 3, 10), (METER, 3, 5), (OPERATOR, 3, 7)], {3}),  # heard once
        ([(METER, 3, 10), (CONTRADICTION, 3, 12), (OPERATOR, 3, 11)], set()),
        ([(METER, 3, 10), (OPERATOR, 3, 5), (OPERATOR, 3, 6)], set()),  # its last word counts
    ],
)
def test_who_said_more_than_the_operator_overstated(
    entries: list[tuple[int, int, int]], found: set[int]
) -> None:
    assert overstated([mark | who << 32 | energy for mark, who, energy in entries]) == found


def test_a_seller_whose_meter_overstated_pays_the_bond_of_all_it_sold_and_only_if_it_is_short() -> (
    None
):
    book = [Order(kind=Kind.OFFER, participant=number) for number in (7, 8)]
    short, full = a_trade(0, 4, 60_000).with_delivered(Wh(36_000)), a_trade(1, 5, 10)
    delivered = [short, full.with_delivered(Wh(10))]

    slashed, filled = sales(
        book,
        delivered,
        {7, 8},
        compensation_price=usd_per_kwh(0.3),
        bond_price=usd_per_kwh(0.5),
    )

    assert (slashed.offer, slashed.is_slashed) == (0, True)
    assert [one.compensation for one in slashed.payments] == [30_000_000]  # 60 kWh at 0.50
    assert (filled.offer, filled.is_slashed) == (1, False)
    assert [one.compensation for one in filled.payments] == [0]


def test_what_was_forfeited_goes_to_all_entries_and_the_rest_to_the_first() -> None:
    assert forfeit_shares(MicroUsd(11), 3) == [4, 4, 3]
    assert forfeit_shares(MicroUsd(11), 0) == []
