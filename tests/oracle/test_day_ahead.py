"""Unit commitment: cases by hand, refusals, then a second formulation on random systems."""

from dataclasses import replace
from typing import Literal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from oracle.domain.power_system import (
    CapturePolicy,
    CarbonPolicy,
    DemandResponse,
    ReservePolicy,
)
from oracle.errors import InfeasibleError, InvalidInputError, TimeLimitError
from oracle.model.day_ahead import commit_units, triggered_slots
from tests.oracle import bare_matrix
from tests.oracle.power_systems import (
    FloatArray,
    a_random_system,
    a_system,
    a_unit,
    paper_day,
    paper_day_ahead,
)


def a_load(base_mw: float, **hours: float) -> FloatArray:
    """Return 96 slots of `base_mw` but for hours given as h10=80.0."""
    load = np.full(24, base_mw)
    for hour, value in hours.items():
        load[int(hour[1:]) - 1] = value
    return np.repeat(load, 4)


def test_runs_the_cheaper_of_two_units_that_each_suffice() -> None:
    dear = a_unit(name="U2", cost_usd_per_h=100.0, cost_usd_per_mwh=30.0, initially_on=False)
    system = a_system(a_unit(cost_usd_per_h=100.0), dear)

    plan = commit_units(system)

    assert plan.cost_usd == pytest.approx(24 * (100 + 50 * 20))
    assert plan.commitment["U1"].tolist() == [1] * 24
    assert plan.commitment["U2"].tolist() == [0] * 24
    assert plan.net_mw["U1"] == pytest.approx(np.full(24, 50.0))


def test_a_peak_starts_a_unit_for_its_minimum_up_time() -> None:
    peaker = a_unit(
        name="U2",
        min_mw=10.0,
        cost_usd_per_h=50.0,
        cost_usd_per_mwh=30.0,
        start_usd=500.0,
        stop_usd=200.0,
        min_up_h=3,
        initially_on=False,
    )
    system = a_system(a_unit(), peaker, load_mw=a_load(80.0, h10=130.0))

    plan = commit_units(system)

    base = 20 * (21 * 80 + 100 + 2 * 70)
    assert plan.cost_usd == pytest.approx(base + 3 * 50 + 30 * (30 + 2 * 10) + 700)
    assert plan.commitment["U2"].sum() == 3
    assert plan.commitment["U2"][9] == 1


def test_a_stopped_unit_stays_off_for_its_minimum_down_time() -> None:
    # Off in the valley of two hours would save 2·300 USD, off for four is not to be had.
    first = a_unit(name="U1", max_mw=60.0)
    second = a_unit(name="U2", max_mw=60.0, cost_usd_per_h=300.0, cost_usd_per_mwh=20.0)
    load = a_load(100.0, h10=40.0, h11=40.0)

    free = commit_units(a_system(first, second, load_mw=load))
    held = commit_units(a_system(first, replace(second, min_down_h=4), load_mw=load))

    energy = 20 * (22 * 100 + 2 * 40)
    assert free.cost_usd == pytest.approx(energy + 22 * 300)
    assert held.cost_usd == pytest.approx(energy + 24 * 300)


def test_a_slow_unit_is_helped_until_it_has_ramped_up() -> None:
    slow = a_unit(ramp_mw_per_h=10.0)
    fast = a_unit(name="U2", cost_usd_per_mwh=30.0)
    load = np.repeat([50.0, 80.0], 48)

    plan = commit_units(a_system(slow, fast, load_mw=load))

    assert plan.gross_mw["U1"][11:16] == pytest.approx([50.0, 60.0, 70.0, 80.0, 80.0])
    assert plan.cost_usd == pytest.approx(20 * 12 * (50 + 80) + 10 * (20 + 10))


def test_ramps_do_not_bind_at_start_and_stop() -> None:
    unit = a_unit(min_mw=50.0, ramp_mw_per_h=10.0, start_usd=7.0, stop_usd=5.0, initially_on=False)

    plan = commit_units(a_system(unit, load_mw=a_load(0.0, h10=80.0, h11=80.0)))

    assert plan.commitment["U1"].tolist() == [0] * 9 + [1, 1] + [0] * 13
    assert plan.cost_usd == pytest.approx(7 + 5 + 2 * 80 * 20)


def test_the_day_ends_in_the_state_it_began_in() -> None:
    idle = a_unit(name="U2", cost_usd_per_h=100.0)
    needed = a_unit(name="U3", cost_usd_per_mwh=1.0, initially_on=False)

    plan = commit_units(a_system(a_unit(), idle, needed))

    assert plan.commitment["U2"].tolist() == [0] * 23 + [1]
    assert plan.commitment["U3"].tolist() == [1] * 23 + [0]


def test_reserve_keeps_a_second_unit_on() -> None:
    standby = a_unit(name="U2", cost_usd_per_h=100.0, initially_on=False, min_up_h=1)
    load = a_load(50.0, h5=96.0)
    reserve = ReservePolicy(load_fraction=0.05, installed_wind_fraction=0.0)

    without = commit_units(a_system(a_unit(), standby, load_mw=load))
    with_reserve = commit_units(a_system(a_unit(), standby, load_mw=load, reserve=reserve))

    assert without.commitment["U2"].sum() == 0
    assert with_reserve.commitment["U2"].tolist() == [0] * 4 + [1] + [0] * 19


def test_wind_is_free_and_may_be_curtailed() -> None:
    plan = commit_units(a_system(a_unit(), load_mw=50.0, wind_mw=np.full(96, 70.0)))

    assert plan.cost_usd == pytest.approx(0.0)


@pytest.mark.parametrize(
    ("reading", "gross_mw", "emitted_share"),
    [("energy", (100 + 5) / (1 - 0.25 * 0.9), 0.1), ("share", (100 + 5) / (1 - 0.2 * 0.8), 0.2)],
)
def test_captures_all_it_may_where_carbon_is_dear(
    reading: Literal["energy", "share"], gross_mw: float, emitted_share: float
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

    plan = commit_units(system)

    per_mwh = 20 + 100 * (emitted_share - 0.7)
    assert plan.gross_mw["U1"] == pytest.approx(np.full(24, gross_mw))
    assert plan.net_mw["U1"] == pytest.approx(np.full(24, 100.0))
    assert plan.cost_usd == pytest.approx(24 * gross_mw * per_mwh)


def test_the_quadratic_cost_is_exact_at_the_ends_of_its_six_segments() -> None:
    unit = a_unit(min_mw=40.0, cost_usd_per_mw2h=0.01)

    at_an_end = commit_units(a_system(unit, load_mw=60.0)).cost_usd
    between = commit_units(a_system(unit, load_mw=65.0)).cost_usd

    assert at_an_end == pytest.approx(24 * (20 * 60 + 0.01 * 60**2))
    assert between == pytest.approx(24 * (20 * 65 + 0.01 * (60**2 + 70**2) / 2))


def test_triggers_where_the_plan_is_off_by_the_threshold_or_more() -> None:
    load = np.full(96, 40.0)
    load[6:9] = [45.0, 44.9, 30.0]
    shifted = np.full(96, 10.0)
    demand_response = DemandResponse(
        name="DR", cost_usd_per_mwh=1.0, expected_mw=shifted, min_mw=shifted, max_mw=shifted
    )
    wind = np.zeros(96)
    wind[20] = 5.0
    system = a_system(
        a_unit(),
        load_mw=load,
        wind_mw=wind,
        demand_response=(demand_response,),
        day_ahead_load_mw=np.full(24, 50.0),
        day_ahead_wind_mw=np.zeros(24),
    )

    plan = commit_units(system)

    assert plan.triggered_slots == (7, 9, 21)
    assert triggered_slots(system, np.full(24, 50.0)) == (7, 9, 21)


def test_paper_day_keeps_all_four_units_on() -> None:
    plan = paper_day_ahead()

    assert {name: int(on.sum()) for name, on in plan.commitment.items()} == {
        "U1": 24,
        "U2": 24,
        "U3": 24,
        "U4": 24,
    }
    assert plan.gap <= 1e-6
    assert plan.cost_usd == pytest.approx(bare_matrix.day_ahead_cost(paper_day()), rel=2e-6)


def test_names_the_hour_whose_load_is_above_all_capacity() -> None:
    system = a_system(a_unit(), load_mw=a_load(90.0, h19=120.0))

    with pytest.raises(InfeasibleError, match=r"power balance \(15\) in hour 19, 20 MW too little"):
        commit_units(system)


def test_names_the_hour_that_lacks_reserve() -> None:
    reserve = ReservePolicy(load_fraction=0.0, installed_wind_fraction=0.3)
    load = a_load(50.0, h7=80.0)

    with pytest.raises(
        InfeasibleError,
        match=r"\((29|15)\) in hour 7, (missed by 10 MW|10 MW too little)",
    ):
        commit_units(a_system(a_unit(), load_mw=load, reserve=reserve, installed_wind_mw=100.0))


def test_names_the_unit_that_may_not_be_on_at_the_end() -> None:
    with pytest.raises(InfeasibleError) as refusal:
        commit_units(a_system(a_unit(initially_on=False)))

    assert str(refusal.value).endswith(
        "at fault: power balance (15) in hour 24, 50 MW too little, "
        "or state of unit U1 at hour 24, to equal the one before hour 1 (17)"
    )


def test_names_the_hour_whose_load_is_below_all_minimum_outputs() -> None:
    system = paper_day()
    units = tuple(replace(unit, capture=False) for unit in system.units)

    with pytest.raises(
        InfeasibleError, match=r"at fault: power balance \(15\) in hour 24, 8\.6 MW too much"
    ):
        commit_units(replace(system, units=units))


def test_gives_up_when_time_is_up() -> None:
    with pytest.raises(TimeLimitError, match=r"day-ahead unit commitment: no optimum proved"):
        commit_units(paper_day(), time_limit_s=1e-3)


def test_refuses_a_concave_cost() -> None:
    with pytest.raises(InvalidInputError, match="cost_usd_per_mw2h >= 0"):
        a_unit(cost_usd_per_mw2h=-0.01)


def test_refuses_profiles_of_another_length() -> None:
    with pytest.raises(InvalidInputError, match=r"shape \(24,\)"):
        a_system(a_unit(), day_ahead_load_mw=np.zeros(23))


@given(seed=st.integers(0, 10_000))
@settings(max_examples=10, deadline=None, derandomize=True)
def test_reaches_the_optimum_of_a_second_formulation(seed: int) -> None:
    system = a_random_system(seed)
    expected = bare_matrix.day_ahead_cost(system)

    if expected is None:
        with pytest.raises(InfeasibleError):
            commit_units(system)
        return
    plan = commit_units(system)

    assert plan.cost_usd == pytest.approx(expected, rel=2e-6, abs=1e-2)
    supply = sum(plan.net_mw.values())
    assert np.all(supply <= system.day_ahead_load_mw + 1e-6)
    assert np.all(supply >= system.day_ahead_load_mw - system.day_ahead_wind_mw - 1e-6)
    for unit in system.units:
        on, gross = plan.commitment[unit.name], plan.gross_mw[unit.name]
        assert np.all(gross >= unit.min_mw * on - 1e-5)
        assert np.all(gross <= unit.max_mw * on + 1e-5)
