"""What prosumers order, and what the grid charges them."""

from dataclasses import replace
from typing import Any

import pytest

from oracle import bidding
from oracle.domain.book import Kind, Order, Trade
from oracle.domain.community import Community, manager_index
from oracle.market.pairwise_nash import bid_terms, highest_all_in_price, offer_terms
from oracle.market.registry import MECHANISMS
from oracle.model.prosumers import BatteryState, Rest
from oracle.plan import numbered_fees
from oracle.units import Bps, MicroUsdPerMwh, Wh, wh_from_kwh
from tests.oracle.communities import (
    a_battery,
    a_community,
    a_line,
    a_prosumer,
    a_tariff,
    usd_per_kwh,
)

SCORES = [Bps(8_200), Bps(8_200), Bps(3_000)]
TARIFF = a_tariff([0.3, 0.2], [0.08, 0.08])


def the_orders(community: Community, slot: int = 0) -> list[Order]:
    before = bidding.positions(community, slot, bidding.initial_states(community))
    agents = bidding.agents(community, numbered_fees(community))
    at_limits = bidding.limits(community, slot, before, SCORES)
    return bidding.orders(community, slot, at_limits, agents)


def a_triangle(*net_kwh: float, **changes: Any) -> Community:
    lines = [a_line(0, 1, 80), a_line(0, 2, 90), a_line(1, 2, 120)]
    return a_community([[energy] * 2 for energy in net_kwh], lines, **changes)


def test_a_surplus_becomes_an_offer_and_a_deficit_a_bid() -> None:
    offer, bid = the_orders(a_triangle(20, -30, 0))

    assert (offer.kind, offer.participant, offer.energy) == (Kind.OFFER, 1, wh_from_kwh(20))
    assert (bid.kind, bid.participant, bid.energy) == (Kind.BID, 2, wh_from_kwh(30))
    assert offer.terms == offer_terms(usd_per_kwh(0.05))
    assert bid.terms == bid_terms(usd_per_kwh(0.4), wh_from_kwh(85), Bps(5_000))


def test_nobody_orders_outside_the_trading_slots() -> None:
    community = a_triangle(20, -30, 0, first_trading_slot=1, last_trading_slot=1)

    assert the_orders(community, 0) == []
    assert len(the_orders(community, 1)) == 2


def test_an_order_below_the_minimum_is_not_placed_and_one_above_the_maximum_is_cut() -> None:
    placed = the_orders(a_triangle(4.999, -76, 5, min_trade=wh_from_kwh(5)))

    assert [(order.participant, order.energy) for order in placed] == [(2, 75_000), (3, 5_000)]


def test_a_rating_cuts_below_the_markets_maximum_and_never_raises_it() -> None:
    prosumers = [
        a_prosumer("P1", max_sale=wh_from_kwh(8)),
        a_prosumer("P2", max_purchase=wh_from_kwh(9)),
        a_prosumer("P3", max_purchase=wh_from_kwh(900)),
    ]

    placed = the_orders(a_triangle(80, -80, -80, prosumers=prosumers))

    assert [order.energy for order in placed] == [8_000, 9_000, 75_000]


@pytest.mark.parametrize(
    ("floor", "cost", "export", "price"),
    [(0.05, 0.01, 0.02, 0.05), (0.05, 0.06, 0.02, 0.06), (0.05, 0.06, 0.07, 0.07)],
)
def test_an_offer_asks_the_highest_of_floor_cost_and_export_price(
    floor: float, cost: float, export: float, price: float
) -> None:
    community = a_triangle(
        20, 0, 0,
        prosumers=[a_prosumer(f"P{k}", sale_cost=usd_per_kwh(cost)) for k in range(3)],
        floor_price=usd_per_kwh(floor),
        tariff=a_tariff([0.3, 0.3], [export, export]),
    )  # fmt: skip

    assert the_orders(community)[0].price == usd_per_kwh(price)


def test_a_bid_pays_at_most_the_import_price_of_its_slot() -> None:
    community = a_triangle(0, -30, 0, tariff=TARIFF)

    assert the_orders(community, 0)[0].price == usd_per_kwh(0.3)
    assert the_orders(community, 1)[0].price == usd_per_kwh(0.2)


def test_under_a_tariff_no_score_moves_a_limit() -> None:
    community = a_triangle(20, -30, -5, tariff=TARIFF)
    before = bidding.positions(community, 0, bidding.initial_states(community))

    worst, best = (bidding.limits(community, 0, before, [Bps(score)] * 3) for score in (0, 10_000))

    assert len(worst) == 3
    assert worst == best


def test_without_a_tariff_a_bid_trusts_no_more_than_its_worst_neighbour() -> None:
    everyone = the_orders(a_triangle(0, -30, 0))[0]
    lines = [a_line(0, 1, 80)]
    neighbour = the_orders(a_community([[0], [-30], [0]], lines))[0]
    nobody = the_orders(a_community([[0], [-30], [0]], []))[0]

    for order, score in ((everyone, 3_000), (neighbour, 8_200), (nobody, 0)):
        assert order.price == highest_all_in_price(
            utility=usd_per_kwh(0.4),
            saturation=wh_from_kwh(85),
            weight=Bps(5_000),
            energy=wh_from_kwh(30),
            score=Bps(score),
        )


def test_without_a_tariff_a_bid_in_a_pool_trusts_no_more_than_the_worst_of_the_others() -> None:
    pool = a_community([[0], [-30], [-30]], [], trade_graph="community")
    manager = manager_index(1)
    spokes = [replace(a_line(0, 1, 1), first=index, second=manager) for index in range(2)]
    hybrid = a_community([[0], [-30], [-30]], spokes, trade_graph="hybrid")

    prices = [order.price for order in (*the_orders(pool), *the_orders(hybrid))]

    assert prices == [
        highest_all_in_price(
            utility=usd_per_kwh(0.4),
            saturation=wh_from_kwh(85),
            weight=Bps(5_000),
            energy=wh_from_kwh(30),
            score=Bps(score),
        )
        for score in (3_000, 8_200, 8_200, 0)
    ]


@pytest.mark.parametrize("mechanism", MECHANISMS)
def test_no_mechanism_makes_an_order_lose_by_its_limit(mechanism: str) -> None:
    prosumers = [a_prosumer(f"P{k}", strategy="fixed-margin", margin=Bps(5_000)) for k in range(3)]
    community = a_triangle(20, -30, 0, prosumers=prosumers, tariff=TARIFF, mechanism=mechanism)

    offer, bid = the_orders(community)

    assert usd_per_kwh(0.08) <= offer.price <= usd_per_kwh(0.19)
    assert usd_per_kwh(0.19) <= bid.price <= usd_per_kwh(0.3)


def test_a_mechanism_that_asks_for_no_terms_gets_none() -> None:
    offer, bid = the_orders(a_triangle(20, -30, 0, mechanism="uniform", tariff=TARIFF))

    assert (offer.terms, bid.terms) == (0, 0)


def test_no_bid_is_above_the_markets_price_cap() -> None:
    prosumers = [a_prosumer(f"P{k}", utility=usd_per_kwh(1_000)) for k in range(3)]

    assert the_orders(a_triangle(0, -1, 0, prosumers=prosumers))[0].price == bidding.PRICE_CAP


def test_a_bid_asks_for_what_may_be_stored_too() -> None:
    prosumers = [
        a_prosumer("P1", battery=a_battery(initial_energy=wh_from_kwh(190)), stores_purchases=True),
        a_prosumer("P2"),
    ]

    bid = the_orders(a_community([[-20], [0]], [], prosumers=prosumers))[0]

    assert bid.energy == 20_000 + 9_000  # θ · 10 kWh


def test_energies_add_up_per_prosumer() -> None:
    community = a_triangle(20, -15, -30)
    book = the_orders(community)
    trade = Trade(offer=0, bid=2, energy=Wh(12_000), price=MicroUsdPerMwh(1), fee=MicroUsdPerMwh(1))
    trades = [
        trade.with_delivered(Wh(7_000)),
        replace(trade, bid=1, energy=Wh(8_000), delivered=Wh(8_000)),
    ]

    traded = bidding.energies(community, book, trades)

    assert traded.sold == (20_000, 0, 0)
    assert traded.bought == (0, 8_000, 12_000)
    assert traded.received == (0, 8_000, 7_000)
    rests = bidding.rests(
        community, bidding.positions(community, 0, bidding.initial_states(community)), traded
    )
    assert [(rest.exported, rest.imported) for rest in rests] == [(0, 0), (0, 7_000), (0, 23_000)]


def test_a_grid_bill_is_rounded_up_once() -> None:
    community = a_triangle(0, 0, 0, tariff=a_tariff([0.3, 0.2], [0.08, 0.0833333339]))
    imports = Rest(battery=BatteryState(), exported=Wh(0), imported=Wh(1_500))
    exports = Rest(battery=BatteryState(), exported=Wh(1), imported=Wh(0))

    assert bidding.grid_bill(community, [imports, imports]) == 750_000  # 1.5 · (0.3 + 0.2) USD
    assert bidding.grid_bill(community, [exports, exports]) == -163  # −163.33…
    assert bidding.grid_bill(community, []) == 0


def test_without_a_tariff_the_grid_pays_the_floor_and_charges_the_real_time_price() -> None:
    assert bidding.grid_prices(a_triangle(0, 0, 0), 0) == (usd_per_kwh(0.3), usd_per_kwh(0.05))


def test_net_load_is_what_the_community_takes_from_the_grid_in_mw() -> None:
    community = a_triangle(500, -1_000, 0)
    before = bidding.positions(community, 0, bidding.initial_states(community))
    rests = bidding.rests(community, before, bidding.no_trades(community))

    assert bidding.net_load_mw([rests, rests]) == pytest.approx([2.0, 2.0])
