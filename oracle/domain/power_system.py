"""The power system: thermal units with carbon capture, wind, demand response, shared storage."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from oracle.errors import InvalidInputError
from oracle.units import HOURS_PER_DAY, SLOTS_PER_DAY

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class ThermalUnit:
    """Nameplate data of one unit; costs are a·u + b·P_G + c·P_G² in USD/h, MODEL.md (23)."""

    name: str
    min_mw: float
    max_mw: float
    cost_usd_per_h: float
    cost_usd_per_mwh: float
    cost_usd_per_mw2h: float
    emission_t_per_mwh: float
    capture: bool
    capture_mwh_per_t: float
    capture_fixed_mw: float
    ramp_mw_per_h: float
    start_usd: float
    stop_usd: float
    min_up_h: int
    min_down_h: int
    initially_on: bool

    def __post_init__(self) -> None:
        if not 0 <= self.min_mw <= self.max_mw:
            raise InvalidInputError(
                f"unit {self.name}: need 0 <= min_mw <= max_mw, got {self.min_mw} and {self.max_mw}"
            )
        if self.cost_usd_per_mw2h < 0:  # (23) must be convex for its linear pieces to fill in order
            raise InvalidInputError(
                f"unit {self.name}: need cost_usd_per_mw2h >= 0, got {self.cost_usd_per_mw2h}"
            )
        if self.ramp_mw_per_h < 0 or self.emission_t_per_mwh < 0:
            raise InvalidInputError(
                f"unit {self.name}: need ramp_mw_per_h and emission_t_per_mwh >= 0, "
                f"got {self.ramp_mw_per_h} and {self.emission_t_per_mwh}"
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class SharedStorage:
    """Storage of the storage provider, MODEL.md (6) to (10); powers are on the grid's side."""

    power_mw: float
    capacity_mwh: float
    min_soc: float
    max_soc: float
    initial_soc: float
    charge_efficiency: float
    discharge_efficiency: float
    degradation_usd_per_mw_slot: float
    compensation_usd_per_mwh: float

    def __post_init__(self) -> None:
        if not (0 < self.charge_efficiency <= 1 and 0 < self.discharge_efficiency <= 1):
            raise InvalidInputError(f"storage efficiencies must be in (0, 1]: {self}")
        if not 0 <= self.min_soc <= self.initial_soc <= self.max_soc <= 1:
            raise InvalidInputError(f"need 0 <= min_soc <= initial_soc <= max_soc <= 1: {self}")
        if min(self.power_mw, self.capacity_mwh, self.degradation_usd_per_mw_slot) < 0:
            raise InvalidInputError(
                "storage: need power_mw, capacity_mwh and degradation_usd_per_mw_slot >= 0, "
                f"got {self.power_mw}, {self.capacity_mwh}, {self.degradation_usd_per_mw_slot}"
            )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class DemandResponse:
    """A shiftable load, MODEL.md (4) and (5); every array has shape (T,), in MW."""

    name: str
    cost_usd_per_mwh: float
    expected_mw: FloatArray
    min_mw: FloatArray
    max_mw: FloatArray

    def __post_init__(self) -> None:
        if not self.expected_mw.shape == self.min_mw.shape == self.max_mw.shape:
            raise InvalidInputError(f"demand response {self.name}: its arrays differ in shape")
        if self.cost_usd_per_mwh < 0:  # (25) must be convex
            raise InvalidInputError(
                f"demand response {self.name}: need cost_usd_per_mwh >= 0, "
                f"got {self.cost_usd_per_mwh}"
            )
        if np.any(self.min_mw > self.max_mw):
            slot = int(np.argmax(self.min_mw > self.max_mw))
            raise InvalidInputError(
                f"demand response {self.name}, slot {slot + 1}: need min_mw <= max_mw, "
                f"got {self.min_mw[slot]} and {self.max_mw[slot]}"
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class CarbonPolicy:
    """Price of CO₂ and free allowance per MWh of gross output, MODEL.md (21)."""

    price_usd_per_t: float
    allowance_t_per_mwh: float


@dataclass(frozen=True, slots=True, kw_only=True)
class CapturePolicy:
    """Reading of the capture efficiency, MODEL.md (2)."""

    reading: Literal["energy", "share"]
    efficiency: float
    max_share: float

    def __post_init__(self) -> None:
        if not (0 < self.efficiency <= 1 and 0 <= self.max_share <= 1):
            raise InvalidInputError(f"need 0 < efficiency <= 1 and 0 <= max_share <= 1: {self}")


@dataclass(frozen=True, slots=True, kw_only=True)
class ReservePolicy:
    """Spinning reserve as a share of load and of installed wind, MODEL.md (29)."""

    load_fraction: float
    installed_wind_fraction: float


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PowerSystem:
    """One day of a power system: 24 hours day-ahead, 96 slots in real time."""

    units: tuple[ThermalUnit, ...]
    carbon: CarbonPolicy
    capture: CapturePolicy
    reserve: ReservePolicy
    installed_wind_mw: float
    unserved_cost_usd_per_mwh: float
    trigger_mw: float
    demand_response: tuple[DemandResponse, ...]
    storage: SharedStorage | None
    day_ahead_load_mw: FloatArray  # (24,)
    day_ahead_wind_mw: FloatArray  # (24,)
    load_mw: FloatArray  # (96,)
    wind_mw: FloatArray  # (96,)

    def __post_init__(self) -> None:
        hours, slots = (HOURS_PER_DAY,), (SLOTS_PER_DAY,)
        if not self.day_ahead_load_mw.shape == self.day_ahead_wind_mw.shape == hours:
            raise InvalidInputError(f"day-ahead load and wind must have shape {hours}")
        shapes = {self.load_mw.shape, self.wind_mw.shape}
        if shapes | {dr.expected_mw.shape for dr in self.demand_response} != {slots}:
            raise InvalidInputError(
                f"real-time load, wind, demand response must have shape {slots}"
            )
        if np.any(self.day_ahead_wind_mw < 0) or np.any(self.wind_mw < 0):
            raise InvalidInputError("wind forecasts must be >= 0")
        if self.unserved_cost_usd_per_mwh < 0:
            raise InvalidInputError(
                f"unserved load must cost >= 0 USD/MWh, got {self.unserved_cost_usd_per_mwh}"
            )
        for what in (self.units, self.demand_response):
            if len({item.name for item in what}) < len(what):
                raise InvalidInputError(f"names must differ: {[item.name for item in what]}")
