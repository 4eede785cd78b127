"""Real-time dispatch: cases by hand, the reference case, refusals, a second formulation."""

from dataclasses import replace
from typing import Any, Literal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from oracle.domain.power_system import (
    CapturePolicy,
    CarbonPolicy,
    DemandResponse,
    PowerSystem,
    ReservePolicy,
)
from oracle.domain.results import DayAheadResult, RealTimeResult
from oracle.errors import InfeasibleError, InvalidInputError, TimeLimitError
from oracle.model.day_ahead import commit_units
from oracle.model.real_time import dispatch
from tests.oracle import bare_matrix
from tests.oracle.power_systems import (
    PAPER_P2P_COST_USD,
    FloatArray,
    a_random_system,
    a_storage,
    a_system,
    a_unit,
    always_on,
    paper_day,
    paper_day_ahead,
    paper_p2p_mw,
)


def dispatch_always_on(
    system: PowerSystem, *, sharing: bool = False, **options: Any
) -> RealTimeResult:
    return dispatch(system, always_on(system), sharing=sharing, **options)


def a_demand_response(**changes: Any) -> DemandResponse:
    fields: dict[str, Any] = {
        "name": "DR",
        "cost_usd_per_mwh": 5.0,
        "expected_mw": np.full(96, 5.0),
        "min_mw": np.zeros(96),
        "max_mw": np.full(96, 10.0),
    }
    return DemandResponse(**(fields | changes))


def a_system_with_wind_in_the_first_hour(wear_usd: float = 0.0) -> PowerSystem:
    """Return 20 MW of load against 30 MW of wind in slots 1 to 4 and a unit at 20 USD/MWh."""
    wind = np.zeros(96)
    wind[:4] = 30.0
    storage = a_storage(degradation_usd_per_mw_slot=wear_usd, compensation_usd_per_mwh=3.0)
    return a_system(a_unit(), load_mw=20.0, wind_mw=wind, storage=storage)


def test_one_unit_serves_the_load_at_its_cost() -> None:
    result = dispatch_always_on(a_system(a_unit(cost_usd_per_h=100.0)))

    assert result.operation_cost_usd == pytest.approx(24 * (100 + 50 * 20))
    assert result.total_cost_usd == pytest.approx(result.operation_cost_usd)
    assert result.units[0].net_mw == pytest.approx(np.full(96, 50.0))
    assert result.wind_used_share == 1.0
    assert result.storage is None
    assert result.p2p_cost_usd is None


def test_storage_moves_wind_that_would_be_curtailed() -> None:
    system = a_system_with_wind_in_the_first_hour()

    without = dispatch_always_on(system)
    shared = dispatch_always_on(system, sharing=True)

    assert without.total_cost_usd == pytest.approx(23 * 20 * 20)
    assert without.wind_used_share == pytest.approx(2 / 3)
    assert shared.total_cost_usd == pytest.approx(23 * 20 * 20 - 10 * 20)
    assert shared.wind_used_share == pytest.approx(1.0)
    assert shared.storage is not None
    assert shared.storage.stored_mwh[3] == pytest.approx(10.0)


def test_degradation_counts_per_mw_and_slot_and_compensation_is_no_cost() -> None:
    shared = dispatch_always_on(a_system_with_wind_in_the_first_hour(wear_usd=1.43), sharing=True)

    wear = 1.43 * (4 * 10 + 40)
    assert shared.storage is not None
    assert shared.storage.cost_usd == pytest.approx(wear)
    assert shared.storage.profit_usd == pytest.approx(3.0 * 20 - wear)
    assert shared.total_cost_usd == pytest.approx(23 * 20 * 20 - 10 * 20 + wear)


def test_storage_stays_idle_where_its_wear_is_dearer_than_the_wind() -> None:
    shared = dispatch_always_on(a_system_with_wind_in_the_first_hour(wear_usd=2.6), sharing=True)

    assert shared.storage is not None
    assert np.all(shared.storage.charge_mw == 0)


def test_trades_supply_the_balance_and_their_fees_are_in_the_total() -> None:
    p2p = np.zeros(96)
    p2p[40] = 4.0

    shared = dispatch_always_on(a_system(a_unit()), sharing=True, p2p_mw=p2p, p2p_cost_usd=7.0)

    assert shared.total_cost_usd == pytest.approx(24 * 50 * 20 - 0.25 * 4 * 20 + 7)
    assert shared.p2p_cost_usd == 7.0
    assert shared.storage is None


def test_without_sharing_neither_storage_nor_trades_exist() -> None:
    system = a_system_with_wind_in_the_first_hour()

    result = dispatch_always_on(system, p2p_mw=np.ones(96), p2p_cost_usd=7.0)

    assert result.total_cost_usd == pytest.approx(23 * 20 * 20)
    assert result.storage is None


def test_demand_response_leaves_a_scarce_slot_at_its_cost() -> None:
    load = np.full(96, 40.0)
    load[0] = 50.0
    system = a_system(a_unit(max_mw=50.0), load_mw=load, demand_response=(a_demand_response(),))

    result = dispatch_always_on(system)

    assert result.shifted_mw["DR"][0] == pytest.approx(0.0)
    assert np.sum(result.shifted_mw["DR"]) == pytest.approx(96 * 5)
    assert result.demand_response_cost_usd == pytest.approx(0.25 * 5 * (5 + 5))
    assert result.unserved_mwh == pytest.approx(0.0)


def test_demand_response_that_may_not_be_as_expected_moves_as_little_as_it_must() -> None:
    low, high = np.zeros(96), np.full(96, 10.0)
    high[0], low[1] = 3.0, 6.0
    system = a_system(a_unit(), demand_response=(a_demand_response(min_mw=low, max_mw=high),))

    result = dispatch_always_on(system)

    assert result.shifted_mw["DR"][:2] == pytest.approx([3.0, 6.0])
    assert result.demand_response_cost_usd == pytest.approx(0.25 * 5 * (2 + 1 + 1))


def test_load_beyond_capacity_is_unserved_at_its_price() -> None:
    result = dispatch_always_on(a_system(a_unit(max_mw=40.0)))

    assert result.unserved_mwh == pytest.approx(240.0)
    assert result.total_cost_usd == pytest.approx(24 * 40 * 20 + 240 * 1000)


def test_a_unit_ramps_by_a_quarter_of_its_hourly_limit_per_slot() -> None:
    load = np.repeat([50.0, 80.0], 48)

    result = dispatch_always_on(a_system(a_unit(ramp_mw_per_h=40.0), load_mw=load))

    assert result.units[0].gross_mw[46:52] == pytest.approx([50, 50, 60, 70, 80, 80])
    assert result.unserved_mwh == pytest.approx(0.25 * (20 + 10))


def test_a_unit_that_cannot_ramp_keeps_one_output_all_day() -> None:
    load = np.repeat([40.0, 60.0], 48)

    result = dispatch_always_on(a_system(a_unit(ramp_mw_per_h=0.0), load_mw=load))

    assert result.units[0].gross_mw == pytest.approx(np.full(96, 40.0))
    assert result.unserved_mwh == pytest.approx(12 * 20)


def test_ramps_do_not_bind_where_the_commitment_changes() -> None:
    system = a_system(
        a_unit(min_mw=50.0, ramp_mw_per_h=4.0), load_mw=np.repeat([0.0, 80.0, 0.0], 32)
    )
    plan = always_on(system)
    plan = replace(plan, commitment={"U1": np.repeat([0, 1, 0], 8)})

    result = dispatch(system, plan, sharing=False)

    assert result.unserved_mwh == pytest.approx(0.0)
    assert result.units[0].gross_mw == pytest.approx(system.load_mw)
    assert result.operation_cost_usd == pytest.approx(8 * 80 * 20)


def test_reserve_is_kept_on_the_load_without_demand_response() -> None:
    system = a_system(
        a_unit(),
        load_mw=93.0,
        reserve=ReservePolicy(load_fraction=0.1, installed_wind_fraction=0.02),
        installed_wind_mw=10.0,
        demand_response=(a_demand_response(min_mw=np.full(96, 5.0), max_mw=np.full(96, 5.0)),),
    )

    result = dispatch_always_on(system)

    served = 100 - 0.1 * 93 - 0.02 * 10
    assert result.units[0].gross_mw == pytest.approx(np.full(96, served))
    assert result.unserved_mwh == pytest.approx(24 * (98 - served))


@pytest.mark.parametrize(
    ("reading", "omega", "share"), [("energy", 0.25, 0.9), ("share", 0.2, 0.8)]
)
def test_capture_under_both_readings(
    reading: Literal["energy", "share"], omega: float, share: float
) -> None:
    unit = a_unit(
        max_mw=200.0,
        emission_t_per_mwh=1.0,
        capture=True,
        capture_mwh_per_t=0.2,
        capture_fixed_mw=5.0,
    )
    system = a_system(
        unit,
        load_mw=100.0,
        carbon=CarbonPolicy(price_usd_per_t=100.0, allowance_t_per_mwh=0.7),
        capture=CapturePolicy(reading=reading, efficiency=0.8, max_share=0.9),
    )

    result = dispatch_always_on(system)

    gross = 105 / (1 - omega * share)
    assert result.units[0].gross_mw == pytest.approx(np.full(96, gross))
    assert result.units[0].capture_mw == pytest.approx(np.full(96, gross - 100))
    assert result.co2_t == pytest.approx(24 * gross * (1 - share))
    assert result.carbon_cost_usd == pytest.approx(24 * gross * 100 * (1 - share - 0.7))


def test_accounts_with_the_quadratic_and_decides_with_ten_segments() -> None:
    unit = a_unit(cost_usd_per_h=7.0, cost_usd_per_mw2h=0.01)

    result = dispatch_always_on(a_system(unit, load_mw=55.0))

    assert result.operation_cost_usd == pytest.approx(24 * (7 + 20 * 55 + 0.01 * 55**2))
    assert result.objective_usd == pytest.approx(24 * (7 + 20 * 55 + 0.01 * (50**2 + 60**2) / 2))


def test_reference_case_without_sharing() -> None:
    result = dispatch(paper_day(), paper_day_ahead(), sharing=False)

    assert result.total_cost_usd == pytest.approx(247356, rel=1e-3)
    assert result.co2_t == pytest.approx(1063.0, rel=1e-3)
    assert result.carbon_cost_usd == pytest.approx(-125351, rel=1e-3)
    assert result.wind_used_share == pytest.approx(0.8920, rel=1e-3)
    assert result.unserved_mwh == pytest.approx(0.0, abs=1e-6)


def dispatch_shared_paper_day() -> RealTimeResult:
    return dispatch(
        paper_day(),
        paper_day_ahead(),
        sharing=True,
        p2p_mw=paper_p2p_mw(),
        p2p_cost_usd=PAPER_P2P_COST_USD,
    )


@pytest.fixture(scope="module")
def shared_paper_day() -> RealTimeResult:
    return dispatch_shared_paper_day()


def test_reference_case_with_sharing(shared_paper_day: RealTimeResult) -> None:
    assert shared_paper_day.total_cost_usd == pytest.approx(243131, rel=1e-3)
    assert shared_paper_day.co2_t == pytest.approx(570.9, rel=1e-3)
    assert shared_paper_day.carbon_cost_usd == pytest.approx(-131243, rel=1e-3)
    assert shared_paper_day.wind_used_share == pytest.approx(0.9810, rel=1e-3)
    assert shared_paper_day.storage is not None
    assert shared_paper_day.storage.profit_usd == pytest.approx(59313, rel=1e-3)


def test_reference_storage_moves_in_exactly_the_printed_slots(
    shared_paper_day: RealTimeResult,
) -> None:
    assert shared_paper_day.storage is not None
    charging = np.flatnonzero(shared_paper_day.storage.charge_mw) + 1
    discharging = np.flatnonzero(shared_paper_day.storage.discharge_mw) + 1

    assert charging.tolist() == list(range(4, 17))
    assert discharging.tolist() == [*range(40, 49), *range(72, 77)]


def test_reference_case_is_built_and_solved_within_a_second() -> None:
    results = [dispatch_shared_paper_day() for _ in range(3)]

    assert min(result.build_s + result.solve_s for result in results) <= 1.0
    assert max(result.gap for result in results) <= 1e-6


def test_the_same_day_gives_the_same_result_twice(shared_paper_day: RealTimeResult) -> None:
    again = dispatch_shared_paper_day()

    assert again.total_cost_usd == shared_paper_day.total_cost_usd
    for first, second in zip(shared_paper_day.units, again.units, strict=True):
        assert np.array_equal(first.gross_mw, second.gross_mw)


@pytest.mark.parametrize("reading", ["energy", "share"])
def test_reference_fleet_reaches_the_optimum_of_a_second_formulation(
    reading: Literal["energy", "share"],
) -> None:
    system = replace(paper_day(), capture=replace(paper_day().capture, reading=reading))
    plan = commit_units(system)
    trades: dict[str, Any] = {"p2p_mw": paper_p2p_mw(), "p2p_cost_usd": PAPER_P2P_COST_USD}
    expected = bare_matrix.real_time_cost(system, plan.commitment, sharing=True, **trades)

    result = dispatch(system, plan, sharing=True, **trades)

    assert result.objective_usd == pytest.approx(expected, rel=2e-6)


def test_names_the_slot_where_the_committed_units_make_too_much() -> None:
    load = np.full(96, 70.0)
    load[29] = 50.0

    with pytest.raises(InfeasibleError, match=r"power balance \(27\) in slot 30, 10 MW too much"):
        dispatch_always_on(a_system(a_unit(min_mw=60.0), load_mw=load))


def test_names_the_slot_where_the_committed_units_lack_reserve() -> None:
    load = np.full(96, 50.0)
    load[29] = 95.0
    reserve = ReservePolicy(load_fraction=1.0, installed_wind_fraction=0.0)
    system = a_system(a_unit(min_mw=30.0), load_mw=load, reserve=reserve)

    with pytest.raises(InfeasibleError, match=r"reserve \(29\) in slot 30, missed by 25 MW"):
        dispatch_always_on(system)


def test_names_the_demand_response_whose_energy_cannot_be_met() -> None:
    narrow = a_demand_response(max_mw=np.full(96, 4.0))

    with pytest.raises(
        InfeasibleError,
        match=r"energy of demand response DR over the day \(5\), 96 MW .* too little",
    ):
        dispatch_always_on(a_system(a_unit(), demand_response=(narrow,)))


def test_storage_may_not_burn_surplus_by_charging_and_discharging_at_once() -> None:
    # 60 MW must run against 50 MW: the losses of 100 MW in and out at once could hide the rest.
    storage = a_storage(
        power_mw=200.0, capacity_mwh=50.0, charge_efficiency=0.8, discharge_efficiency=0.8
    )
    system = a_system(a_unit(min_mw=60.0), storage=storage)

    with pytest.raises(InfeasibleError, match=r"power balance \(27\) in slot|storage .*\(10\)"):
        dispatch_always_on(system, sharing=True)


def test_gives_up_when_time_is_up() -> None:
    with pytest.raises(TimeLimitError, match="real-time dispatch: no optimum proved within"):
        dispatch(paper_day(), paper_day_ahead(), sharing=True, time_limit_s=1e-3)


def test_refuses_trades_of_another_length() -> None:
    with pytest.raises(InvalidInputError, match=r"p2p_mw must have shape \(96,\)"):
        dispatch_always_on(a_system(a_unit()), sharing=True, p2p_mw=np.zeros(95))


@given(seed=st.integers(0, 10_000), p2p_mw=st.floats(0.0, 3.0))
@settings(max_examples=15, deadline=None, derandomize=True)
def test_reaches_the_optimum_of_a_second_formulation_within_every_limit(
    seed: int, p2p_mw: float
) -> None:
    system = a_random_system(seed)
    try:
        plan = commit_units(system)
    except InfeasibleError:
        return
    trades: dict[str, Any] = {"p2p_mw": np.full(96, p2p_mw), "p2p_cost_usd": 100.0}

    for sharing in (False, True):
        expected = bare_matrix.real_time_cost(system, plan.commitment, sharing=sharing, **trades)
        if expected is None:
            with pytest.raises(InfeasibleError):
                dispatch(system, plan, sharing=sharing, **trades)
            continue
        result = dispatch(system, plan, sharing=sharing, **trades)

        assert result.objective_usd == pytest.approx(expected, rel=3e-6, abs=1e-2)
        assert_keeps_every_limit(system, plan, result, trades["p2p_mw"] * sharing)


@given(seed=st.integers(0, 10_000))
@settings(max_examples=10, deadline=None, derandomize=True)
def test_storage_never_makes_the_day_dearer(seed: int) -> None:
    system = a_random_system(seed)
    try:
        plan = commit_units(system)
        without = dispatch(system, plan, sharing=False)
    except InfeasibleError:
        return

    shared = dispatch(system, plan, sharing=True)

    assert shared.objective_usd <= without.objective_usd + 1e-6 * abs(without.objective_usd) + 1e-6


def assert_keeps_every_limit(
    system: PowerSystem, plan: DayAheadResult, result: RealTimeResult, p2p_mw: FloatArray
) -> None:
    tolerance = 1e-4
    supply = result.wind_mw + result.unserved_mw + p2p_mw
    for unit, output in zip(system.units, result.units, strict=True):
        on = np.repeat(plan.commitment[unit.name], 4)
        assert np.all(output.gross_mw >= unit.min_mw * on - tolerance)
        assert np.all(output.gross_mw <= unit.max_mw * on + tolerance)
        together = on[1:] * on[:-1]
        steps = np.abs(np.diff(output.gross_mw)) * together
        assert np.all(steps <= unit.ramp_mw_per_h / 4 + tolerance)
        assert np.all(output.captured_t >= -tolerance)
        assert np.all(output.emitted_t >= -tolerance)
        supply = supply + output.net_mw
    use = system.load_mw
    for dr in system.demand_response:
        shifted = result.shifted_mw[dr.name]
        assert np.all((shifted >= dr.min_mw - tolerance) & (shifted <= dr.max_mw + tolerance))
        assert np.sum(shifted) == pytest.approx(np.sum(dr.expected_mw))
        use = use + shifted
    assert np.all((result.wind_mw >= -tolerance) & (result.wind_mw <= system.wind_mw + tolerance))
    if result.storage is not None:
        storage, moved = system.storage, result.storage
        assert storage is not None
        assert np.max(np.minimum(moved.charge_mw, moved.discharge_mw)) <= tolerance
        gain = storage.charge_efficiency * moved.charge_mw
        gain = gain - moved.discharge_mw / storage.discharge_efficiency
        initial = storage.initial_soc * storage.capacity_mwh
        assert moved.stored_mwh == pytest.approx(initial + 0.25 * np.cumsum(gain))
        soc = moved.stored_mwh / storage.capacity_mwh
        assert np.all((soc >= storage.min_soc - tolerance) & (soc <= storage.max_soc + tolerance))
        assert moved.stored_mwh[-1] == pytest.approx(initial, abs=tolerance)
        supply = supply + moved.discharge_mw - moved.charge_mw
    assert supply == pytest.approx(use, abs=tolerance)
