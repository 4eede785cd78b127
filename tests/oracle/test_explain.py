"""Why an order traded or not: hand-made slots, and a slot of a market's record."""

from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from oracle.domain.book import FIRST_MANAGER, Kind, Order
from oracle.domain.record import MarketRecord
from oracle.errors import InvalidInputError
from oracle.explain.order import (
    FILLED,
    GRID,
    LEFT_OUT,
    LIMIT,
    NO_ROOM,
    NO_ROUTE,
    RATIONED,
    TIED,
    Explainer,
    Explanation,
)
from oracle.explain.slot_market import SlotMarket, cleared_slots, slot_market
from oracle.market.mcafee import McAfee
from oracle.market.mechanism import Mechanism, round_of
from oracle.market.mid_market import MidMarket
from oracle.market.pairwise_nash import PairwiseNash
from oracle.market.uniform import Uniform
from oracle.units import MicroUsdPerMwh, Wh
from tests.oracle.audit.exports import a_busy_market, record_of
from tests.oracle.books import a_cancellation
from tests.oracle.communities import usd_per_kwh

UNIT_BOOK = [  # of MECHANISMS.md, "uniform", in USD/kWh
    *(("bid", 1, price) for price in (17, 14, 13, 9, 6)),
    *(("offer", 1, price) for price in (1, 4, 5, 8, 11)),
]
CAP = MicroUsdPerMwh(20 * 10**9)


def a_market(
    mechanism: Mechanism,
    rows: Sequence[tuple[str, float, float]],
    lines: Mapping[tuple[int, int], float] | None = None,
    **changes: Any,
) -> SlotMarket:
    """Orders of participants P1, P2, …; `lines` by their numbers, else one free pool."""
    book = tuple(
        Order(
            kind=Kind[side.upper()],
            participant=number,
            energy=Wh(round(1000 * energy)),
            price=usd_per_kwh(price),
        )
        for number, (side, energy, price) in enumerate(rows, start=1)
    ) + tuple(changes.pop("besides", ()))
    if lines is None:
        fees = {(number, FIRST_MANAGER): MicroUsdPerMwh(0) for number in range(1, len(rows) + 1)}
    else:
        fees = {pair: usd_per_kwh(fee) for pair, fee in lines.items()}
    price = changes.pop("real_time_price", CAP)
    return SlotMarket(
        number=7,
        mechanism=mechanism,
        book=book,
        trades=mechanism.clear(round_of(book, fees, price)).trades,
        names=tuple(f"P{number}" for number in range(1, len(rows) + 1)),
        fees=fees,
        capacities={},
        real_time_price=price,
        price_cap=CAP,
        **changes,
    )


def explained(market: SlotMarket, name: str) -> Explanation:
    return Explainer(market).explain(market.position(name))


def named(market: SlotMarket, positions: Sequence[int]) -> list[str]:
    return [market.name(position) for position in positions]


def test_the_last_pair_that_trades_sets_the_uniform_price() -> None:
    market = a_market(Uniform(), UNIT_BOOK)

    found = explained(market, "P1")

    assert (found.traded, found.reason, found.needed_limit) == (1000, FILLED, None)
    assert {trade.price for trade in found.trades} == {usd_per_kwh(8.5)}
    assert sorted(named(market, found.setters)) == ["P4", "P9"]  # the bid of 9, the offer of 8
    assert found.still_limit == usd_per_kwh(8)
    assert found.would_rather == ()


def test_an_offer_that_asked_too_much_hears_its_limit() -> None:
    market = a_market(Uniform(), UNIT_BOOK)

    found = explained(market, "P10")

    assert (found.traded, found.reason) == (0, LIMIT)
    assert found.best_reachable == usd_per_kwh(17)
    assert found.needed_limit is not None
    assert found.needed_limit <= usd_per_kwh(9)
    limits = {market.position("P10"): found.needed_limit}
    again = market.mechanism.clear(market.round(limits)).trades
    assert sum(t.energy for t in again if t.offer == 9) == found.would_trade > 0
    worse = {9: MicroUsdPerMwh(found.needed_limit + 1)}
    assert all(t.offer != 9 for t in market.mechanism.clear(market.round(worse)).trades)


def test_the_pivots_set_the_prices_of_mcafee() -> None:
    book = [*UNIT_BOOK[:9], ("offer", 1, 13)]
    market = a_market(McAfee(unit=Wh(1000)), book)

    buyer, left_out = explained(market, "P1"), explained(market, "P4")

    assert named(market, buyer.setters) == ["P4"]  # buyers pay b_k
    assert (left_out.traded, left_out.reason) == (0, LIMIT)
    assert left_out.would_trade == 1000
    assert named(market, left_out.would_rather)


def test_the_grid_sets_the_price_in_the_middle_of_its_two() -> None:
    market = a_market(MidMarket(usd_per_kwh(0)), [("offer", 1, 2), ("bid", 1, 12)])

    assert explained(market, "P1").setters == (GRID,)


def test_orders_with_the_same_limit_tie() -> None:
    market = a_market(Uniform(), [("offer", 1, 2), ("offer", 1, 2), ("offer", 1, 2), ("bid", 1, 9)])

    found = explained(market, "P2")

    assert (found.traded, found.reason) == (333, TIED)
    assert found.needed_limit == usd_per_kwh(2) - 1
    assert found.would_trade == 1000
    assert named(market, found.ties) == ["P1", "P2", "P3"]
    assert named(market, found.setters) == ["P2"]  # by asking less it would sell alone


def test_who_is_short_of_others_is_rationed() -> None:
    market = a_market(Uniform(), [("offer", 1, 2), ("bid", 3, 9)])

    found = explained(market, "P2")

    assert (found.traded, found.reason, found.needed_limit) == (1000, RATIONED, None)


def test_who_has_no_line_or_no_room_hears_so() -> None:
    market = a_market(
        PairwiseNash(),
        [("offer", 1, 2), ("bid", 1, 9), ("bid", 1, 3), ("bid", 1, 4)],
        {(1, 2): 0.5, (1, 3): 1.5},
    )

    none, short = explained(market, "P4"), explained(market, "P3")

    assert (none.reason, none.routes, none.best_reachable) == (NO_ROUTE, 0, None)
    assert (short.reason, short.routes, short.routes_with_room) == (NO_ROOM, 1, 0)
    assert short.best_reachable == usd_per_kwh(3.5)


def test_who_is_passed_over_by_the_rule_hears_so_and_with_whom_it_would_rather_trade() -> None:
    """The bid pays its highest price, and the cheaper line goes first whatever the limits are."""
    market = a_market(
        PairwiseNash(),
        [("offer", 1, 5), ("offer", 1, 2), ("bid", 1, 9)],
        {(1, 3): 0.5, (2, 3): 1.0},
    )

    found = explained(market, "P2")

    assert (found.traded, found.reason) == (0, LEFT_OUT)
    assert named(market, found.would_rather) == ["P3"]


def test_cancelled_orders_are_no_orders() -> None:
    market = a_market(Uniform(), UNIT_BOOK, besides=[a_cancellation(1)])

    assert 0 not in market.traded()
    with pytest.raises(InvalidInputError, match=r"^order 7:P1: expected one of slot 7, such as 7:"):
        market.position("P1")


def test_the_margin_is_the_worst_that_traded_and_the_best_that_did_not() -> None:
    market = a_market(Uniform(), UNIT_BOOK)

    assert sorted(named(market, sorted(market.marginal()))) == ["P10", "P4", "P5", "P9"]


@pytest.fixture(scope="module")
def record() -> MarketRecord:
    return record_of(a_busy_market())


@pytest.mark.contract
def test_reads_every_slot_of_a_record_as_its_mechanism_cleared_it(record: MarketRecord) -> None:
    slots = cleared_slots(record, 0)

    for slot in slots:
        market = slot_market(record, None, slot)
        trades = market.mechanism.clear(market.round()).trades
        assert trades == market.trades
    assert len(slots) > 3


@pytest.mark.contract
def test_refuses_a_slot_that_was_not_cleared(record: MarketRecord) -> None:
    slots = cleared_slots(record, 0)

    error = rf"^slot 1: expected one that was cleared \({slots[0]} to {slots[-1]}, {len(slots)} "
    with pytest.raises(InvalidInputError, match=error):
        slot_market(record, None, 1)
