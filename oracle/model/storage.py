"""
The shared storage inside a linear program, (6) to (10) and (24).

    S_t = S_{t−1} + (η_ch·P_ch − P_dis/η_dis)·Δ                            (6)
    0 ≤ P_ch ≤ z·P_max                                                     (7)
    0 ≤ P_dis ≤ (1 − z)·P_max,   z ∈ {0, 1}                                (8)
    SOC_min·C ≤ S ≤ SOC_max·C                                              (9)
    S_T = S_0, or of the rest of a day what was planned for its end        (10)
    C_ESP = β·Σ(P_ch + P_dis)                                              (24)

============  ==============================  =====  =============  =========================
Symbol        Name in the code                Shape  Unit           Meaning
============  ==============================  =====  =============  =========================
P_ch, P_dis   charge_mw, discharge_mw         (T,)   MW             on the grid's side
S             stored_mwh                      (T,)   MWh            at the end of the slot
z             charging                        (T,)   0/1            charges rather than discharges
P_max, C      power_mw, capacity_mwh          ()     MW, MWh        nameplate
η_ch, η_dis   charge_efficiency, …            ()     1              one way
SOC_min, …    min_soc, max_soc, initial_soc   ()     1              of the capacity
β             degradation_usd_per_mw_slot     ()     USD/MW         per MW and slot
============  ==============================  =====  =============  =========================

(7) to (10) are printed, (6) and (24) inferred; β counts per MW and slot, not per MWh, as printed.

The integers are rarely needed. Without them (7) and (8) give P_ch + P_dis ≤ P_max and nothing more;
where the optimum of that linear program never charges and discharges at once, it is the optimum of
the mixed-integer program too. `solve_with_storage` therefore solves the linear program first, and
adds z, in all slots, only where this fails: that takes a price below zero, or of zero without β.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from oracle.domain.power_system import SharedStorage
from oracle.domain.results import SolvedColumns
from oracle.program import AT_MOST, EQUAL, Program, Solution, Variable, values
from oracle.units import SLOT_HOURS

FloatArray = npt.NDArray[np.float64]

OVERLAP_TOLERANCE_MW = 1e-6


@dataclass(frozen=True, slots=True, kw_only=True)
class StorageEnds:
    """What is stored before the first slot, S_0, and is to be stored after the last, S_T."""

    initial_mwh: float
    final_mwh: float


def cycle(storage: SharedStorage) -> StorageEnds:
    """Return the ends of a day that is a cycle, (10)."""
    initial_mwh = storage.initial_soc * storage.capacity_mwh
    return StorageEnds(initial_mwh=initial_mwh, final_mwh=initial_mwh)


def reachable(storage: SharedStorage, ends: StorageEnds, slot_count: int) -> StorageEnds:
    """Return the ends with the final energy moved to the nearest that power and (9) allow."""
    low, high = storage.min_soc * storage.capacity_mwh, storage.max_soc * storage.capacity_mwh
    most = slot_count * SLOT_HOURS * storage.power_mw
    least_mwh = max(low, ends.initial_mwh - most / storage.discharge_efficiency)
    most_mwh = min(high, ends.initial_mwh + most * storage.charge_efficiency)
    return replace(ends, final_mwh=min(max(ends.final_mwh, least_mwh), most_mwh))


@dataclass(frozen=True, slots=True, kw_only=True)
class StorageVariables:
    """The storage's variables in a program, one per slot."""

    storage: SharedStorage
    charge: tuple[Variable, ...]
    discharge: tuple[Variable, ...]
    initial_mwh: float


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class StorageSchedule:
    """Charge, discharge and stored energy that obey (6) to the last digit; shape (T,)."""

    charge_mw: FloatArray
    discharge_mw: FloatArray
    stored_mwh: FloatArray
    degradation_usd: float  # (24)
    compensation_usd: float  # κ·Σ(P_ch + P_dis)·Δ, a transfer


@dataclass(frozen=True, slots=True, kw_only=True)
class StorageSolution:
    """How a program with a storage was solved, and its columns."""

    solution: Solution
    columns: SolvedColumns


def add_storage(
    program: Program, storage: SharedStorage, slot_count: int, ends: StorageEnds | None = None
) -> StorageVariables:
    """
    Add (6) to (10) without the integers of (7) and (8), and (24) to the objective.

    `ends` are those of the rest of a day; without them the slots are a cycle.
    """
    ends = ends or cycle(storage)
    slots = range(slot_count)
    power, cost = storage.power_mw, storage.degradation_usd_per_mw_slot
    low, high = storage.min_soc * storage.capacity_mwh, storage.max_soc * storage.capacity_mwh
    charge = tuple(program.variable(f"charge_mw_{t}", 0.0, power, cost=cost) for t in slots)
    discharge = tuple(program.variable(f"discharge_mw_{t}", 0.0, power, cost=cost) for t in slots)
    stored = tuple(program.variable(f"stored_mwh_{t}", low, high) for t in slots)

    gain = storage.charge_efficiency * SLOT_HOURS
    drain = SLOT_HOURS / storage.discharge_efficiency
    for t in slots:
        change = [(stored[t], 1.0), (charge[t], -gain), (discharge[t], drain)]
        before = [(stored[t - 1], -1.0)] if t else []
        start = 0.0 if t else ends.initial_mwh
        program.require(f"E6_stored_{t}", change + before, EQUAL, start)
        both = [(charge[t], 1.0), (discharge[t], 1.0)]
        program.require(f"E7_E8_power_{t}", both, AT_MOST, power)
    wanted = "the initial one" if ends == cycle(storage) else "the planned one"
    words = f"energy of the storage at the end of slot {slot_count}, to equal {wanted} (10)"
    program.require("E10_cycle", [(stored[-1], 1.0)], EQUAL, ends.final_mwh, words, "MWh")

    return StorageVariables(
        storage=storage, charge=charge, discharge=discharge, initial_mwh=ends.initial_mwh
    )


def solve_with_storage(
    program: Program,
    variables: StorageVariables | None,
    *,
    time_limit_s: float,
    gap: float,
    exclusive_slots: Sequence[int] | None = None,
) -> StorageSolution:
    """
    Solve exactly, with the integers of (7) and (8) only if the optimum needs them.

    `exclusive_slots` are those where charging and discharging at once may pay; None means all.
    """
    solution = program.solve(time_limit_s=time_limit_s, gap=gap)
    if variables is None:
        return _solved(program, solution)
    slots = range(len(variables.charge)) if exclusive_slots is None else exclusive_slots
    both = np.minimum(values(variables.charge), values(variables.discharge))
    if not np.any(both[list(slots)] > OVERLAP_TOLERANCE_MW):
        return _solved(program, solution)

    add_exclusion(program, variables, slots)
    return _solved(program, program.solve(time_limit_s=time_limit_s, gap=gap), slots)


def add_exclusion(program: Program, variables: StorageVariables, slots: Iterable[int]) -> None:
    """Add the integers of (7) and (8) in some slots."""
    power = variables.storage.power_mw
    for t in slots:
        charge, discharge = variables.charge[t], variables.discharge[t]
        charging = program.binary(f"charging_{t}", f"whether the storage charges in slot {t + 1}")
        program.require(f"E7_charge_{t}", [(charge, 1.0), (charging, -power)], AT_MOST, 0.0)
        program.require(f"E8_discharge_{t}", [(discharge, 1.0), (charging, power)], AT_MOST, power)


def _solved(
    program: Program, solution: Solution, exclusive_slots: Iterable[int] = ()
) -> StorageSolution:
    columns = SolvedColumns(
        values=program.levels(),
        objective_usd=solution.objective_usd,
        exclusive_slots=tuple(exclusive_slots),
    )
    return StorageSolution(solution=solution, columns=columns)


def schedule_of(variables: StorageVariables, *, net_overlaps: bool = False) -> StorageSchedule:
    """
    Return the solved schedule; the stored energy is added up from it by (6).

    With `net_overlaps`, what is charged and discharged at once is taken out of both, at the same
    stored energy: for models in which that costs nothing.
    """
    storage = variables.storage
    charge_mw, discharge_mw = values(variables.charge), values(variables.discharge)
    if net_overlaps:
        charge_mw, discharge_mw = netted(storage, charge_mw, discharge_mw)
    return storage_schedule(
        storage,
        initial_mwh=variables.initial_mwh,
        charge_mw=charge_mw,
        discharge_mw=discharge_mw,
    )


def storage_schedule(
    storage: SharedStorage, *, initial_mwh: float, charge_mw: FloatArray, discharge_mw: FloatArray
) -> StorageSchedule:
    """Return the schedule of powers of shape (T,); the stored energy is added up by (6)."""
    gain = storage.charge_efficiency * charge_mw - discharge_mw / storage.discharge_efficiency
    throughput_mw = float(np.sum(charge_mw + discharge_mw))
    return StorageSchedule(
        charge_mw=charge_mw,
        discharge_mw=discharge_mw,
        stored_mwh=initial_mwh + np.cumsum(gain) * SLOT_HOURS,
        degradation_usd=storage.degradation_usd_per_mw_slot * throughput_mw,
        compensation_usd=storage.compensation_usd_per_mwh * throughput_mw * SLOT_HOURS,
    )


def netted(
    storage: SharedStorage, charge_mw: FloatArray, discharge_mw: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Return powers of shape (T,) without what is charged and discharged at once."""
    round_trip = storage.charge_efficiency * storage.discharge_efficiency
    overlap = np.minimum(charge_mw, discharge_mw / round_trip)
    return charge_mw - overlap, np.maximum(discharge_mw - round_trip * overlap, 0.0)
