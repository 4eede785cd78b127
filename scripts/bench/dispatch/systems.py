"""
Power systems to be timed: the reference case, a step of its rolling horizon, and larger ones.

The larger ones are synthetic: the units and the storage of the reference case many times over, each
with costs, ramps, power and energy of its own drawn within a tenth or a fifth of the original's, at
the commitment of the original; load and wind in proportion, each slot within 5 % of the original's.
The same seed and sizes give the same system.
"""

from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import numpy as np
import numpy.typing as npt

from oracle.domain.power_system import DemandResponse, PowerSystem, SharedStorage, ThermalUnit
from oracle.domain.results import DayAheadResult, RealTimeResult
from oracle.errors import InvalidInputError
from oracle.model import day_ahead, real_time
from oracle.model.committed_system import (
    CommittedSystem,
    committed_day,
    pieces_of,
    rest_of_day,
)
from oracle.model.storage import cycle
from oracle.scenario import load_scenario
from oracle.units import SLOTS_PER_DAY

FloatArray = npt.NDArray[np.float64]

REFERENCE_CASE = Path(__file__).parents[3] / "scenarios" / "paper-day"
STEP_SINCE = 1  # the longest rest of a day that has a past


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """Of a larger system."""

    units: int
    storages: int
    days: int

    @property
    def name(self) -> str:
        return f"{self.units} units, {self.storages} storages, {self.days} d"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ReferenceCase:
    """The reference case with its commitment, and its dispatch with sharing, without trades."""

    system: PowerSystem
    day_ahead: DayAheadResult
    planned: RealTimeResult

    @property
    def day(self) -> CommittedSystem:
        return committed_day(self.system, self.day_ahead.commitment, sharing=True)

    def rest(self, since: int) -> real_time.RestOfDay:
        """Return the rest of the day where all went as planned until the slot `since`."""
        plan = self.planned.storage
        before = float(plan.stored_mwh[since - 1]) if plan is not None and since else 0.0
        stored_mwh = before if since else self.day.ends[0].initial_mwh
        return real_time.RestOfDay(since=since, stored_mwh=stored_mwh, planned=self.planned)

    def system_of(self, rest: real_time.RestOfDay) -> CommittedSystem:
        return rest_of_day(self.day, self.planned, since=rest.since, stored_mwh=rest.stored_mwh)

    @property
    def step(self) -> CommittedSystem:
        return self.system_of(self.rest(STEP_SINCE))


@cache
def reference_case() -> ReferenceCase:
    """Return the reference case, committed and planned by PuLP."""
    system = load_scenario(REFERENCE_CASE).power_system
    if system is None or system.storage is None:
        raise InvalidInputError(f"{REFERENCE_CASE}: expected a power system with a storage")
    committed = day_ahead.commit_units(system)
    planned = real_time.dispatch(system, committed, sharing=True)
    return ReferenceCase(system=system, day_ahead=committed, planned=planned)


def larger(case: ReferenceCase, size: Size, *, seed: int) -> CommittedSystem:
    """Return a synthetic system of some size, made from the reference case."""
    rng = np.random.default_rng([seed, size.units, size.storages, size.days])
    original, day, slots = case.system, case.day, size.days * SLOTS_PER_DAY
    scale = size.units / len(original.units)
    which = np.arange(size.units) % len(original.units)
    units = tuple(_unit(rng, original.units[kind], place) for place, kind in enumerate(which))
    load_mw = _varied(rng, original.load_mw, size.days) * scale
    storages = _storages(rng, day.storages[0], size.storages, scale)
    reserve = original.reserve
    return CommittedSystem(
        units=units,
        pieces=tuple(pieces_of(unit) for unit in units),
        on=np.tile(day.on[which], (1, size.days)),
        before_mw=np.full(size.units, np.nan),
        carbon=original.carbon,
        capture=original.capture,
        load_mw=load_mw,
        wind_mw=_varied(rng, original.wind_mw, size.days) * scale,
        reserve_mw=reserve.load_fraction * load_mw
        + reserve.installed_wind_fraction * original.installed_wind_mw * scale,
        unserved_cost_usd_per_mwh=original.unserved_cost_usd_per_mwh,
        demand_response=tuple(_repeated(load, slots, scale) for load in original.demand_response),
        owed_mw=np.zeros((len(original.demand_response), size.days)),
        storages=storages,
        ends=tuple(cycle(storage) for storage in storages),
    )


def _unit(rng: np.random.Generator, unit: ThermalUnit, place: int) -> ThermalUnit:
    return replace(
        unit,
        name=f"{unit.name}-{place}",
        cost_usd_per_mwh=unit.cost_usd_per_mwh * rng.uniform(0.9, 1.1),
        cost_usd_per_mw2h=unit.cost_usd_per_mw2h * rng.uniform(0.9, 1.1),
        ramp_mw_per_h=unit.ramp_mw_per_h * rng.uniform(0.8, 1.2),
    )


def _storages(
    rng: np.random.Generator, original: SharedStorage, count: int, scale: float
) -> tuple[SharedStorage, ...]:
    """Return storages that have the original's power and energy together, but for the scale."""
    share = scale / count
    return tuple(
        replace(
            original,
            power_mw=original.power_mw * share * rng.uniform(0.8, 1.2),
            capacity_mwh=original.capacity_mwh * share * rng.uniform(0.8, 1.2),
            charge_efficiency=rng.uniform(0.9, 0.98),
            discharge_efficiency=rng.uniform(0.9, 0.98),
        )
        for _ in range(count)
    )


def _varied(rng: np.random.Generator, curve_mw: FloatArray, days: int) -> FloatArray:
    varied: FloatArray = np.tile(curve_mw, days) * rng.uniform(0.95, 1.05, days * len(curve_mw))
    return varied


def _repeated(load: DemandResponse, slots: int, scale: float) -> DemandResponse:
    def curve(curve_mw: FloatArray) -> FloatArray:
        return np.resize(curve_mw, slots) * scale

    return replace(
        load,
        expected_mw=curve(load.expected_mw),
        min_mw=curve(load.min_mw),
        max_mw=curve(load.max_mw),
    )
