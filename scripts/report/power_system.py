"""What the report shows of a power system: load, wind, units, capture, commitment, storage."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from oracle.domain.power_system import PowerSystem
from oracle.domain.results import Plan, RealTimeResult, StoragePlan
from oracle.domain.scenario import Scenario
from oracle.units import SLOT_HOURS
from scripts.report.chart import Series, TimeChart, stacked, time_chart

FloatArray = npt.NDArray[np.float64]

MEGAWATT_DIGITS = 1
UNIT_STYLES = 6  # unit1 to unit6 in the style sheet


@dataclass(frozen=True, slots=True, kw_only=True)
class CommittedUnit:
    """One row of the commitment picture."""

    name: str
    hours: tuple[bool, ...]

    @property
    def count(self) -> int:
        """Return the hours that the unit is on."""
        return sum(self.hours)


def power_system_charts(plan: Plan) -> tuple[TimeChart, ...]:
    """Return the charts of load, wind, output and capture; none without a power system."""
    system = plan.scenario.power_system
    without, sharing = plan.without_sharing, plan.with_sharing
    if system is None or without is None or sharing is None:
        return ()
    scenario = plan.scenario
    return (
        _load_chart(scenario, system, sharing),
        _wind_chart(scenario, system, without, sharing),
        _output_chart(scenario, system, sharing, "Who serves the load, with sharing"),
        _output_chart(scenario, system, without, "Who serves the load, without sharing"),
        _capture_chart(scenario, sharing, without),
        _carbon_chart(scenario, sharing, without),
    )


def committed_units(plan: Plan) -> tuple[CommittedUnit, ...]:
    """Return the commitment of the day ahead, unit by unit."""
    if plan.day_ahead is None:
        return ()
    return tuple(
        CommittedUnit(name=name, hours=tuple(bool(on) for on in hours))
        for name, hours in plan.day_ahead.commitment.items()
    )


def storage_charts(scenario: Scenario, storage: StoragePlan | None) -> tuple[TimeChart, ...]:
    """Return power and state of charge of the shared storage."""
    if storage is None:
        return ()
    scale, unit, digits = (1.0, "MW", MEGAWATT_DIGITS)
    if max(storage.charge_mw.max(), storage.discharge_mw.max()) < 1.0:
        scale, unit, digits = (1000.0, "kW", 2)
    power = time_chart(
        scenario,
        "Shared storage: power",
        unit=unit,
        digits=digits,
        series=[
            Series(
                label="charge",
                values=scale * storage.charge_mw,
                style="charge",
                kind="area",
            ),
            Series(
                label="discharge (drawn downwards)",
                values=-scale * storage.discharge_mw,
                style="discharge",
                kind="area",
            ),
        ],
    )
    return power, _state_of_charge_chart(scenario, storage)


def _state_of_charge_chart(scenario: Scenario, storage: StoragePlan) -> TimeChart:
    rating = scenario.storage
    if rating is None:
        series = [_stored("stored energy", storage.stored_mwh)]
        return time_chart(scenario, "Shared storage: energy", unit="MWh", digits=2, series=series)
    share = 100 * storage.stored_mwh / rating.capacity_mwh
    limits = (("lower limit", rating.min_soc), ("upper limit", rating.max_soc))
    return time_chart(
        scenario,
        "Shared storage: state of charge",
        unit="%",
        digits=1,
        series=[
            *(
                Series(label=label, values=np.full_like(share, 100 * soc), style="limit")
                for label, soc in limits
            ),
            _stored("state of charge at the end of the slot", share),
        ],
        remark=f"The capacity is {rating.capacity_mwh:g} MWh.",
    )


def _stored(label: str, values: FloatArray) -> Series:
    return Series(label=label, values=values, style="stored", kind="line")


def _sum(series: Iterable[FloatArray]) -> FloatArray:
    total: FloatArray = np.sum(list(series), axis=0, initial=0.0)
    return total


def _expected_mw(system: PowerSystem) -> FloatArray:
    return _sum(load.expected_mw for load in system.demand_response)


def _shifted_mw(result: RealTimeResult) -> FloatArray:
    return _sum(result.shifted_mw.values())


def _demand_mw(system: PowerSystem, result: RealTimeResult) -> FloatArray:
    """Return what has to be served: load, demand response and charging, less what is not served."""
    charge_mw = 0.0 if result.storage is None else result.storage.charge_mw
    return system.load_mw + _shifted_mw(result) + charge_mw - result.unserved_mw


def _load_chart(scenario: Scenario, system: PowerSystem, result: RealTimeResult) -> TimeChart:
    series = [Series(label="load", values=system.load_mw, style="load")]
    if system.demand_response:
        series += [
            Series(
                label="with demand response as expected",
                values=system.load_mw + _expected_mw(system),
                style="expected",
            ),
            Series(
                label="with demand response as shifted",
                values=system.load_mw + _shifted_mw(result),
                style="shifted",
            ),
        ]
    return time_chart(scenario, "Load", unit="MW", digits=MEGAWATT_DIGITS, series=series)


def _wind_chart(
    scenario: Scenario, system: PowerSystem, without: RealTimeResult, sharing: RealTimeResult
) -> TimeChart:
    return time_chart(
        scenario,
        "Wind: forecast, used, curtailed",
        unit="MW",
        digits=MEGAWATT_DIGITS,
        series=[
            *stacked(
                [
                    Series(label="used with sharing", values=sharing.wind_mw, style="wind"),
                    Series(
                        label="curtailed with sharing",
                        values=np.maximum(system.wind_mw - sharing.wind_mw, 0.0),
                        style="curtailed",
                    ),
                ]
            ),
            Series(label="used without sharing", values=without.wind_mw, style="before"),
            Series(label="forecast", values=system.wind_mw, style="forecast"),
        ],
    )


def _output_chart(
    scenario: Scenario, system: PowerSystem, result: RealTimeResult, title: str
) -> TimeChart:
    layers = [
        Series(label=f"{unit.name}, net", values=unit.net_mw, style=_unit_style(place))
        for place, unit in enumerate(result.units)
    ]
    layers.append(Series(label="wind", values=result.wind_mw, style="wind"))
    if result.storage is not None:
        layers.append(
            Series(
                label="storage, discharge", values=result.storage.discharge_mw, style="discharge"
            )
        )
    demand = Series(
        label="load, demand response and charging",
        values=_demand_mw(system, result),
        style="load",
    )
    return time_chart(
        scenario, title, unit="MW", digits=MEGAWATT_DIGITS, series=[*stacked(layers), demand]
    )


def _capture_chart(
    scenario: Scenario, sharing: RealTimeResult, without: RealTimeResult
) -> TimeChart:
    layers = [
        Series(label=unit.name, values=unit.capture_mw, style=_unit_style(place))
        for place, unit in enumerate(sharing.units)
    ]
    before = _sum(unit.capture_mw for unit in without.units)
    return time_chart(
        scenario,
        "Energy for carbon capture",
        unit="MW",
        digits=MEGAWATT_DIGITS,
        series=[
            *stacked(layers),
            Series(label="all units, without sharing", values=before, style="before"),
        ],
    )


def _carbon_chart(
    scenario: Scenario, sharing: RealTimeResult, without: RealTimeResult
) -> TimeChart:
    def rate(result: RealTimeResult) -> FloatArray:
        return _sum(unit.emitted_t for unit in result.units) / SLOT_HOURS

    return time_chart(
        scenario,
        "CO₂ emitted after capture",
        unit="t/h",
        digits=MEGAWATT_DIGITS,
        series=[
            Series(label="with sharing", values=rate(sharing), style="carbon", kind="area"),
            Series(label="without sharing", values=rate(without), style="before"),
        ],
    )


def _unit_style(place: int) -> str:
    return f"unit{place % UNIT_STYLES + 1}"
