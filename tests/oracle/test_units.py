"""Conversions, roundings, amounts, and the storage's schedule in integers."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from oracle.units import (
    BPS,
    WH_PER_MWH,
    Bps,
    MicroUsdPerMwh,
    Wh,
    amount_down,
    amount_up,
    bps_from_fraction,
    kwh_from_wh,
    meters_from_km,
    micro_usd_from_usd,
    micro_usd_per_mwh_from_usd_per_kwh,
    micro_usd_per_mwh_from_usd_per_mwh,
    micro_usd_per_mwh_km_from_usd_per_kwh_km,
    mw_from_wh_per_slot,
    mwh_from_wh,
    storage_schedule,
    usd_from_micro_usd,
    usd_per_kwh,
    wh_from_kwh,
    wh_from_mwh,
    wh_per_slot_array_from_kw,
    wh_per_slot_from_kw,
    wh_per_slot_from_mw,
)

ENERGIES = st.integers(0, 2**32 - 1).map(Wh)
PRICES = st.integers(0, 2**48 - 1).map(MicroUsdPerMwh)


@pytest.mark.parametrize(
    ("amount_usd", "expected"),
    [
        (1.001, 1_001_000),  # int(1.001 * 1e6) is 1 000 999
        (0.0000005, 1),
        (0.0000004999999, 0),
        (0.0000015, 2),
        (0.0000025, 3),  # not to even
        (-0.0000005, -1),
        (1e-20, 0),
        (123456789.123456, 123_456_789_123_456),
    ],
)
def test_rounds_the_decimal_digits_and_halves_away_from_zero(
    amount_usd: float, expected: int
) -> None:
    assert micro_usd_from_usd(amount_usd) == expected


def test_every_unit_has_its_scale() -> None:
    assert wh_from_kwh(1.5) == 1_500
    assert wh_from_mwh(1.5) == 1_500_000
    assert wh_per_slot_from_kw(10) == 2_500
    assert wh_per_slot_from_mw(40) == 10_000_000
    assert micro_usd_per_mwh_from_usd_per_kwh(0.15) == 150_000_000
    assert micro_usd_per_mwh_from_usd_per_mwh(150) == 150_000_000
    assert micro_usd_per_mwh_km_from_usd_per_kwh_km(0.0037) == 3_700_000
    assert meters_from_km(0.0215) == 22
    assert bps_from_fraction(0.82) == 8_200
    assert bps_from_fraction(0.00005) == 1


def test_a_slot_is_a_quarter_of_an_hour() -> None:
    assert mw_from_wh_per_slot(Wh(250_000)) == 1.0
    assert mwh_from_wh(Wh(250_000)) == 0.25


@given(energy=ENERGIES)
def test_kwh_and_back_is_the_same_energy(energy: Wh) -> None:
    assert wh_from_kwh(kwh_from_wh(energy)) == energy


@given(price=PRICES)
def test_usd_per_kwh_and_back_is_the_same_price(price: MicroUsdPerMwh) -> None:
    assert micro_usd_per_mwh_from_usd_per_kwh(usd_per_kwh(price)) == price


@given(amount=st.integers(-(2**52), 2**52))
def test_usd_and_back_is_the_same_amount(amount: int) -> None:
    assert micro_usd_from_usd(usd_from_micro_usd(amount)) == amount  # type: ignore[arg-type]


@given(power_kw=st.decimals(0, 100_000, places=3).map(float))
def test_one_power_and_many_make_the_same_energy(power_kw: float) -> None:
    assert wh_per_slot_array_from_kw(np.array([power_kw])).tolist() == [
        wh_per_slot_from_kw(power_kw)
    ]


def test_amounts_say_who_keeps_the_remainder() -> None:
    one_third = MicroUsdPerMwh(333_333)

    assert amount_down(Wh(1), one_third) == 0
    assert amount_up(Wh(1), one_third) == 1
    assert amount_down(Wh(3_000_000), one_third) == 999_999 == amount_up(Wh(3_000_000), one_third)


@given(parts=st.lists(ENERGIES, max_size=5), price=PRICES)
def test_a_lock_covers_what_its_parts_cost(parts: list[Wh], price: MicroUsdPerMwh) -> None:
    lock = amount_up(Wh(sum(parts)), price)

    cost = sum(amount_down(part, price) for part in parts)

    assert cost <= lock <= Fraction(sum(parts) * price, WH_PER_MWH) + 1


@st.composite
def storages(draw: st.DrawFn) -> dict[str, int]:
    minimum = draw(st.integers(0, 50_000_000))
    maximum = minimum + draw(st.integers(1, 200_000_000))
    return {
        "initial": draw(st.integers(minimum, maximum)),
        "minimum": minimum,
        "maximum": maximum,
        "max_per_slot": draw(st.integers(1, 20_000_000)),
        "charge_efficiency": draw(st.integers(1, BPS)),
        "discharge_efficiency": draw(st.integers(1, BPS)),
    }


@given(
    storage=storages(),
    powers=st.lists(st.tuples(st.floats(-1e-6, 100), st.floats(-1e-6, 100)), max_size=96),
)
def test_schedule_never_oversteps_what_the_ledger_allows(
    storage: dict[str, int], powers: list[tuple[float, float]]
) -> None:
    schedule = storage_schedule([p[0] for p in powers], [p[1] for p in powers], **storage)  # type: ignore[arg-type]

    stored = storage["initial"]
    assert len(schedule) == len(powers)
    for charge, discharge, after in schedule:
        assert min(charge, discharge) == 0
        assert 0 <= charge + discharge <= storage["max_per_slot"]
        filled = stored + charge * storage["charge_efficiency"] // BPS
        drain = -(-discharge * BPS // storage["discharge_efficiency"])
        assert filled <= storage["maximum"]
        assert filled - drain >= storage["minimum"]
        stored = filled - drain
        assert after == stored


@given(
    steps=st.lists(st.floats(-40, 40), min_size=1, max_size=96),
    efficiency=st.sampled_from([1.0, 0.98, 0.9]),
)
def test_schedule_stays_within_a_few_wh_of_a_plan_that_runs_to_the_limits(
    steps: list[float], efficiency: float
) -> None:
    charge, discharge, planned = [], [], []
    stored = 36.0
    for step in steps:
        power_in = min(max(step, 0.0), (162.0 - stored) / efficiency / 0.25)
        power_out = min(max(-step, 0.0), (stored - 36.0) * efficiency / 0.25)
        stored += 0.25 * (power_in * efficiency - power_out / efficiency)
        charge.append(power_in + 1e-9)  # what a solver's tolerance adds
        discharge.append(power_out)
        planned.append(stored)

    schedule = storage_schedule(
        charge,
        discharge,
        initial=wh_from_mwh(36),
        minimum=wh_from_mwh(36),
        maximum=wh_from_mwh(162),
        max_per_slot=wh_per_slot_from_mw(40),
        charge_efficiency=bps_from_fraction(efficiency),
        discharge_efficiency=bps_from_fraction(efficiency),
    )

    drift = [
        after - stored * WH_PER_MWH for (*_, after), stored in zip(schedule, planned, strict=True)
    ]
    assert max(map(abs, drift)) <= 2 * len(steps)


def test_schedule_cuts_a_power_that_rounds_above_the_rating() -> None:
    power_mw = 0.0000054  # 1.35 Wh a slot: the rating rounds down, the plan's tolerance up

    schedule = storage_schedule(
        [power_mw + 1e-6],
        [0.0],
        initial=Wh(0),
        minimum=Wh(0),
        maximum=Wh(100),
        max_per_slot=wh_per_slot_from_mw(power_mw),
        charge_efficiency=Bps(BPS),
        discharge_efficiency=Bps(BPS),
    )

    assert schedule == [(1, 0, 1)]
