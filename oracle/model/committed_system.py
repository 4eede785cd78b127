"""
A power system of any size with its commitment, as `oracle.model.large_dispatch` takes it.

Any number of units and storages, and any number of slots T: a day's rest, then whole days. Demand
response owes its energy (5) by the day. What was before the first slot is data: the outputs that
ramps start from, the energy stored, and what is owed.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from oracle.domain.power_system import (
    CapturePolicy,
    CarbonPolicy,
    DemandResponse,
    PowerSystem,
    SharedStorage,
    ThermalUnit,
)
from oracle.domain.results import RealTimeResult
from oracle.errors import InvalidInputError
from oracle.model.storage import StorageEnds, cycle, reachable
from oracle.model.thermal import cost_curve, reserve_requirement_mw
from oracle.units import SLOTS_PER_DAY, SLOTS_PER_HOUR

FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]
IntArray = npt.NDArray[np.int64]

SEGMENTS = 10  # as in `oracle.model.real_time`


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Pieces:
    """The piecewise linear (23) of a unit: cost at P_min, then pieces from cheap to dear."""

    at_minimum_usd_per_h: float
    width_mw: FloatArray  # (K,)
    slope_usd_per_mwh: FloatArray  # (K,)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class CommittedSystem:
    """Data of (19) to (30) with N units, M demand-response loads, S storages and T slots."""

    units: tuple[ThermalUnit, ...]
    pieces: tuple[Pieces, ...]  # (N,)
    on: BoolArray  # (N, T)
    before_mw: FloatArray  # (N,), output before the first slot; NaN where no ramp starts from it
    carbon: CarbonPolicy
    capture: CapturePolicy
    load_mw: FloatArray  # (T,), less what is traded, without demand response
    wind_mw: FloatArray  # (T,), forecast
    reserve_mw: FloatArray  # (T,)
    unserved_cost_usd_per_mwh: float
    demand_response: tuple[DemandResponse, ...]  # arrays of shape (T,)
    owed_mw: FloatArray  # (M, days), sum over a day's slots of what (5) asks for beyond expectation
    storages: tuple[SharedStorage, ...]
    ends: tuple[StorageEnds, ...]  # (S,)
    fixed_cost_usd: float = 0.0

    def __post_init__(self) -> None:
        slots, loads = self.slots, self.demand_response
        if not slots:
            raise InvalidInputError("a committed system: expected at least one slot, got none")
        shapes = {
            "on": (self.on, (len(self.units), slots)),
            "before_mw": (self.before_mw, (len(self.units),)),
            "wind_mw": (self.wind_mw, (slots,)),
            "reserve_mw": (self.reserve_mw, (slots,)),
            "owed_mw": (self.owed_mw, (len(loads), self.days)),
            **{load.name: (load.expected_mw, (slots,)) for load in loads},
        }
        for name, (array, shape) in shapes.items():
            if array.shape != shape:
                raise InvalidInputError(f"{name}: expected shape {shape}, got {array.shape}")
        if (len(self.pieces), len(self.ends)) != (len(self.units), len(self.storages)):
            raise InvalidInputError(
                f"expected pieces of {len(self.units)} units and ends of {len(self.storages)} "
                f"storages, got {len(self.pieces)} and {len(self.ends)}"
            )

    @property
    def slots(self) -> int:
        return len(self.load_mw)

    @property
    def days(self) -> int:
        return -(-self.slots // SLOTS_PER_DAY)

    @property
    def day(self) -> IntArray:
        """The day of each slot, from 0; only the first may be the rest of one."""
        return (np.arange(self.slots) + -self.slots % SLOTS_PER_DAY) // SLOTS_PER_DAY


def pieces_of(unit: ThermalUnit) -> Pieces:
    """Return the segments of (23) as `oracle.model.real_time` has them."""
    curve = cost_curve(unit, SEGMENTS)
    slopes = np.array(curve.slopes_usd_per_mwh, dtype=np.float64)
    return Pieces(
        at_minimum_usd_per_h=curve.at_minimum_usd_per_h,
        width_mw=np.full(slopes.shape, curve.width_mw),
        slope_usd_per_mwh=slopes,
    )


def committed_day(
    system: PowerSystem,
    commitment: Mapping[str, IntArray],
    *,
    sharing: bool,
    p2p_mw: FloatArray | None = None,
    p2p_cost_usd: float = 0.0,
) -> CommittedSystem:
    """
    Return a day of a system, as `real_time.dispatch` has it.

    `commitment` is by unit, of shape (24,); `p2p_mw`, of shape (96,), and `p2p_cost_usd` are not
    looked at without `sharing`.
    """
    p2p = np.zeros(SLOTS_PER_DAY) if p2p_mw is None or not sharing else p2p_mw
    if p2p.shape != (SLOTS_PER_DAY,):
        raise InvalidInputError(f"p2p_mw must have shape ({SLOTS_PER_DAY},), got {p2p.shape}")
    storages = (system.storage,) if sharing and system.storage is not None else ()
    return CommittedSystem(
        units=system.units,
        pieces=tuple(pieces_of(unit) for unit in system.units),
        on=_on(system, commitment),
        before_mw=np.full(len(system.units), np.nan),
        carbon=system.carbon,
        capture=system.capture,
        load_mw=system.load_mw - p2p,
        wind_mw=system.wind_mw,
        reserve_mw=reserve_requirement_mw(system, system.load_mw),
        unserved_cost_usd_per_mwh=system.unserved_cost_usd_per_mwh,
        demand_response=system.demand_response,
        owed_mw=np.zeros((len(system.demand_response), 1)),
        storages=storages,
        ends=tuple(cycle(storage) for storage in storages),
        fixed_cost_usd=p2p_cost_usd if sharing else 0.0,
    )


def rest_of_day(
    day: CommittedSystem, planned: RealTimeResult, *, since: int, stored_mwh: float
) -> CommittedSystem:
    """
    Return the slots of a day from `since` on, as `real_time.dispatch_rest` has them.

    `planned` tells the outputs before, the energy at the day's end and what (5) still owes;
    `stored_mwh` is what the one storage holds before the slot.
    """
    if len(day.storages) != 1:
        raise InvalidInputError(f"rest of a day: expected one storage, got {len(day.storages)}")
    if not 0 <= since < day.slots:
        raise InvalidInputError(f"rest of a day since slot {since + 1}: need 1 to {day.slots}")
    storage, left = day.storages[0], slice(since, None)
    before_mw = np.full(len(day.units), np.nan)
    if since:
        was_on = day.on[:, since - 1]
        before_mw[was_on] = [
            unit.gross_mw[since - 1] for unit, on in zip(planned.units, was_on, strict=True) if on
        ]
    final_mwh = day.ends[0].final_mwh
    if planned.storage is not None:
        final_mwh = float(planned.storage.stored_mwh[-1])
    ends = StorageEnds(initial_mwh=stored_mwh, final_mwh=final_mwh)
    moved_mw = [
        float(np.sum((planned.shifted_mw[load.name] - load.expected_mw)[left]))
        for load in day.demand_response
    ]
    return replace(
        day,
        on=day.on[:, left],
        before_mw=before_mw,
        load_mw=day.load_mw[left],
        wind_mw=day.wind_mw[left],
        reserve_mw=day.reserve_mw[left],
        demand_response=tuple(_left(load, left) for load in day.demand_response),
        owed_mw=np.array(moved_mw).reshape(-1, 1),
        ends=(reachable(storage, ends, day.slots - since),),
        fixed_cost_usd=0.0,
    )


def _on(system: PowerSystem, commitment: Mapping[str, IntArray]) -> BoolArray:
    hours = np.array([commitment[unit.name] for unit in system.units], dtype=np.bool_)
    return np.repeat(hours.reshape(len(system.units), -1), SLOTS_PER_HOUR, axis=1)


def _left(load: DemandResponse, left: slice) -> DemandResponse:
    return replace(
        load,
        expected_mw=load.expected_mw[left],
        min_mw=load.min_mw[left],
        max_mw=load.max_mw[left],
    )
