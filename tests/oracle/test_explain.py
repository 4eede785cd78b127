"""Why an order traded or not: hand-made slots, and a slot of a market's record."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
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
    PRICE,
    RATIONED,
    RULE,
    TIED,
    Explainer,
    Explanation,
)
from oracle.explain.slot_market import SlotMarket, cleared_slots, slot_market
from oracle.market.demand_bidding import DemandBidding
from oracle.market.mcafee import McAfee
from oracle.market.mechanism import Mechanism, round_of
from oracle.market.mid_market import MidMarket
from oracle.market.pairwise_nash import PairwiseNash
from oracle.market.pay_as_bid import PayAsBid
from oracle.market.supply_demand_ratio import SupplyDemandRatio
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
    assert found.needed_limit == usd_per_kwh(8)  # that of the last that sold
    limits = {market.position("P10"): found.needed_limit}
    again = market.mechanism.clear(market.round(limits)).trades
    assert sum(t.energy for t in again if t.offer == 9) == found.would_trade > 0
    worse = {9: MicroUsdPerMwh(usd_per_kwh(8) + 1)}
    assert all(t.offer != 9 for t in market.mechanism.clear(market.round(worse)).trades)


def test_the_pivots_set_the_prices_of_mcafee() -> None:
    book = [*UNIT_BOOK[:9], ("offer", 1, 13)]
    market = a_market(McAfee(unit=Wh(1000)), book)

    buyer, left_out = explained(market, "P1"), explained(market, "P4")

    assert named(market, buyer.setters) == ["P4"]  # buyers pay b_k
    assert (left_out.traded, left_out.reason) == (0, RULE)  # an offer of 8 is left over too
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


SHARED = [("offer", 10, 0.05), ("bid", 6, 0.18), ("bid", 3, 0.10)]
IMPORT_PRICE = usd_per_kwh(0.20)


def test_who_does_not_admit_a_price_that_the_grid_sets_hears_of_it() -> None:
    """The middle of .20 and .04; nobody came first: 4 kWh of the offer are left over."""
    market = a_market(MidMarket(usd_per_kwh(0.04)), SHARED, real_time_price=IMPORT_PRICE)

    found = explained(market, "P3")

    assert (found.traded, found.reason, found.barred_by) == (0, PRICE, usd_per_kwh(0.12))
    assert (found.needed_limit, found.left_over) == (usd_per_kwh(0.12), 4000)
    assert found.would_trade == 3000


def test_who_does_not_admit_the_grids_price_came_no_later_where_nothing_is_left() -> None:
    market = a_market(
        MidMarket(usd_per_kwh(0.04)),
        [("offer", 6, 0.05), *SHARED[1:]],
        real_time_price=IMPORT_PRICE,
    )

    found = explained(market, "P3")

    assert (found.reason, found.left_over) == (PRICE, 0)
    assert found.needed_limit == found.barred_by == usd_per_kwh(0.12)


def test_a_slot_without_trades_has_the_price_that_there_would_have_been() -> None:
    market = a_market(
        MidMarket(usd_per_kwh(0.04)), [SHARED[0], SHARED[2]], real_time_price=IMPORT_PRICE
    )

    found = explained(market, "P2")

    assert market.trades == ()
    assert (found.reason, found.barred_by) == (PRICE, usd_per_kwh(0.12))


def test_who_does_not_admit_the_price_of_supply_and_demand_hears_of_it() -> None:
    """R = 5 / 9: .04 · .20 / (.16 · 5 / 9 + .04); 2 kWh of the offer are left over."""
    rows = [("offer", 5, 0.05), ("bid", 3, 0.18), ("bid", 6, 0.06)]
    market = a_market(SupplyDemandRatio(usd_per_kwh(0.04)), rows, real_time_price=IMPORT_PRICE)

    found = explained(market, "P3")

    assert found.reason == PRICE
    assert found.barred_by == usd_per_kwh(0.062068965)
    assert (found.needed_limit, found.left_over) == (found.barred_by, 2000)


def test_a_quantity_that_follows_from_a_slope_was_taken_by_nobody() -> None:
    rows = [("offer", 10, 0.05), ("bid", 6, 0.18), ("bid", 3, 0.15), ("bid", 1, 0.06)]
    market = a_market(DemandBidding(10**5), rows, real_time_price=IMPORT_PRICE)

    reasons = {name: explained(market, name).reason for name in ("P1", "P2", "P3", "P4")}

    assert 0 < explained(market, "P3").traded < 3000
    assert reasons == {"P1": RULE, "P2": RULE, "P3": RULE, "P4": PRICE}


def test_a_quantity_of_a_slope_came_no_later_where_nothing_is_left() -> None:
    """The offer's slope is as good as flat, so that it sells all its energy."""
    rows = [("offer", 1, 0.05), ("bid", 6, 0.18), ("bid", 6, 0.17)]
    market = a_market(DemandBidding(1), rows, real_time_price=IMPORT_PRICE)
    book = (replace(market.book[0], terms=1), *market.book[1:])
    market = replace(market, book=book, trades=())
    market = replace(market, trades=market.mechanism.clear(market.round()).trades)

    found = explained(market, "P3")

    assert 0 < found.traded < 6000
    assert (found.reason, found.left_over) == (RULE, 0)


def test_a_worse_limit_comes_later_where_limits_rank() -> None:
    rows = [("bid", 2, 0.18), ("bid", 3, 0.15), ("bid", 1, 0.15), ("offer", 3, 0.05)]

    for mechanism, last in ((Uniform(), PRICE), (PayAsBid(), LIMIT)):  # one price, or several
        market = a_market(mechanism, [*rows[:2], ("bid", 1, 0.10), rows[3]])

        reasons = [explained(market, name).reason for name in ("P1", "P2", "P3")]

        assert reasons == [FILLED, LIMIT, last]
        assert explained(a_market(mechanism, rows), "P3").reason == TIED


def test_who_is_a_micro_dollar_behind_is_not_tied() -> None:
    """At the other's limit the two would share; the other is served in full as it is."""
    rows = [("bid", 2, 0.150000001), ("bid", 3, 0.15), ("offer", 3, 0.05)]

    found = explained(a_market(Uniform(), rows), "P2")

    assert (found.traded, found.reason) == (1000, LIMIT)
    assert found.needed_limit == usd_per_kwh(0.150000001)


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


def test_everybody_with_a_limit_of_the_margin_is_marginal() -> None:
    rows = [("offer", 1, 2), ("offer", 1, 1), ("offer", 1, 2), ("offer", 1, 3), ("bid", 2, 9)]

    assert a_market(Uniform(), rows).marginal() == {0, 2, 4}


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
