"""Mechanisms side by side: published and hand-made books, the most that routes allow, stability."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given

from oracle.compare import optimum
from oracle.compare.book import BookComparison, BookResult, grid_prices, uses_grid_prices
from oracle.compare.days import DaysComparison, DaysResult
from oracle.compare.measures import (
    blocking_pairs,
    blocking_partners,
    measures,
    reservations,
)
from oracle.compare.rules import RULES, rule_of
from oracle.domain.book import Kind, Order, Trade
from oracle.domain.community import Community, manager_index
from oracle.errors import InvalidInputError
from oracle.market.matching import Matching
from oracle.market.mechanism import POOL, Edge, Round, Settings
from oracle.scenario_files.book import BookFile
from oracle.units import Bps, MicroUsdPerMwh, Wh, usd_from_micro_usd
from tests.oracle.books import every_matching, rounds
from tests.oracle.communities import (
    a_battery,
    a_community,
    a_line,
    a_prosumer,
    a_tariff,
    usd_per_kwh,
)
from tests.oracle.pools import random_rounds

PICO = 10**12  # pico-USD of a USD

# of MECHANISMS.md: energy in kWh, price in USD/kWh
UNIT_BIDS = [(1, 17), (1, 14), (1, 13), (1, 9), (1, 6)]
UNIT_OFFERS = [(1, 1), (1, 4), (1, 5), (1, 8), (1, 11)]
ASSIGNMENT = ([(5, 6), (5, 8)], [(5, 10), (5, 9)])
ASSIGNMENT_FEES = {(0, 0): 1.0, (0, 1): 5.0, (1, 0): 1.0, (1, 1): 0.5}

Rows = Sequence[tuple[int, float]]


def a_book(
    offers: Rows, bids: Rows, fees: Mapping[tuple[int, int], float] | None = None
) -> BookFile:
    """Offers s1, s2, …, then bids b1, b2, …; `fees` by their indices."""
    rows = [(Kind.OFFER, *row) for row in offers] + [(Kind.BID, *row) for row in bids]
    return BookFile(
        orders=tuple(
            Order(kind=kind, participant=k, energy=Wh(energy * 1000), price=usd_per_kwh(price))
            for k, (kind, energy, price) in enumerate(rows, start=1)
        ),
        names=tuple(
            f"{'s' if k < len(offers) else 'b'}{k + 1 if k < len(offers) else k + 1 - len(offers)}"
            for k in range(len(rows))
        ),
        fees=None
        if fees is None
        else {(i, len(offers) + j): usd_per_kwh(fee) for (i, j), fee in fees.items()},
    )


def result_of(
    book: BookFile,
    name: str,
    settings: Settings | None = None,
    import_price: float | None = None,
    export_price: float | None = None,
) -> BookResult:
    prices = [None if p is None else usd_per_kwh(p) for p in (import_price, export_price)]
    comparison = BookComparison(book, grid_prices(book, *prices), {name: settings or {}}, Matching)
    return comparison.result(RULES[name])


def prices_of(result: BookResult) -> tuple[float, float]:
    """Return what buyers pay and sellers get on average, in USD/kWh."""
    found = result.measures
    return (
        found.paid / (found.volume * 10**9),
        found.received / (found.volume * 10**9),
    )


@pytest.mark.parametrize(
    ("name", "offers", "volume_kwh", "buyer", "seller", "welfare", "operator"),
    [
        ("uniform", UNIT_OFFERS, 4, 8.5, 8.5, 35, 0),
        ("matching", UNIT_OFFERS, 4, 8.5, 8.5, 35, 0),
        ("mcafee", UNIT_OFFERS, 4, 8.5, 8.5, 35, 0),
        ("mcafee", [*UNIT_OFFERS[:4], (1, 13)], 3, 9, 8, 34, 3),
        ("vcg", UNIT_OFFERS, 4, 8, 9, 35, -4),
    ],
)
def test_clears_the_book_of_unit_orders_as_mechanisms_md_says(
    name: str,
    offers: Rows,
    volume_kwh: int,
    buyer: float,
    seller: float,
    welfare: int,
    operator: int,
) -> None:
    settings: Settings = {"unit_kwh": 1.0} if name == "mcafee" else {}

    result = result_of(a_book(offers, UNIT_BIDS), name, settings)

    assert result.refusal == ""
    assert result.measures.volume == volume_kwh * 1000
    assert prices_of(result) == (buyer, seller)
    assert result.measures.welfare == welfare * PICO
    assert result.measures.operator == operator * PICO
    assert (result.most_welfare, result.most_volume) == (
        35 * PICO,
        5000,
    )


def test_huang_excludes_the_pivots() -> None:
    """Huang, Scheller-Wolf and Sycara 2002, by MECHANISMS.md."""
    book = a_book([(4, 2), (1, 1), (5, 6)], [(1, 3), (2, 4), (5, 1)])

    result = result_of(book, "huang")

    assert result.measures.volume == 1000
    assert prices_of(result) == (3, 2)
    assert result.measures.operator == PICO


def test_pay_as_bid_trades_by_price_and_time() -> None:
    book = a_book([(5, 10), (5, 9), (5, 9)], [(7, 9.5), (5, 10)])

    result = result_of(book, "pay-as-bid")

    assert [
        (trade.offer, trade.bid, trade.energy / 1000, trade.price / 1e9) for trade in result.trades
    ] == [(0, 4, 2, 10), (1, 3, 5, 9), (2, 3, 2, 9), (2, 4, 3, 9)]


def test_average_rounds_opens_at_the_books_prices() -> None:
    book = a_book([(1, 6), (1, 8)], [(1, 10), (1, 7)])

    result = result_of(book, "average-rounds", {"step_usd_per_kwh": 0.5})

    assert sorted(trade.price / 1e9 for trade in result.trades) == [7.5, 8.0]
    assert result.measures.welfare == 3 * PICO  # at the book's prices: 10 − 6 and 7 − 8


def test_matching_pays_the_lease_fees_of_the_lines() -> None:
    result = result_of(a_book(*ASSIGNMENT, ASSIGNMENT_FEES), "matching")

    assert result.graph == "full"
    assert {(t.offer, t.bid): t.energy for t in result.trades} == {(0, 2): 5000, (1, 3): 5000}
    assert result.measures.welfare == result.most_welfare == 17.5 * PICO
    assert result.measures.lease_fees == 7.5 * PICO
    assert result.measures.blocking_pairs == 0


def test_pairwise_nash_shares_a_pairs_gains_equally() -> None:
    result = result_of(a_book(*ASSIGNMENT, ASSIGNMENT_FEES), "pairwise-nash")

    assert {(t.offer, t.bid): t.price for t in result.trades} == {
        (0, 2): usd_per_kwh((6 + 9) / 2),
        (1, 3): usd_per_kwh((8 + 8.5) / 2),
    }


def test_a_mechanism_of_pools_clears_the_free_pool_beside_lines() -> None:
    result = result_of(a_book(*ASSIGNMENT, ASSIGNMENT_FEES), "uniform")

    assert (result.graph, result.measures.welfare) == ("community", 25 * PICO)
    assert result.most_welfare == 25 * PICO


@pytest.mark.parametrize(
    ("supply", "demand", "name", "buyer", "seller"),
    [
        (5, 10, "supply-demand-ratio", 0.133333333, 0.066666666),  # Liu et al. 2017
        (6, 10, "mid-market", 0.152, 0.12),  # Long et al. 2017
        (10, 6, "mid-market", 0.12, 0.088),
    ],
)
def test_blends_what_is_traded_with_the_rest_at_the_grid(
    supply: int, demand: int, name: str, buyer: float, seller: float
) -> None:
    book = a_book([(supply, 0.04)], [(demand, 0.20)])

    blended = result_of(book, name).blended

    assert blended is not None
    assert (blended.buyer, blended.seller) == (usd_per_kwh(buyer), usd_per_kwh(seller))


def test_mechanisms_that_use_the_grids_prices_are_told_apart() -> None:
    using = {name for name, kind in RULES.items() if uses_grid_prices(kind)}

    assert using == {"average-rounds", "supply-demand-ratio", "mid-market", "demand-bidding"}


def test_only_mechanisms_that_use_the_import_price_have_it_as_a_cap() -> None:
    book = a_book([(1, 0.3)], [(1, 0.5)])

    assert result_of(book, "uniform", None, 0.2, 0.1).measures.volume == 1000
    assert result_of(book, "mid-market", None, 0.2, 0.1).measures.volume == 0


def test_refuses_an_export_price_above_the_import_price() -> None:
    with pytest.raises(InvalidInputError, match="--export-price: expected at most"):
        grid_prices(a_book([(1, 1)], []), usd_per_kwh(0.1), usd_per_kwh(0.2))


@pytest.mark.parametrize("name", RULES)
@pytest.mark.parametrize(("offers", "bids"), [([], []), ([(1, 1)], []), ([(1, 2)], [(1, 1)])])
def test_a_book_without_a_pair_trades_nothing(name: str, offers: Rows, bids: Rows) -> None:
    result = result_of(a_book(offers, bids), name)

    if not result.refusal and name != "average-rounds":  # whose book has only opening prices
        assert (result.measures.volume, result.measures.welfare) == (0, 0)
        assert result.most_welfare == 0


@pytest.mark.parametrize(
    ("name", "count", "error"),
    [
        ("pairwise-nash", 201, "expected at most 40,000 pairs of an offer and a bid, got 40,401"),
        ("matching", 10_001, "expected at most 20,000 orders, got 20,002"),
    ],
)
def test_says_of_a_book_that_is_too_large(name: str, count: int, error: str) -> None:
    book = a_book([(1, 1)] * count, [(1, 2)] * count)

    assert result_of(book, name).refusal.startswith(error)


@pytest.mark.parametrize("name", ["uniform", "matching", "huang", "vcg", "pay-as-bid"])
def test_what_everybody_gains_is_the_welfare(name: str) -> None:
    for market_round in random_rounds(7, 100):
        trades = rule_of(RULES[name], {}).clear(market_round).trades

        found = measures(market_round, trades)

        assert found.welfare == found.buyers_surplus + found.sellers_surplus + found.operator
        assert found.paid == found.received + found.operator + found.lease_fees
        assert min(found.buyers_surplus, found.sellers_surplus) >= 0


def test_the_most_of_a_pool_is_what_a_linear_program_finds() -> None:
    for market_round in random_rounds(11, 300):
        apart = replace(
            market_round,
            spokes=tuple(spoke if spoke == POOL else None for spoke in market_round.spokes),
        )

        cap = apart.real_time_price
        uncapped = replace(
            apart,
            orders=tuple(
                None if order and order.kind is Kind.OFFER and order.price > cap else order
                for order in apart.orders
            ),
            real_time_price=MicroUsdPerMwh(1000),
        )

        volume = optimum.largest_volume(apart)

        assert volume == optimum._transport_volume(apart)
        welfare = optimum.largest_welfare(apart, rule_of(Matching, {}))
        assert welfare == welfare_of(apart, rule_of(Matching, {}).clear(uncapped).trades)


def test_the_most_of_pools_and_lines_is_that_of_a_line_per_pair() -> None:
    rng = np.random.default_rng(13)
    for market_round in random_rounds(17, 200):
        lines = tuple(
            Edge(offer=offer, bid=bid, fee=MicroUsdPerMwh(0))
            for offer, bid in feasible_pairs(market_round)
            if rng.random() < 0.3  # those without room for a price have no edge
        )
        hybrid = replace(market_round, edges=lines)
        flat = replace(
            hybrid,
            edges=tuple(
                Edge(offer=offer, bid=bid, fee=MicroUsdPerMwh(0))
                for offer, bid in feasible_pairs(hybrid)
                if routes_of(hybrid, offer, bid)
            ),
            spokes=(),
        )

        assert optimum.largest_volume(hybrid) == optimum.largest_volume(flat)


def feasible_pairs(market_round: Round) -> list[tuple[int, int]]:
    """Offers that may sell and bids that could pay them, free routes given."""
    live = [(k, order) for k, order in enumerate(market_round.orders) if order is not None]
    return [
        (i, j)
        for i, offer in live
        for j, bid in live
        if (offer.kind, bid.kind) == (Kind.OFFER, Kind.BID)
        and offer.price <= min(bid.price, market_round.real_time_price)
    ]


def routes_of(market_round: Round, offer: int, bid: int) -> list[int]:
    """The fees of the routes between two orders that leave room for a price."""
    fees = [int(e.fee) for e in market_round.edges if (e.offer, e.bid) == (offer, bid)]
    if market_round.spokes:
        one, other = market_round.spokes[offer], market_round.spokes[bid]
        if one is not None and other is not None and one.manager == other.manager:
            fee = one.fee + other.fee
            room = market_round.order(bid).price - market_round.order(offer).price
            fees += [fee] if fee <= room else []
    return fees


@given(rounds(largest_energy=2, participants=4))
def test_the_most_of_lines_is_the_best_of_all_matchings(market_round: Round) -> None:
    matchings = list(every_matching(market_round))

    volume = optimum.largest_volume(market_round)
    welfare = optimum.largest_welfare(market_round, rule_of(Matching, {}))

    assert volume == max(sum(trade.energy for trade in one) for one in matchings)
    assert welfare == max(welfare_of(market_round, one) for one in matchings)


def welfare_of(market_round: Round, trades: tuple[Trade, ...]) -> int:
    return sum(
        t.energy * (market_round.order(t.bid).price - market_round.order(t.offer).price - t.fee)
        for t in trades
    )


def blocks(market_round: Round, trades: tuple[Trade, ...], offer: int, bid: int) -> bool:
    """Whether one Wh more between the two leaves both better off, by the definition."""
    seller, buyer = market_round.order(offer), market_round.order(bid)
    fees = [e.fee for e in market_round.edges if (e.offer, e.bid) == (offer, bid)]
    if market_round.spokes:
        one, other = market_round.spokes[offer], market_round.spokes[bid]
        if one is not None and other is not None and one.manager == other.manager:
            fees.append(MicroUsdPerMwh(one.fee + other.fee))
    sold = [t for t in trades if t.offer == offer]
    bought = [t for t in trades if t.bid == bid]
    lows = [t.price for t in sold if t.bid != bid]
    highs = [t.price + t.fee + t.surplus for t in bought if t.offer != offer]
    if sum(t.energy for t in sold) < seller.energy:
        lows = [seller.price]
    if sum(t.energy for t in bought) < buyer.energy:
        highs = [buyer.price]
    return any(
        min(lows) < min(max(highs) - fee, market_round.real_time_price)
        for fee in fees
        if lows and highs
    )


@pytest.mark.parametrize("name", ["pay-as-bid", "huang", "uniform", "mid-market"])
def test_counts_the_pairs_of_a_pool_that_would_rather_trade_with_each_other(name: str) -> None:
    for market_round in random_rounds(3, 150):
        if name == "mid-market":
            rule = RULES[name].of({}, MicroUsdPerMwh(0))
        else:
            rule = rule_of(RULES[name], {})
        assert_counted(market_round, rule.clear(market_round).trades)


@given(rounds(largest_energy=5, participants=5))
def test_counts_the_pairs_of_lines_that_would_rather_trade_with_each_other(
    market_round: Round,
) -> None:
    assert_counted(market_round, rule_of(RULES["pairwise-nash"], {}).clear(market_round).trades)


def assert_counted(market_round: Round, trades: tuple[Trade, ...]) -> None:
    sides: dict[Kind, list[int]] = {Kind.OFFER: [], Kind.BID: []}
    for k, order in enumerate(market_round.orders):
        if order is not None:
            sides[order.kind].append(k)
    pairs = [
        (i, j)
        for i in sides[Kind.OFFER]
        for j in sides[Kind.BID]
        if blocks(market_round, trades, i, j)
    ]
    reserved = reservations(market_round, trades)

    assert blocking_pairs(market_round, reserved) == len(pairs)
    for k in [*sides[Kind.OFFER], *sides[Kind.BID]]:
        others = sorted(j if i == k else i for i, j in pairs if k in (i, j))
        assert blocking_partners(market_round, reserved, k) == others


@pytest.mark.parametrize("name", ["uniform", "matching", "vcg"])
def test_nobody_would_rather_trade_otherwise_where_the_outcome_is_in_the_core(name: str) -> None:
    rule = rule_of(RULES[name], {})
    for market_round in random_rounds(5, 150):
        trades = rule.clear(market_round).trades
        apart = replace(  # who is out of the free pool may well want in with another manager
            market_round,
            spokes=tuple(spoke if spoke == POOL else None for spoke in market_round.spokes),
        )
        if name == "matching":
            trades = rule.clear(apart).trades

        assert blocking_pairs(apart, reservations(apart, trades)) == 0


def days_of(community: Community, name: str) -> DaysResult:
    return DaysComparison(community, {}, Matching, lambda *_: None).result(RULES[name])


def a_day() -> Community:
    """One sells 3 kWh in the second slot, the other buys 2, and the grid has .30 and .10."""
    return a_community(
        [[0, 3, 0], [0, -2, -1]],
        [a_line(0, 1, 1.0)],
        prosumers=[a_prosumer("A"), a_prosumer("B")],
        tariff=a_tariff([0.3] * 3, [0.1] * 3),
        first_trading_slot=0,
        last_trading_slot=2,
    )


def test_measures_a_day_in_a_community() -> None:
    result = days_of(a_day(), "uniform")

    assert (result.graph, result.refusal) == ("community", "")
    assert result.measures.volume == result.most_volume == 2000
    assert result.measures.welfare == result.most_welfare == 2 * 0.2 * PICO
    assert result.self_consumption == pytest.approx(2 / 3)
    assert result.self_sufficiency == pytest.approx(2 / 3)
    alone = [usd_from_micro_usd(one.grid_alone_bill) for one in result.households]
    bills = [usd_from_micro_usd(one.bill) for one in result.households]
    assert alone == [-0.3, 0.9]
    assert bills == [-0.3, 0.5]  # 1 kWh left over: the price is the offer's, .10
    assert [(one.sold, one.bought) for one in result.households] == [(2000, 0), (0, 2000)]


def test_a_hybrid_market_may_trade_over_lines_and_through_its_manager() -> None:
    """The line between A and B carries 1 kWh in a slot, the manager the rest."""
    here = a_day()
    lines = (
        replace(here.lines[0], capacity=Wh(1000)),
        a_line(0, manager_index(1), 0.5),
        a_line(1, manager_index(1), 0.6),
    )
    hybrid = replace(here, lines=lines, rules=replace(here.rules, trade_graph="hybrid"))

    result = days_of(hybrid, "matching")

    assert (result.graph, result.refusal) == ("hybrid", "")
    assert result.measures.volume == result.most_volume == 2000
    assert result.measures.welfare == result.most_welfare
    assert result.trades == 2
    assert result.measures.blocking_pairs == 0
    assert days_of(hybrid, "uniform").graph == "community"


def test_a_benchmark_clears_the_orders_of_a_pool() -> None:
    result = days_of(a_day(), "vcg")

    assert (result.mechanism, result.graph) == ("vcg", "community")
    assert result.measures.operator < 0
    assert result.busiest is None


def test_the_truth_is_not_what_a_strategy_states() -> None:
    community = a_day()
    modest = replace(community.prosumers[1], strategy="fixed-margin")
    liars = replace(
        community,
        prosumers=(community.prosumers[0], replace(modest, margin=type(modest.margin)(5000))),
    )

    honest, lying = days_of(community, "pay-as-bid"), days_of(liars, "pay-as-bid")

    assert lying.measures.welfare == honest.measures.welfare
    assert lying.most_welfare == honest.most_welfare


def test_shares_of_days_are_of_what_truthful_prices_would_bring() -> None:
    """Both keep so much of their rooms that they never meet."""
    here = a_day()
    prosumers = tuple(
        replace(one, strategy="fixed-margin", margin=Bps(9000)) for one in here.prosumers
    )

    lying = days_of(replace(here, prosumers=prosumers), "uniform")

    assert lying.measures.volume == 0
    assert lying.most_welfare == days_of(here, "uniform").measures.welfare > 0


def test_shares_of_days_are_of_one_welfare_per_graph() -> None:
    """Who trades little leaves little in the batteries, and would be measured by that alone."""
    found = {name: days_of(two_slots(), name) for name in ("uniform", "huang", "pairwise-nash")}

    assert {name: one.reference for name, one in found.items()} == {
        "uniform": "uniform",
        "huang": "uniform",
        "pairwise-nash": "matching",
    }
    assert found["huang"].measures.volume == 0
    assert found["huang"].most_welfare == found["uniform"].measures.welfare > 0
    assert found["huang"].most_volume == found["uniform"].measures.volume
    assert found["pairwise-nash"].most_volume == days_of(two_slots(), "matching").measures.volume
    assert found["uniform"].slot_welfare == found["uniform"].measures.welfare


def two_slots() -> Community:
    """One may sell its 2 kWh in the first slot or, out of its battery, in the second."""
    battery = a_battery(min_energy=Wh(0), max_energy=Wh(4000), initial_energy=Wh(0))
    return a_community(
        [[2, 0], [-2, -2]],
        [a_line(0, 1, 1.0)],
        prosumers=[a_prosumer("A", battery=battery), a_prosumer("B")],
        tariff=a_tariff([0.3] * 2, [0.1] * 2),
        first_trading_slot=0,
        last_trading_slot=1,
    )


def test_a_mechanism_that_takes_no_such_days_says_why() -> None:
    changing = replace(a_day(), tariff=a_tariff([0.3] * 3, [0.1, 0.1, 0.2]))

    assert "expected one export price in all slots" in days_of(changing, "mid-market").refusal
    assert days_of(changing, "uniform").refusal == ""


def test_the_busiest_slot_can_be_run_alone() -> None:
    result = days_of(a_day(), "uniform")

    assert result.busiest_slot == 1
    assert result.busiest is not None
    alone = days_of(result.busiest, "uniform")
    assert (alone.measures, alone.most_volume) == (result.measures, 2000)


def test_progress_counts_the_slots_of_each_mechanism() -> None:
    heard: list[tuple[str, int, int]] = []

    comparison = DaysComparison(a_day(), {}, Matching, lambda *event: heard.append(event))
    comparison.result(RULES["uniform"])

    assert heard == [("uniform", done, 3) for done in (1, 2, 3)]
