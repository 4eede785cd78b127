"""Builders of power systems: small ones to compute by hand, random ones, and the reference case."""

from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from oracle.domain.power_system import (
    CapturePolicy,
    CarbonPolicy,
    DemandResponse,
    PowerSystem,
    ReservePolicy,
    SharedStorage,
    ThermalUnit,
)
from oracle.domain.results import DayAheadResult
from oracle.model.day_ahead import commit_units
from oracle.scenario import load_scenario

FloatArray = npt.NDArray[np.float64]

PAPER_DAY = Path(__file__).parents[2] / "scenarios" / "paper-day"

# The 15 trades of the reference case, in kWh, in slots 41 to 55; the market's own test gets them.
PAPER_TRADES_KWH = (60, 67, 9, 68, 47, 7, 21, 41, 71, 72, 12, 72, 71, 36, 60)
PAPER_P2P_COST_USD = 262.01


def a_unit(**changes: Any) -> ThermalUnit:
    """Return a unit of 100 MW at 20 USD/MWh without capture, emission or other costs."""
    fields: dict[str, Any] = {
        "name": "U1",
        "min_mw": 0.0,
        "max_mw": 100.0,
        "cost_usd_per_h": 0.0,
        "cost_usd_per_mwh": 20.0,
        "cost_usd_per_mw2h": 0.0,
        "emission_t_per_mwh": 0.0,
        "capture": False,
        "capture_mwh_per_t": 0.0,
        "capture_fixed_mw": 0.0,
        "ramp_mw_per_h": 1000.0,
        "start_usd": 0.0,
        "stop_usd": 0.0,
        "min_up_h": 1,
        "min_down_h": 1,
        "initially_on": True,
    }
    return ThermalUnit(**(fields | changes))


def a_storage(**changes: Any) -> SharedStorage:
    """Return a storage of 10 MW and 20 MWh, empty, without losses or costs."""
    fields: dict[str, Any] = {
        "power_mw": 10.0,
        "capacity_mwh": 20.0,
        "min_soc": 0.0,
        "max_soc": 1.0,
        "initial_soc": 0.0,
        "charge_efficiency": 1.0,
        "discharge_efficiency": 1.0,
        "degradation_usd_per_mw_slot": 0.0,
        "compensation_usd_per_mwh": 0.0,
    }
    return SharedStorage(**(fields | changes))


def a_system(
    *units: ThermalUnit, load_mw: float | FloatArray = 50.0, **changes: Any
) -> PowerSystem:
    """Return a day with the same load in both stages; no wind, carbon price or reserve."""
    load = np.full(96, load_mw) if isinstance(load_mw, float) else load_mw
    wind = changes.pop("wind_mw", np.zeros(96))
    fields: dict[str, Any] = {
        "units": units,
        "carbon": CarbonPolicy(price_usd_per_t=0.0, allowance_t_per_mwh=0.0),
        "capture": CapturePolicy(reading="energy", efficiency=0.8, max_share=0.9),
        "reserve": ReservePolicy(load_fraction=0.0, installed_wind_fraction=0.0),
        "installed_wind_mw": 0.0,
        "unserved_cost_usd_per_mwh": 1000.0,
        "trigger_mw": 5.0,
        "demand_response": (),
        "storage": None,
        "day_ahead_load_mw": load.reshape(24, 4).mean(axis=1),
        "day_ahead_wind_mw": wind.reshape(24, 4).mean(axis=1),
        "load_mw": load,
        "wind_mw": wind,
    }
    return PowerSystem(**(fields | changes))


def always_on(system: PowerSystem) -> DayAheadResult:
    """Return a commitment of all units in all hours, for tests of the real-time stage alone."""
    ones, zeros = np.ones(24, dtype=np.int64), np.zeros(24)
    names = [unit.name for unit in system.units]
    return DayAheadResult(
        commitment=dict.fromkeys(names, ones),
        gross_mw=dict.fromkeys(names, zeros),
        net_mw=dict.fromkeys(names, zeros),
        cost_usd=0.0,
        triggered_slots=(),
        build_s=0.0,
        solve_s=0.0,
        gap=0.0,
    )


@cache
def paper_day() -> PowerSystem:
    system = load_scenario(PAPER_DAY).power_system
    assert system is not None
    return system


@cache
def paper_day_ahead() -> DayAheadResult:
    return commit_units(paper_day())


def paper_p2p_mw() -> FloatArray:
    power = np.zeros(96)
    power[40:55] = np.array(PAPER_TRADES_KWH) / 1000 / 0.25
    return power


def a_random_system(seed: int) -> PowerSystem:
    """Return a day with 1 to 4 units, with and without capture, wind, storage, demand response."""
    random = np.random.default_rng(seed)
    units = tuple(_a_random_unit(random, index) for index in range(random.integers(1, 5)))
    capacity = sum(unit.max_mw for unit in units)
    load = _a_profile(random, 0.25 * capacity, 0.55 * capacity)
    wind = _a_profile(random, 0.0, random.uniform(0.0, 0.6) * capacity)
    loads = tuple(
        DemandResponse(
            name=f"DR{index}",
            cost_usd_per_mwh=float(random.choice([0.0, 5.0])),
            expected_mw=0.03 * load,
            min_mw=0.02 * load,
            max_mw=0.05 * load,
        )
        for index in range(random.integers(0, 3))
    )
    storage = SharedStorage(
        power_mw=float(random.choice([1.0, 0.05 * capacity, capacity])),
        capacity_mwh=float(random.choice([1.0, 0.2 * capacity, 10 * capacity])),
        min_soc=0.2,
        max_soc=0.9,
        initial_soc=float(random.uniform(0.2, 0.9)),
        charge_efficiency=0.98,
        discharge_efficiency=0.98,
        degradation_usd_per_mw_slot=float(random.choice([0.0, 1.43])),
        compensation_usd_per_mwh=240.0,
    )
    noise = random.uniform(0.9, 1.1, 24)
    return PowerSystem(
        units=units,
        carbon=CarbonPolicy(
            price_usd_per_t=float(random.choice([0.0, 12.0, 80.0])), allowance_t_per_mwh=0.7
        ),
        capture=CapturePolicy(
            reading="energy" if random.random() < 0.5 else "share", efficiency=0.8, max_share=0.95
        ),
        reserve=ReservePolicy(load_fraction=0.05, installed_wind_fraction=0.05),
        installed_wind_mw=float(np.max(wind)),
        unserved_cost_usd_per_mwh=1000.0,
        trigger_mw=5.0,
        demand_response=loads,
        storage=storage if random.random() < 0.8 else None,
        day_ahead_load_mw=load.reshape(24, 4).mean(axis=1) * (1 + 0.03 * len(loads)),
        day_ahead_wind_mw=wind.reshape(24, 4).mean(axis=1) * noise,
        load_mw=load,
        wind_mw=wind,
    )


def _a_random_unit(random: np.random.Generator, index: int) -> ThermalUnit:
    power = random.uniform(50, 400)
    return ThermalUnit(
        name=f"G{index}",
        min_mw=power * random.uniform(0.1, 0.4),
        max_mw=power,
        cost_usd_per_h=random.uniform(100, 1000),
        cost_usd_per_mwh=random.uniform(14, 26),
        cost_usd_per_mw2h=float(random.choice([0.0, 0.003, 0.02])),
        emission_t_per_mwh=random.uniform(0.5, 1.0),
        capture=bool(random.random() < 0.7),
        capture_mwh_per_t=random.uniform(0.1, 0.3),
        capture_fixed_mw=random.uniform(0.0, 0.02 * power),
        ramp_mw_per_h=power * random.uniform(0.3, 1.0),
        start_usd=random.uniform(100, 5000),
        stop_usd=random.uniform(0, 1000),
        min_up_h=int(random.integers(0, 9)),
        min_down_h=int(random.integers(0, 9)),
        initially_on=bool(index == 0 or random.random() < 0.7),
    )


def _a_profile(random: np.random.Generator, low: float, high: float) -> FloatArray:
    """Return 96 values between the limits: a slow wave and some noise."""
    phase, beats = random.uniform(0, 2 * np.pi), int(random.integers(1, 4))
    wave = 0.5 + 0.4 * np.sin(phase + 2 * np.pi * beats * np.arange(96) / 96)
    shape: FloatArray = np.clip(wave + random.uniform(-0.1, 0.1, 96), 0, 1)
    return low + (high - low) * shape
