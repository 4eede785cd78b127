"""Rolling dispatch: what the plan costs where nothing is disturbed, and what holds where it is."""

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest

from oracle import bidding
from oracle.daemon.desk import ClearedSlot, DispatchCase
from oracle.daemon.forecast import Forecast
from oracle.daemon.metrics import Metrics
from oracle.daemon.net_load import NetLoad
from oracle.daemon.rolling import RollingDispatch
from oracle.daemon.set_point import SetPoint, Source
from oracle.domain.book import Kind, Order, Trade
from oracle.domain.community import Community
from oracle.domain.power_system import FloatArray
from oracle.domain.scenario import Scenario
from oracle.domain.storage_rating import StorageRating, rating_of
from oracle.errors import InvalidInputError
from oracle.plan import plan_scenario, plan_trades
from oracle.units import (
    SLOT_HOURS,
    MicroUsdPerMwh,
    Slot,
    Wh,
    mw_from_wh_per_slot,
    stored_after,
    usd_per_mwh,
)
from tests.oracle.communities import (
    a_battery,
    a_community,
    a_line,
    a_prosumer,
    a_scenario,
    a_tariff,
)
from tests.oracle.power_systems import a_random_system, a_storage

FIRST = Slot(3_400_000)
DAY = 96


def a_village(days: int = 1, **storage: Any) -> Scenario:
    """Two houses under a tariff that changes; the second has sun at noon."""
    random = np.random.default_rng(7)
    hours = np.arange(days * DAY) / 4 % 24
    load = 8 + 6 * np.exp(-((hours - 19) ** 2) / 6) + random.uniform(0, 2, len(hours))
    sun = 30 * np.exp(-((hours - 13) ** 2) / 8) - random.uniform(0, 3, len(hours))
    price = np.where((hours > 7) & (hours < 22), 0.35, 0.2) + random.uniform(0, 0.05, len(hours))
    community = a_community(
        [list(-load), list(sun - 4)],
        [a_line(1, 0, 1)],
        tariff=a_tariff(list(price), [0.08] * len(hours)),
        last_trading_slot=len(hours) - 1,
    )
    rating = {
        "power_mw": 0.04,
        "capacity_mwh": 0.12,
        "min_soc": 0.1,
        "max_soc": 0.9,
        "initial_soc": 0.2,
        "charge_efficiency": 0.95,
        "discharge_efficiency": 0.95,
        "degradation_usd_per_mw_slot": 0.5,
    }
    return a_scenario(community, storage=a_storage(**rating | storage))


def a_forecast(scenario: Scenario) -> Forecast:
    traded = None if scenario.community is None else plan_trades(scenario.community)
    return Forecast(scenario=scenario, traded=traded, plan=plan_scenario(scenario, traded=traded))


def rolling(
    forecast: Forecast, *, time_limit_s: float = 10.0, metrics: Metrics | None = None
) -> RollingDispatch:
    return RollingDispatch(
        lambda: forecast,
        rating_of(forecast.scenario.storage),
        first_slot=FIRST,
        time_limit_s=time_limit_s,
        metrics=metrics or Metrics(),
    )


def a_case(slot: int, stored: int, cleared: dict[Slot, ClearedSlot] | None = None) -> DispatchCase:
    return DispatchCase(slot=Slot(slot), stored_before=Wh(stored), cleared=cleared or {}, history=0)


@dataclass(frozen=True, slots=True)
class Day:
    set_points: list[SetPoint]
    stored: list[int]  # at the end of each slot

    @property
    def net_mw(self) -> FloatArray:
        """What the storage draws, shape (T,)."""
        moves = [(one.horizon[0].charge, one.horizon[0].discharge) for one in self.set_points]
        return np.array([mw_from_wh_per_slot(Wh(charge - out)) for charge, out in moves])


def moved(rating: StorageRating, stored: int, charge: Wh, discharge: Wh) -> int:
    """Return what is stored after a slot, as contracts/StorageLedger.sol has it."""
    assert min(charge, discharge) == 0
    assert charge + discharge <= rating.max_slot
    after = stored_after(
        Wh(stored),
        charge,
        discharge,
        charge_efficiency=rating.charge_efficiency,
        discharge_efficiency=rating.discharge_efficiency,
    )
    assert rating.min_stored <= after <= rating.max_stored
    return after


def lived(
    dispatch: RollingDispatch,
    rating: StorageRating,
    slots: range,
    *,
    stored: int | None = None,
    disturbed: Callable[[int, int], int] = lambda slot, stored: stored,
) -> Day:
    stored, day = int(rating.initial) if stored is None else stored, Day([], [])
    for slot in slots:
        found = dispatch.set_point(a_case(FIRST + slot, stored))
        now = found.horizon[0]
        stored = disturbed(slot, moved(rating, stored, now.charge, now.discharge))
        day.set_points.append(found)
        day.stored.append(stored)
    return day


def cost_usd(scenario: Scenario, load_mw: FloatArray, storage_mw: FloatArray) -> float:
    """Return the bill of a community and the wear of its storage."""
    assert scenario.community is not None
    assert scenario.storage is not None
    prices = [bidding.grid_prices(scenario.community, slot) for slot in range(len(load_mw))]
    net = load_mw + storage_mw
    price = np.where(
        net > 0,
        [usd_per_mwh(charged) for charged, _ in prices],
        [usd_per_mwh(paid) for _, paid in prices],
    )
    wear = scenario.storage.degradation_usd_per_mw_slot * np.sum(np.abs(storage_mw))
    return float(np.sum(price * net) * SLOT_HOURS + wear)


@pytest.mark.parametrize("days", [1, 2])
def test_a_day_that_nothing_disturbs_costs_what_was_planned(days: int) -> None:
    scenario = a_village(days)
    forecast = a_forecast(scenario)
    assert forecast.plan is not None
    assert forecast.traded is not None
    plan = forecast.plan.storage
    assert plan is not None
    assert np.sum(plan.charge_mw) > 0.3

    day = lived(rolling(forecast), rating_of(scenario.storage), range(days * DAY))

    planned = cost_usd(scenario, forecast.traded.net_load_mw, plan.charge_mw - plan.discharge_mw)
    found = cost_usd(scenario, forecast.traded.net_load_mw, day.net_mw)
    assert {one.source for one in day.set_points} == {Source.ROLLING}
    assert found == pytest.approx(planned, rel=1e-4)
    assert day.stored[DAY - 1 :: DAY] == pytest.approx(1e6 * plan.stored_mwh[DAY - 1 :: DAY], abs=5)


def test_what_the_storage_did_otherwise_is_made_up_for_by_the_end_of_the_day() -> None:
    scenario = a_village()
    forecast = a_forecast(scenario)
    assert forecast.plan is not None
    assert forecast.plan.storage is not None
    rating = rating_of(scenario.storage)

    def broken(slot: int, stored: int) -> int:
        return int(rating.min_stored) if 30 <= slot < 50 else stored

    day = lived(rolling(forecast), rating, range(DAY), disturbed=broken)

    assert day.set_points[50].stored_before == rating.min_stored
    assert day.stored[-1] == pytest.approx(1e6 * forecast.plan.storage.stored_mwh[-1], abs=5)


def test_a_target_out_of_reach_is_approached_at_full_power() -> None:
    scenario = a_village(initial_soc=0.9)
    dispatch = rolling(a_forecast(scenario))
    rating = rating_of(scenario.storage)

    found = dispatch.set_point(a_case(FIRST + DAY - 3, rating.min_stored))

    assert found.source is Source.ROLLING
    assert [one.charge for one in found.horizon] == [rating.max_slot] * 3


def test_a_solver_without_time_leaves_the_plan_and_says_so() -> None:
    scenario = a_village()
    forecast = a_forecast(scenario)
    assert forecast.plan is not None
    plan = forecast.plan.storage
    assert plan is not None
    metrics, rating = Metrics(), rating_of(scenario.storage)

    dispatch = rolling(forecast, time_limit_s=0.0, metrics=metrics)
    day = lived(dispatch, rating, range(DAY))

    expected = rating.schedule(plan.charge_mw.tolist(), plan.discharge_mw.tolist())
    moves = [(one.horizon[0].charge, one.horizon[0].discharge) for one in day.set_points]
    assert moves == [(charge, discharge) for charge, discharge, _ in expected]
    assert {one.source for one in day.set_points} == {Source.DAY_AHEAD}
    assert day.set_points[0].reason == "the solver took too long: its time limit is 0 s"
    sample = metrics.registry.get_sample_value
    assert sample("wattline_oracle_fallbacks_total", {"source": "day-ahead"}) == DAY


def test_the_profiles_begin_again_after_the_last_slot() -> None:
    scenario = a_village()
    dispatch = rolling(a_forecast(scenario))
    stored = rating_of(scenario.storage).initial

    first = dispatch.set_point(a_case(FIRST, stored))
    again = dispatch.set_point(a_case(FIRST + DAY, stored))

    assert [one.charge for one in again.horizon] == [one.charge for one in first.horizon]
    assert again.horizon[0].slot == FIRST + DAY


def test_whoever_starts_later_finds_the_same() -> None:
    forecast = a_forecast(a_village())
    rating = rating_of(forecast.scenario.storage)
    day = lived(rolling(forecast), rating, range(60))

    late = rolling(forecast).set_point(a_case(FIRST + 59, day.stored[58]))

    assert late == day.set_points[59]


def test_a_new_forecast_is_taken() -> None:
    forecasts = [a_forecast(a_village())]
    rating = rating_of(forecasts[0].scenario.storage)
    dispatch = RollingDispatch(
        lambda: forecasts[-1], rating, first_slot=FIRST, time_limit_s=10.0, metrics=Metrics()
    )
    before = dispatch.set_point(a_case(FIRST + 40, 60_000))
    community = forecasts[0].scenario.community
    assert community is not None
    cloudy = replace(community, pv=community.pv // 10)
    forecasts.append(a_forecast(replace(forecasts[0].scenario, community=cloudy)))

    after = dispatch.set_point(a_case(FIRST + 40, 60_000))

    assert before.source is after.source is Source.ROLLING
    assert sum(one.charge for one in after.horizon) < sum(one.charge for one in before.horizon)


def a_hoarder() -> Community:
    """A buyer whose battery stores what it buys, and a seller."""
    return a_community(
        [[40.0] * 8, [-10.0] * 8],
        [a_line(0, 1, 1)],
        prosumers=[
            a_prosumer("P1"),
            a_prosumer("P2", battery=a_battery(), stores_purchases=True),
        ],
        tariff=a_tariff([0.3] * 7 + [0.9], [0.05] * 8),
    )


def a_trade(energy: int) -> ClearedSlot:
    """What P1 sells to P2."""
    offer = Order(kind=Kind.OFFER, participant=1, energy=Wh(energy))
    bid = Order(kind=Kind.BID, participant=2, energy=Wh(energy))
    price = MicroUsdPerMwh(100_000_000)
    trade = Trade(offer=0, bid=1, energy=Wh(energy), price=price, fee=MicroUsdPerMwh(0))
    return ClearedSlot(book=(offer, bid), trades=(trade,))


@pytest.mark.parametrize(
    ("energy", "net_wh"),
    [(0, -30_000), (20_000, -20_000), (90_000, 50_000)],
    ids=["nothing", "less than planned", "more than there is"],
)
def test_the_net_load_follows_the_trades_of_the_chain(energy: int, net_wh: int) -> None:
    community = a_hoarder()
    planned = plan_trades(community)
    load = NetLoad(community, planned.trades, FIRST)

    as_planned = load.forecast_mw(FIRST, 8, {})
    traded = load.forecast_mw(FIRST, 8, {FIRST: a_trade(energy)})

    assert as_planned == pytest.approx(planned.net_load_mw)
    assert traded[0] == pytest.approx(net_wh / 1e6 / 0.25)


def test_a_market_without_storage_or_plan_is_left_idle() -> None:
    plain = a_scenario(a_village().community)
    broken = replace(a_forecast(a_village()), plan=None, reason="no optimum")

    without = rolling(a_forecast(plain)).set_point(a_case(FIRST, 0))
    unplanned = rolling(broken).set_point(a_case(FIRST, 24_000))

    assert (without.source, without.reason) == (
        Source.IDLE,
        "the market has no storage to dispatch",
    )
    assert (unplanned.source, unplanned.reason) == (Source.IDLE, "no plan: no optimum")
    assert unplanned.horizon[0].stored == 24_000


def test_a_folder_that_is_no_scenario_leaves_the_storage_idle() -> None:
    def refused() -> Forecast:
        raise InvalidInputError("scenario.toml: expected this file")

    dispatch = RollingDispatch(
        refused,
        rating_of(a_village().storage),
        first_slot=FIRST,
        time_limit_s=1.0,
        metrics=Metrics(),
    )

    assert dispatch.set_point(a_case(FIRST, 24_000)).reason == (
        "no forecast: scenario.toml: expected this file"
    )


def test_in_a_power_system_the_day_ends_with_what_was_planned() -> None:
    system = a_random_system(5)
    assert system.storage is not None
    scenario = a_scenario(None, power_system=system, storage=system.storage, slot_count=DAY)
    forecast = a_forecast(scenario)
    assert forecast.plan is not None
    plan = forecast.plan.storage
    assert plan is not None
    assert np.sum(plan.charge_mw) > 0

    stored = round(1e6 * plan.stored_mwh[75])
    day = lived(rolling(forecast), rating_of(scenario.storage), range(76, DAY), stored=stored)

    assert {one.source for one in day.set_points} == {Source.ROLLING}
    assert day.stored[-1] == pytest.approx(1e6 * plan.stored_mwh[-1], abs=5)


@pytest.mark.parametrize("reference", [False, True])
def test_a_solver_that_runs_out_of_time_leaves_the_plan_and_says_so(reference: bool) -> None:
    system = a_random_system(5)
    scenario = a_scenario(None, power_system=system, storage=system.storage, slot_count=DAY)
    forecast = a_forecast(scenario)
    assert forecast.plan is not None
    plan = forecast.plan.storage
    assert plan is not None
    rating = rating_of(scenario.storage)
    dispatch = RollingDispatch(
        lambda: forecast,
        rating,
        first_slot=FIRST,
        time_limit_s=1e-9,
        metrics=Metrics(),
        reference=reference,
    )

    found = dispatch.set_point(a_case(FIRST, rating.initial))

    expected = rating.schedule(plan.charge_mw.tolist(), plan.discharge_mw.tolist())
    assert found.source is Source.DAY_AHEAD
    assert found.reason is not None
    assert re.fullmatch(
        "the solver took too long: .*: no optimum proved within .* s.*", found.reason
    )
    assert [(one.charge, one.discharge) for one in found.horizon] == [
        (charge, discharge) for charge, discharge, _ in expected
    ]


def test_a_daemon_started_anew_decides_the_same_and_the_reference_model_ends_the_same() -> None:
    system = a_random_system(5)
    scenario = a_scenario(None, power_system=system, storage=system.storage, slot_count=DAY)
    forecast = a_forecast(scenario)
    assert forecast.plan is not None
    assert forecast.plan.storage is not None
    rating = rating_of(scenario.storage)
    stored = round(1e6 * forecast.plan.storage.stored_mwh[75])
    day = lived(rolling(forecast), rating, range(76, 80), stored=stored)

    late = rolling(forecast).set_point(a_case(FIRST + 79, day.stored[2]))
    reference = RollingDispatch(
        lambda: forecast,
        rating,
        first_slot=FIRST,
        time_limit_s=10.0,
        metrics=Metrics(),
        reference=True,
    ).set_point(a_case(FIRST + 79, day.stored[2]))

    assert late == day.set_points[3]
    assert reference.source == Source.ROLLING
    assert reference.horizon[-1].stored == pytest.approx(late.horizon[-1].stored, abs=5)
