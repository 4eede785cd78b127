"""The plan of a scenario: trades first, then commitment and dispatch."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from oracle import bidding
from oracle.bills import grid_alone_bills
from oracle.domain.community import Community
from oracle.plan import (
    initial_scores,
    lease_fees_usd,
    numbered_fees,
    plan_scenario,
    plan_trades,
)
from oracle.scenario import load_scenario
from oracle.units import (
    BPS,
    Bps,
    bps_from_fraction,
    mw_from_wh_per_slot,
    storage_schedule,
    usd_per_kwh,
    wh_from_mwh,
    wh_per_slot_from_mw,
)
from tests.oracle.communities import a_community, a_line, a_prosumer, a_scenario, a_tariff
from tests.oracle.power_systems import a_storage, a_system, a_unit

SCENARIOS = Path(__file__).parents[2] / "scenarios"

# Du et al. 2024, power kWh and price $/kWh in the trading slots 1 to 15; MODEL section 3
PAPER_TRADES = [
    (60, 0.11), (67, 0.09), (9, 0.26), (68, 0.09), (47, 0.16),
    (7, 0.28), (21, 0.21), (41, 0.15), (71, 0.08), (72, 0.08),
    (12, 0.25), (72, 0.08), (71, 0.08), (36, 0.17), (60, 0.11),
]  # fmt: skip


@pytest.fixture(scope="module")
def paper_day() -> Community:
    community = load_scenario(SCENARIOS / "paper-day").community
    assert community is not None
    return community


@pytest.fixture(scope="module")
def village() -> Community:
    community = load_scenario(SCENARIOS / "village", days=1).community
    assert community is not None
    return community


def test_paper_day_gives_the_papers_15_prices_to_the_cent(paper_day: Community) -> None:
    trades = plan_trades(paper_day).trades

    assert [trade.slot for trade in trades] == list(range(40, 55))
    assert [
        (trade.energy / 1_000, round(usd_per_kwh(trade.price), 2)) for trade in trades
    ] == PAPER_TRADES


def test_paper_days_lease_fees_are_262_01_usd(paper_day: Community) -> None:
    trades = plan_trades(paper_day).trades

    assert lease_fees_usd(trades) == pytest.approx(262.01, abs=0.005)
    assert lease_fees_usd(()) == 0


@pytest.mark.parametrize("name", ["paper-day", "village"])
def test_planning_again_gives_the_same_trades(name: str) -> None:
    one = load_scenario(SCENARIOS / name, days=1).community
    other = load_scenario(SCENARIOS / name, days=1).community
    assert one is not None
    assert other is not None

    assert plan_trades(one).trades == plan_trades(other).trades


def test_trades_of_the_village_respect_the_tariff_and_serve_its_surplus(village: Community) -> None:
    plan = plan_trades(village)

    assert len(plan.trades) > 50
    for trade in plan.trades:
        import_price, export_price = bidding.grid_prices(village, trade.slot)
        assert export_price <= trade.price
        assert trade.price + trade.lease_fee <= import_price


def test_nobody_in_the_village_is_worse_off_than_with_the_grid_alone(village: Community) -> None:
    plan = plan_trades(village)
    names = [prosumer.name for prosumer in village.prosumers]
    states = bidding.initial_states(village)
    slots = []
    for slot in range(village.pv.shape[1]):
        traded = {"sold": [0] * len(names), "bought": [0] * len(names)}
        for trade in (trade for trade in plan.trades if trade.slot == slot):
            traded["sold"][names.index(trade.seller)] += trade.energy
            traded["bought"][names.index(trade.buyer)] += trade.energy
        before = bidding.positions(village, slot, states)
        energies = bidding.SlotEnergies(**{k: tuple(v) for k, v in traded.items()})  # type: ignore[arg-type]
        slots.append(bidding.rests(village, before, energies))
        states = tuple(rest.battery for rest in slots[-1])

    for number, alone in enumerate(grid_alone_bills(village)):
        money = sum(
            (trade.energy * (trade.price + trade.lease_fee) // 10**6) * (trade.buyer == name)
            - (trade.energy * trade.price // 10**6) * (trade.seller == name)
            for trade in plan.trades
            for name in [names[number]]
        )
        bill = bidding.grid_bill(village, [rests[number] for rests in slots]) + money
        assert bill <= alone


def test_net_load_is_what_trades_leave_to_the_grid() -> None:
    community = a_community([[20, 0], [-30, -8]], [a_line(0, 1, 1)])

    plan = plan_trades(community)

    assert [trade.energy for trade in plan.trades] == [20_000]
    assert plan.net_load_mw == pytest.approx([0.04, 0.032])


def test_a_community_without_lines_or_without_orders_plans_no_trades() -> None:
    assert plan_trades(a_community([[20], [-30]], [])).trades == ()
    assert plan_trades(a_community([[0], [0]], [a_line(0, 1, 1)])).trades == ()


def test_locks_cover_every_order_whatever_becomes_of_the_reputations() -> None:
    prosumers = [a_prosumer("P1", initial_reputation=Bps(500)), a_prosumer("P2")]
    community = a_community([[20, 20], [-10, -10]], [a_line(0, 1, 1)], prosumers=prosumers)

    locks = plan_trades(community).locks

    best = [Bps(BPS)] * 2
    before = bidding.positions(community, 0, bidding.initial_states(community))
    highest = bidding.limits(community, 0, before, best)[1].price
    assert locks == (2 * 20_000 * 300, -(-10_000 * highest // 10**6) * 2)


def test_fees_are_numbered_from_1_both_ways() -> None:
    community = a_community([[0], [0], [0]], [a_line(0, 2, 80)])

    assert numbered_fees(community) == {(1, 3): 323_750_000, (3, 1): 323_750_000}


def test_scores_begin_with_what_the_scenario_says() -> None:
    prosumers = [a_prosumer("P1"), a_prosumer("P2", initial_reputation=Bps(0))]

    assert initial_scores(a_community([[0], [0]], [], prosumers=prosumers)) == [8_200, 5_000]


def test_trades_enter_the_dispatch_with_their_energy_and_their_fees() -> None:
    community = a_community([[20] * 96, [-30] * 96], [a_line(0, 1, 80)], last_trading_slot=1)
    scenario = a_scenario(community, power_system=a_system(a_unit()), slot_count=96)

    plan = plan_scenario(scenario)

    assert len(plan.trades) == 2
    assert plan.without_sharing is not None
    assert plan.with_sharing is not None
    assert plan.without_sharing.p2p_cost_usd is None
    assert plan.with_sharing.p2p_cost_usd == pytest.approx(2 * 20 * 0.32375)


def test_a_shared_storage_without_a_power_system_follows_the_tariff() -> None:
    tariff = a_tariff([0.1, 0.4], [0.05, 0.05])
    community = a_community([[20, 0], [-30, -8]], [a_line(0, 1, 1)], tariff=tariff)
    storage = a_storage(power_mw=0.03, capacity_mwh=0.09)

    plan = plan_scenario(a_scenario(community, storage=storage))

    assert plan.storage is not None
    assert plan.storage.charge_mw[0] > 0
    assert plan.storage.discharge_mw[1] > 0
    fees = lease_fees_usd(plan.trades)
    assert fees > 0
    alone = plan_scenario(a_scenario(replace(community, lines=()), storage=storage))
    assert alone.storage is not None
    assert plan.storage.profit_usd != alone.storage.profit_usd


def test_a_scenario_of_a_power_system_alone_has_a_grid_alone_bills() -> None:
    plan = plan_scenario(a_scenario(None, power_system=a_system(a_unit()), slot_count=96))

    assert plan.trades == ()
    assert plan.day_ahead is not None


def test_paper_days_storage_fits_the_ledgers_integers_within_a_few_wh() -> None:
    scenario = load_scenario(SCENARIOS / "paper-day")
    plan = plan_scenario(scenario)
    storage = scenario.storage
    assert storage is not None
    assert plan.storage is not None

    schedule = storage_schedule(
        plan.storage.charge_mw.tolist(),
        plan.storage.discharge_mw.tolist(),
        initial=wh_from_mwh(storage.initial_soc * storage.capacity_mwh),
        minimum=wh_from_mwh(storage.min_soc * storage.capacity_mwh),
        maximum=wh_from_mwh(storage.max_soc * storage.capacity_mwh),
        max_per_slot=wh_per_slot_from_mw(storage.power_mw),
        charge_efficiency=bps_from_fraction(storage.charge_efficiency),
        discharge_efficiency=bps_from_fraction(storage.discharge_efficiency),
    )

    charged = np.array([mw_from_wh_per_slot(charge) for charge, _, _ in schedule])
    discharged = np.array([mw_from_wh_per_slot(discharge) for _, discharge, _ in schedule])
    assert charged == pytest.approx(plan.storage.charge_mw, abs=1e-4)
    assert discharged == pytest.approx(plan.storage.discharge_mw, abs=1e-4)
    stored = np.array([after for *_, after in schedule]) / 1e6
    assert stored == pytest.approx(plan.storage.stored_mwh, abs=1e-4)
