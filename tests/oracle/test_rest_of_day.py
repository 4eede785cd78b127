"""The rest of a day: what is left of the plan's cost, and what is done where it went otherwise."""

from typing import Any

import numpy as np
import pytest

from oracle.domain.power_system import DemandResponse, PowerSystem
from oracle.domain.results import RealTimeResult
from oracle.errors import InfeasibleError, InvalidInputError
from oracle.model.day_ahead import commit_units
from oracle.model.provider_storage import dispatch_against_tariff
from oracle.model.real_time import SEGMENTS, RestOfDay, dispatch, dispatch_rest
from oracle.model.storage import StorageEnds, cycle, reachable
from oracle.model.thermal import cost_curve
from oracle.units import SLOT_HOURS
from tests.oracle.power_systems import (
    a_random_system,
    a_storage,
    a_system,
    a_unit,
    always_on,
    paper_day,
    paper_day_ahead,
    paper_p2p_mw,
)

NOTHING = np.zeros(96)


def linear_cost_usd(system: PowerSystem, found: RealTimeResult, since: int) -> float:
    """Return what a day's slots from one on cost by (20), with (23) in pieces."""
    total = 0.0
    for unit, output in zip(system.units, found.units, strict=True):
        on = output.gross_mw > 0
        curve = cost_curve(unit, SEGMENTS)
        ends = unit.min_mw + curve.width_mw * np.arange(len(curve.slopes_usd_per_mwh) + 1)
        steps = curve.width_mw * np.array(curve.slopes_usd_per_mwh)
        costs = curve.at_minimum_usd_per_h + np.concatenate([[0.0], np.cumsum(steps)])
        per_hour = on * np.interp(output.gross_mw, ends, costs)
        free_t = system.carbon.allowance_t_per_mwh * output.gross_mw * SLOT_HOURS
        carbon = system.carbon.price_usd_per_t * (output.emitted_t - free_t)
        total += float(np.sum((per_hour * SLOT_HOURS + carbon)[since:]))
    for load in system.demand_response:
        moved = np.abs(found.shifted_mw[load.name] - load.expected_mw)
        total += load.cost_usd_per_mwh * float(np.sum(moved[since:])) * SLOT_HOURS
    unserved = float(np.sum(found.unserved_mw[since:])) * SLOT_HOURS
    total += system.unserved_cost_usd_per_mwh * unserved
    if system.storage is not None and found.storage is not None:
        power = found.storage.charge_mw + found.storage.discharge_mw
        total += system.storage.degradation_usd_per_mw_slot * float(np.sum(power[since:]))
    return total


@pytest.mark.parametrize("seed", [1, 4, 5])
def test_a_rest_that_nothing_disturbed_costs_what_the_plan_does_from_there_on(seed: int) -> None:
    system = a_random_system(seed)
    committed = commit_units(system)
    plan = dispatch(system, committed, sharing=True)
    assert system.storage is not None
    assert plan.storage is not None
    before = [cycle(system.storage).initial_mwh, *plan.storage.stored_mwh]

    for since in (0, 1, 37, 95):
        rest = RestOfDay(since=since, stored_mwh=float(before[since]), planned=plan)
        found = dispatch_rest(system, committed, rest, p2p_mw=NOTHING)

        expected = linear_cost_usd(system, plan, since)
        assert found.objective_usd == pytest.approx(expected, rel=1e-5, abs=1e-3)
        assert found.storage.stored_mwh.shape == (96 - since,)


def test_the_reference_case_goes_on_as_planned() -> None:
    system, committed, p2p_mw = paper_day(), paper_day_ahead(), paper_p2p_mw()
    plan = dispatch(system, committed, sharing=True, p2p_mw=p2p_mw)
    assert plan.storage is not None

    rest = RestOfDay(since=40, stored_mwh=float(plan.storage.stored_mwh[39]), planned=plan)
    found = dispatch_rest(system, committed, rest, p2p_mw=p2p_mw)

    for powers, before in (
        (found.storage.charge_mw, plan.storage.charge_mw[40:]),
        (found.storage.discharge_mw, plan.storage.discharge_mw[40:]),
    ):
        assert list(powers > 1e-6) == list(before > 1e-6)  # slots of one cost tie for the amount
        assert np.sum(powers) == pytest.approx(np.sum(before))


def planned(system: PowerSystem) -> RealTimeResult:
    return dispatch(system, always_on(system), sharing=True)


def rest_of(system: PowerSystem, stored_mwh: float, since: int = 94) -> Any:
    rest = RestOfDay(since=since, stored_mwh=stored_mwh, planned=planned(system))
    return dispatch_rest(system, always_on(system), rest, p2p_mw=NOTHING)


def test_energy_that_the_plan_did_not_have_is_used_before_the_day_ends() -> None:
    system = a_system(a_unit(), load_mw=50.0, storage=a_storage())

    found = rest_of(system, stored_mwh=2.5)

    assert found.objective_usd == pytest.approx(20 * (50 * 0.5 - 2.5))
    assert found.storage.stored_mwh[-1] == pytest.approx(0.0)


def test_what_cannot_be_made_up_for_is_made_up_for_as_far_as_it_goes() -> None:
    system = a_system(a_unit(), load_mw=50.0, storage=a_storage(initial_soc=1.0))

    found = rest_of(system, stored_mwh=1.0)

    assert found.storage.charge_mw == pytest.approx([10.0, 10.0])
    assert found.storage.stored_mwh[-1] == pytest.approx(6.0)


def test_the_trades_of_the_chain_stand_in_for_those_planned() -> None:
    system = a_system(a_unit(), load_mw=50.0, storage=a_storage())
    p2p_mw = np.zeros(96)
    p2p_mw[95] = 10.0

    rest = RestOfDay(since=94, stored_mwh=0.0, planned=planned(system))
    found = dispatch_rest(system, always_on(system), rest, p2p_mw=p2p_mw)

    assert found.objective_usd == pytest.approx(20 * (50 * 0.5 - 10 * 0.25))


def test_the_first_ramp_starts_from_the_planned_output() -> None:
    slow = a_unit(min_mw=10.0, ramp_mw_per_h=8.0)
    system = a_system(slow, load_mw=50.0, storage=a_storage())

    with pytest.raises(InfeasibleError, match="real-time dispatch is infeasible"):
        rest_of(system, stored_mwh=5.0)


def test_demand_response_brings_what_it_still_owes() -> None:
    load = np.full(96, 50.0)
    load[:48] = 90.0
    cheap, dear = a_unit(max_mw=80.0), a_unit(name="U2", cost_usd_per_mwh=60.0)
    shift = DemandResponse(
        name="DR",
        cost_usd_per_mwh=0.0,
        expected_mw=np.full(96, 5.0),
        min_mw=np.zeros(96),
        max_mw=np.full(96, 10.0),
    )
    system = a_system(
        cheap, dear, load_mw=load, demand_response=(shift,), storage=a_storage(power_mw=0.0)
    )

    found = rest_of(system, stored_mwh=0.0, since=48)

    assert found.objective_usd == pytest.approx(20 * (50 + 5 + 5) * 12)


@pytest.mark.parametrize("since", [-1, 96])
def test_a_rest_is_within_the_day(since: int) -> None:
    plan = planned(a_system(a_unit(), storage=a_storage()))

    with pytest.raises(InvalidInputError, match="need 1 to 96"):
        RestOfDay(since=since, stored_mwh=0.0, planned=plan)


def test_a_rest_needs_a_storage() -> None:
    system = a_system(a_unit())

    with pytest.raises(InvalidInputError, match="expected a power system with a storage"):
        rest_of(system, stored_mwh=0.0)


def test_against_a_tariff_the_rest_ends_with_the_energy_that_is_asked_for() -> None:
    load, price = np.array([0.0, 4.0]), np.array([10.0, 100.0])

    found = dispatch_against_tariff(
        a_storage(), load, price, np.zeros(2), ends=StorageEnds(initial_mwh=1.0, final_mwh=0.5)
    )

    assert found.plan.discharge_mw == pytest.approx([0.0, 4.0])
    assert found.plan.charge_mw == pytest.approx([2.0, 0.0])
    assert found.plan.stored_mwh == pytest.approx([1.5, 0.5])


def test_the_nearest_energy_within_reach() -> None:
    storage = a_storage(
        min_soc=0.1, initial_soc=0.2, max_soc=0.9, charge_efficiency=0.8, discharge_efficiency=0.5
    )

    def final(initial: float, wanted: float, slots: int) -> float:
        ends = StorageEnds(initial_mwh=initial, final_mwh=wanted)
        return reachable(storage, ends, slots).final_mwh

    assert final(10.0, 11.0, 1) == 11.0
    assert final(10.0, 14.0, 1) == pytest.approx(10.0 + 2.5 * 0.8)
    assert final(10.0, 3.0, 1) == pytest.approx(10.0 - 2.5 / 0.5)
    assert final(10.0, 20.0, 90) == 18.0
    assert final(10.0, 0.0, 90) == 2.0
