"""Shared storage against tariffs: cases by hand, refusals, a second formulation."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from oracle.errors import InvalidInputError
from oracle.model.provider_storage import dispatch_against_tariff
from tests.oracle import bare_matrix
from tests.oracle.power_systems import FloatArray, a_storage


def test_charges_when_cheap_and_discharges_when_dear() -> None:
    storage = a_storage(charge_efficiency=0.9, discharge_efficiency=0.9)

    result = dispatch_against_tariff(
        storage, np.array([0.0, 2.0]), np.array([10.0, 100.0]), np.array([0.0, 0.0])
    )

    assert result.plan.discharge_mw == pytest.approx([0.0, 2.0])
    assert result.plan.charge_mw == pytest.approx([2.0 / 0.81, 0.0])
    assert result.plan.stored_mwh == pytest.approx([0.25 * 2.0 / 0.9, 0.0])
    assert result.grid_cost_usd == pytest.approx(0.25 * 10 * 2.0 / 0.81)
    assert result.idle_grid_cost_usd == pytest.approx(0.25 * 100 * 2.0)
    assert result.plan.profit_usd == pytest.approx(0.25 * (200 - 20 / 0.81))


def test_stores_a_surplus_rather_than_export_it_for_little() -> None:
    result = dispatch_against_tariff(
        a_storage(), np.array([-3.0, 4.0]), np.array([60.0, 50.0]), np.array([5.0, 5.0])
    )

    assert result.net_import_mw == pytest.approx([0.0, 1.0])
    assert result.grid_cost_usd == pytest.approx(0.25 * 50)


def test_degradation_and_compensation_are_in_the_profit_and_only_the_first_in_the_decision() -> (
    None
):
    idle = a_storage(degradation_usd_per_mw_slot=6.0, compensation_usd_per_mwh=1000.0)
    busy = a_storage(degradation_usd_per_mw_slot=5.0, compensation_usd_per_mwh=8.0)
    load, price = np.array([0.0, 2.0]), np.array([10.0, 55.0])

    dear = dispatch_against_tariff(idle, load, price, np.zeros(2))
    cheap = dispatch_against_tariff(busy, load, price, np.zeros(2))

    assert dear.plan.profit_usd == 0.0
    assert np.all(dear.plan.charge_mw == 0.0)
    assert cheap.plan.cost_usd == pytest.approx(5.0 * 4)
    assert cheap.plan.profit_usd == pytest.approx(8.0 * 4 * 0.25 - 20 + 0.25 * 2 * 45)


def test_paid_consumption_does_not_charge_and_discharge_at_once() -> None:
    storage = a_storage(charge_efficiency=0.9, discharge_efficiency=0.9)
    price = np.full(2, -100.0)

    result = dispatch_against_tariff(storage, np.zeros(2), price, price)

    assert result.plan.charge_mw == pytest.approx([10.0, 0.0])
    assert result.plan.discharge_mw == pytest.approx([0.0, 8.1])
    assert result.grid_cost_usd == pytest.approx(-0.25 * 100 * 1.9)


def test_a_tie_at_price_zero_is_netted() -> None:
    result = dispatch_against_tariff(
        a_storage(charge_efficiency=0.9, discharge_efficiency=0.9),
        np.array([1.0, -1.0, 0.0]),
        np.zeros(3),
        np.zeros(3),
    )

    assert np.all(np.minimum(result.plan.charge_mw, result.plan.discharge_mw) == 0.0)


def test_a_storage_without_power_stays_idle() -> None:
    storage = a_storage(power_mw=0.0, initial_soc=0.5)

    result = dispatch_against_tariff(storage, np.ones(3), np.full(3, 50.0), np.full(3, 10.0))

    assert result.plan.stored_mwh == pytest.approx(np.full(3, 10.0))
    assert result.grid_cost_usd == pytest.approx(0.25 * 150)


def test_a_week_is_solved_in_seconds() -> None:
    random = np.random.default_rng(1)
    load, price = random.normal(0, 5, 672), random.uniform(50, 300, 672)

    result = dispatch_against_tariff(a_storage(), load, price, 0.4 * price)

    assert result.build_s + result.solve_s < 3.0
    assert result.gap == 0.0


def test_names_the_slot_whose_export_price_is_above_its_import_price() -> None:
    with pytest.raises(InvalidInputError, match="slot 2: export price 51 above import price 50"):
        dispatch_against_tariff(
            a_storage(), np.zeros(3), np.full(3, 50.0), np.array([50.0, 51.0, 49.0])
        )


@pytest.mark.parametrize(
    ("load", "price"), [(np.zeros(2), np.zeros(3)), (np.zeros(0), np.zeros(0))]
)
def test_refuses_series_of_different_or_no_length(load: FloatArray, price: FloatArray) -> None:
    with pytest.raises(InvalidInputError, match=r"one shape \(T,\), with T > 0"):
        dispatch_against_tariff(a_storage(), load, price, price)


def test_refuses_numbers_that_are_none() -> None:
    with pytest.raises(InvalidInputError, match="finite"):
        dispatch_against_tariff(a_storage(), np.array([np.nan]), np.zeros(1), np.zeros(1))


@st.composite
def tariffs(draw: st.DrawFn) -> tuple[FloatArray, FloatArray, FloatArray]:
    size = draw(st.integers(1, 8))
    loads = draw(st.lists(st.floats(-20, 20), min_size=size, max_size=size))
    price = st.floats(-50, 300)
    prices = draw(st.lists(st.tuples(price, price), min_size=size, max_size=size))
    return (
        np.array(loads),
        np.array([max(pair) for pair in prices]),
        np.array([min(pair) for pair in prices]),
    )


@given(
    tariff=tariffs(),
    power_mw=st.floats(0.0, 30.0),
    capacity_mwh=st.floats(0.1, 30.0),
    initial_soc=st.floats(0.1, 0.9),
    wear=st.sampled_from([0.0, 0.5]),
)
@settings(deadline=None)
def test_reaches_the_optimum_of_a_second_formulation_within_every_limit(
    tariff: tuple[FloatArray, FloatArray, FloatArray],
    power_mw: float,
    capacity_mwh: float,
    initial_soc: float,
    wear: float,
) -> None:
    load, buy, sell = tariff
    storage = a_storage(
        power_mw=power_mw,
        capacity_mwh=capacity_mwh,
        min_soc=0.1,
        max_soc=0.9,
        initial_soc=initial_soc,
        charge_efficiency=0.9,
        discharge_efficiency=0.95,
        degradation_usd_per_mw_slot=wear,
    )
    expected = bare_matrix.tariff_cost(storage, load, buy, sell)

    result = dispatch_against_tariff(storage, load, buy, sell)

    plan = result.plan
    assert result.grid_cost_usd + plan.cost_usd == pytest.approx(expected, rel=1e-5, abs=1e-3)
    assert plan.profit_usd >= -1e-3
    assert result.net_import_mw == pytest.approx(load + plan.charge_mw - plan.discharge_mw)
    assert np.all(np.minimum(plan.charge_mw, plan.discharge_mw) <= 1e-4)
    assert np.all((plan.charge_mw >= 0) & (plan.charge_mw <= power_mw + 1e-6))
    assert np.all((plan.discharge_mw >= 0) & (plan.discharge_mw <= power_mw + 1e-6))
    soc = plan.stored_mwh / capacity_mwh
    assert np.all((soc >= 0.1 - 1e-5) & (soc <= 0.9 + 1e-5))
    assert soc[-1] == pytest.approx(initial_soc, abs=1e-5)
