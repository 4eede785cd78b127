"""
Real-time dispatch over 96 slots of Δ = 0.25 h with the commitment fixed, (19) to (30).

    min  C_carbon + C_operation + C_DR + C_ESP + C_P2P                     (19) (20)
         C_DR = Σ δ·|P_DR − P_DR_expected|·Δ                               (25)
         C_P2P = Σ F(D)·P_p2p                                              (26)
    s.t. Σ P_net + P_wind + P_dis − P_ch + P_p2p + P_unserved = load + Σ P_DR        (27)
         |P_t − P_{t−1}| ≤ R/4, relaxed by P_max at start or stop          (28)
         0 ≤ P_wind ≤ forecast                                             (30)
         P_DR_min ≤ P_DR ≤ P_DR_max                                        (4)
         Σ_t P_DR = Σ_t P_DR_expected                                      (5)

and (1) to (3) of `oracle.model.carbon_capture`, (6) to (10) and (24) of `oracle.model.storage`,
(16), (21), (23) and (29) of `oracle.model.thermal`.

=============  =============================  =======  ========  ==================================
Symbol         Name in the code               Shape    Unit      Meaning
=============  =============================  =======  ========  ==================================
P_G, P_net     gross_mw, net_mw               (N, 96)  MW        output before, after capture
P_wind         wind_mw                        (96,)    MW        wind used
P_ch, P_dis    charge_mw, discharge_mw        (96,)    MW        shared storage
P_p2p          p2p_mw                         (96,)    MW        energy of the trades per slot / Δ
P_unserved     unserved_mw                    (96,)    MW        load that is not served
load           load_mw                        (96,)    MW        load but for demand response
P_DR           shifted_mw                     (M, 96)  MW        demand-response loads
δ              cost_usd_per_mwh               (M,)     USD/MWh   cost of moving demand response
R              ramp_mw_per_h                  (N,)     MW/h      hourly ramp limit
C_P2P          p2p_cost_usd                   ()       USD       lease fees, from the market
=============  =============================  =======  ========  ==================================

(19) to (21), (23), (26) to (28), (30), (4) and (5) are printed, (24), (25) and (29) are inferred;
unserved load at `unserved_cost_usd_per_mwh` is ours. (22) is not part of this stage.

Where the equations are silent, we take the least that they ask for:

* The ramps are relaxed at starts and stops as in (17), or no unit could start; no ramp into slot 1.
* Ten segments for (23), cut as `oracle.model.thermal` says; accounts use the quadratic.
* The cost of unserved load is in the total cost, which would else praise a blackout.
* The trades of the day are given: P_p2p and C_P2P are constants here. Without sharing they are nil.
* Wind that is not forecast cannot be wasted: with no wind at all, the share used is 1.

The rest of a day (ours) is optimised again from a slot on, with what the storage holds then read
from its record, and to the energy that the plan has at the day's end. What was before is taken to
have gone as planned: the outputs that the ramps start from, and what demand response still owes
of (5). With nothing disturbed, its optimum costs what the plan costs from that slot on.

A linear program but for the storage's integers; see `oracle.model.storage` for when they are added.
Pieces of the linearised (23) tie: two slots, or two units of one slope, may swap output at no cost
while storage or demand response carries it over. The objective is the same then, and the accounts
differ by what the quadratic differs within a segment (cents in paper-day). The solver decides such
ties, and in one thread the same way in each run.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from oracle.domain.power_system import DemandResponse, PowerSystem, SharedStorage, ThermalUnit
from oracle.domain.results import DayAheadResult, RealTimeResult, StoragePlan, UnitDispatch
from oracle.errors import InvalidInputError
from oracle.model.carbon_capture import CapturePlant, capture_plant
from oracle.model.storage import (
    StorageEnds,
    StorageSchedule,
    StorageVariables,
    add_storage,
    cycle,
    reachable,
    schedule_of,
    solve_with_storage,
)
from oracle.model.thermal import (
    OutputVariables,
    add_output,
    cost_curve,
    cost_usd_per_h,
    net_terms,
    reserve_requirement_mw,
)
from oracle.program import AT_MOST, DEFAULT_GAP, EQUAL, Program, Term, Variable, values
from oracle.units import SLOT_HOURS, SLOTS_PER_DAY, SLOTS_PER_HOUR

FloatArray = npt.NDArray[np.float64]

SEGMENTS = 10
SLOTS = range(SLOTS_PER_DAY)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RestOfDay:
    """The slots of a day from one on; `planned` is what was planned for all of it."""

    since: int  # 0 … 95, slots before it are over
    stored_mwh: float  # by the storage, before that slot
    planned: RealTimeResult

    def __post_init__(self) -> None:
        if not 0 <= self.since < SLOTS_PER_DAY:
            raise InvalidInputError(f"rest of a day since slot {self.since + 1}: need 1 to 96")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _UnitPlan:
    """One unit, its commitment per slot, and its variables where it is on."""

    unit: ThermalUnit
    plant: CapturePlant
    on: FloatArray
    output: tuple[OutputVariables | None, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _ShiftPlan:
    """One demand-response load as its deviations from what is expected; one variable per slot."""

    load: DemandResponse
    more: tuple[Variable, ...]
    less: tuple[Variable, ...]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RestResult:
    """What the storage does in the rest of a day, shape (slots left,)."""

    storage: StorageSchedule
    objective_usd: float


@dataclass(frozen=True, slots=True, kw_only=True)
class DispatchProgram:
    """The program and its variables, those of slots from its first slot on."""

    program: Program
    plans: tuple[_UnitPlan, ...]
    shifts: tuple[_ShiftPlan, ...]
    wind: tuple[Variable, ...]
    unserved: tuple[Variable, ...]
    storage: StorageVariables | None


def dispatch(
    system: PowerSystem,
    day_ahead: DayAheadResult,
    *,
    sharing: bool,
    p2p_mw: FloatArray | None = None,
    p2p_cost_usd: float = 0.0,
    time_limit_s: float = 60.0,
    gap: float = DEFAULT_GAP,
) -> RealTimeResult:
    """
    Return the cheapest day, equations (19) to (30) of the module docstring.

    Without `sharing` there is neither storage nor trade, and `p2p_mw` and `p2p_cost_usd` are not
    looked at.

    Raises
    ------
    SolverError
        If there is none, or none was proved optimal within `time_limit_s`.
    """
    p2p_cost = p2p_cost_usd if sharing else 0.0
    model = dispatch_program(
        system, day_ahead.commitment, sharing=sharing, p2p_mw=p2p_mw, p2p_cost_usd=p2p_cost_usd
    )
    plans, shifts, storage = model.plans, model.shifts, model.storage
    solved = solve_with_storage(model.program, storage, time_limit_s=time_limit_s, gap=gap)
    solution = solved.solution

    units = tuple(_unit_dispatch(plan) for plan in plans)
    emitted_t = float(sum(np.sum(unit.emitted_t) for unit in units))
    gross_mwh = float(sum(np.sum(unit.gross_mw) for unit in units)) * SLOT_HOURS
    allowance_t = system.carbon.allowance_t_per_mwh * gross_mwh
    carbon_cost = system.carbon.price_usd_per_t * (emitted_t - allowance_t)  # (21)
    operation_cost = SLOT_HOURS * float(  # (23)
        sum(
            np.sum(cost_usd_per_h(plan.unit, plan.on, unit.gross_mw))
            for plan, unit in zip(plans, units, strict=True)
        )
    )
    shifted_mw = {
        shift.load.name: shift.load.expected_mw + values(shift.more) - values(shift.less)
        for shift in shifts
    }
    shift_cost = SLOT_HOURS * float(  # (25)
        sum(
            dr.cost_usd_per_mwh * np.sum(np.abs(shifted_mw[dr.name] - dr.expected_mw))
            for dr in system.demand_response
        )
    )
    wind_mw, unserved_mw = values(model.wind), values(model.unserved)
    forecast_mw, unserved_mwh = (
        float(np.sum(system.wind_mw)),
        float(np.sum(unserved_mw)) * SLOT_HOURS,
    )
    plan = _storage_plan(storage, p2p_cost)
    return RealTimeResult(
        total_cost_usd=operation_cost
        + carbon_cost
        + shift_cost
        + (plan.cost_usd if plan else 0.0)
        + p2p_cost
        + system.unserved_cost_usd_per_mwh * unserved_mwh,
        operation_cost_usd=operation_cost,
        carbon_cost_usd=carbon_cost,
        co2_t=emitted_t,
        demand_response_cost_usd=shift_cost,
        wind_used_share=float(np.sum(wind_mw)) / forecast_mw if forecast_mw else 1.0,
        unserved_mwh=unserved_mwh,
        units=units,
        wind_mw=wind_mw,
        shifted_mw=shifted_mw,
        unserved_mw=unserved_mw,
        storage=plan,
        p2p_cost_usd=p2p_cost if sharing else None,
        objective_usd=solution.objective_usd,
        build_s=solution.build_s,
        solve_s=solution.solve_s,
        gap=solution.gap,
        solved=solved.columns,
    )


def dispatch_rest(
    system: PowerSystem,
    day_ahead: DayAheadResult,
    rest: RestOfDay,
    *,
    p2p_mw: FloatArray,
    time_limit_s: float = 60.0,
    gap: float = DEFAULT_GAP,
) -> RestResult:
    """
    Return what the storage does in the cheapest rest of a day; `p2p_mw` has shape (96,).

    Raises
    ------
    InvalidInputError
        If the system has no storage.
    SolverError
        If there is none, or none was proved optimal within `time_limit_s`.
    """
    model = dispatch_program(system, day_ahead.commitment, sharing=True, p2p_mw=p2p_mw, rest=rest)
    if model.storage is None:
        raise InvalidInputError("rest of a day: expected a power system with a storage")
    solved = solve_with_storage(model.program, model.storage, time_limit_s=time_limit_s, gap=gap)
    return RestResult(
        storage=schedule_of(model.storage), objective_usd=solved.solution.objective_usd
    )


def dispatch_program(
    system: PowerSystem,
    commitment: Mapping[str, npt.NDArray[np.int64]],
    *,
    sharing: bool,
    p2p_mw: FloatArray | None = None,
    p2p_cost_usd: float = 0.0,
    rest: RestOfDay | None = None,
) -> DispatchProgram:
    """
    Return (19) to (30) without the integers of (7) and (8), to be solved or checked.

    With `rest`, of the rest of a day only.
    """
    p2p = np.zeros(SLOTS_PER_DAY) if p2p_mw is None or not sharing else p2p_mw
    p2p_cost = p2p_cost_usd if sharing else 0.0
    if p2p.shape != (SLOTS_PER_DAY,):
        raise InvalidInputError(f"p2p_mw must have shape ({SLOTS_PER_DAY},), got {p2p.shape}")

    program = Program("real-time dispatch")
    program.constant_cost(p2p_cost)
    units = range(len(system.units))
    plans = [_add_unit(program, system, commitment, index, rest) for index in units]
    loads = enumerate(system.demand_response)
    shifts = [_add_shift(program, index, dr, rest) for index, dr in loads]
    slots = _slots(rest)
    wind = [program.variable(f"wind_mw_{t}", 0.0, float(system.wind_mw[t])) for t in slots]
    cost = system.unserved_cost_usd_per_mwh * SLOT_HOURS
    unserved = [program.variable(f"unserved_mw_{t}", cost=cost) for t in slots]
    storage = None
    if sharing and system.storage is not None:
        ends = None if rest is None else _ends(system.storage, rest)
        storage = add_storage(program, system.storage, len(slots), ends)
    free: list[list[Term]] = [
        [(one, 1.0), (other, 1.0)] for one, other in zip(wind, unserved, strict=True)
    ]
    _add_balance(program, slots, system.load_mw - p2p, plans, shifts, storage, free)
    _add_reserve(program, slots, system, plans)
    return DispatchProgram(
        program=program,
        plans=tuple(plans),
        shifts=tuple(shifts),
        wind=tuple(wind),
        unserved=tuple(unserved),
        storage=storage,
    )


def _slots(rest: RestOfDay | None) -> range:
    return SLOTS if rest is None else SLOTS[rest.since :]


def _ends(storage: SharedStorage, rest: RestOfDay) -> StorageEnds:
    plan = rest.planned.storage
    planned_mwh = cycle(storage).final_mwh if plan is None else float(plan.stored_mwh[-1])
    ends = StorageEnds(initial_mwh=rest.stored_mwh, final_mwh=planned_mwh)
    return reachable(storage, ends, len(_slots(rest)))


def _add_unit(
    program: Program,
    system: PowerSystem,
    commitment: Mapping[str, npt.NDArray[np.int64]],
    index: int,
    rest: RestOfDay | None,
) -> _UnitPlan:
    """Add a unit where it is on, and (28)."""
    unit = system.units[index]
    curve, plant = cost_curve(unit, SEGMENTS), capture_plant(unit, system.capture)
    on = np.repeat(commitment[unit.name], SLOTS_PER_HOUR).astype(np.float64)
    was_on = rest is not None and rest.since > 0 and bool(on[rest.since - 1])
    on[: _slots(rest).start] = 0.0
    program.constant_cost(curve.at_minimum_usd_per_h * float(np.sum(on)) * SLOT_HOURS)
    output = tuple(
        add_output(program, f"{index}_{t}", unit, curve, plant, system.carbon, hours=SLOT_HOURS)
        if on[t]
        else None
        for t in SLOTS
    )

    ramp = unit.ramp_mw_per_h / SLOTS_PER_HOUR
    if ramp < unit.max_mw - unit.min_mw:
        for t, (before, now) in enumerate(pairwise(output), start=1):
            if before is None or now is None:
                continue
            words = f"ramp (28) of unit {unit.name} in slot {t + 1}"
            # One bounded variable and one row instead of two rows.
            change = program.variable(f"ramp_mw_{index}_{t}", -ramp, ramp)
            terms = [(now.gross, 1.0), (before.gross, -1.0), (change, -1.0)]
            program.require(f"E28_ramp_{index}_{t}", terms, EQUAL, 0.0, words)
        if rest is not None and was_on and (first := output[rest.since]) is not None:
            before_mw = float(rest.planned.units[index].gross_mw[rest.since - 1])
            change = program.variable(f"ramp_mw_{index}_{rest.since}", -ramp, ramp)
            words = f"ramp (28) of unit {unit.name} in slot {rest.since + 1}"
            terms = [(first.gross, 1.0), (change, -1.0)]
            program.require(f"E28_ramp_{index}_{rest.since}", terms, EQUAL, before_mw, words)
    return _UnitPlan(unit=unit, plant=plant, on=on, output=output)


def _add_shift(
    program: Program, index: int, dr: DemandResponse, rest: RestOfDay | None
) -> _ShiftPlan:
    """Add (4), (5) and (25); P_DR is what is expected, and more, or less."""
    cost = dr.cost_usd_per_mwh * SLOT_HOURS
    slots = _slots(rest)

    def deviations(name: str, low: FloatArray, high: FloatArray) -> tuple[Variable, ...]:
        # An expected load outside its own limits makes part of the deviation compulsory.
        low, high = np.maximum(low, 0.0), np.maximum(high, 0.0)
        return tuple(
            program.variable(f"{name}_mw_{index}_{t}", float(low[t]), float(high[t]), cost=cost)
            for t in slots
        )

    more = deviations("more", dr.min_mw - dr.expected_mw, dr.max_mw - dr.expected_mw)
    less = deviations("less", dr.expected_mw - dr.max_mw, dr.expected_mw - dr.min_mw)
    terms = [(variable, 1.0) for variable in more] + [(variable, -1.0) for variable in less]
    words = f"energy of demand response {dr.name} over the day (5)"
    owed = 0.0
    if rest is not None:
        planned_mw = rest.planned.shifted_mw[dr.name] - dr.expected_mw
        owed = float(np.sum(planned_mw[rest.since :]))
    program.require(f"E5_energy_{index}", terms, EQUAL, owed, words, "MW (summed over its slots)")
    return _ShiftPlan(load=dr, more=more, less=less)


def _add_balance(
    program: Program,
    slots: range,
    residual_mw: FloatArray,
    plans: list[_UnitPlan],
    shifts: list[_ShiftPlan],
    storage: StorageVariables | None,
    free: list[list[Term]],
) -> None:
    """Add (27), with (1) in it; `free` are the terms of wind and unserved load."""
    for place, t in enumerate(slots):
        terms, fixed_mw = free[place], 0.0
        for plan in plans:
            output = plan.output[t]
            if output is not None:
                terms += net_terms(output, plan.plant, SLOT_HOURS)
                fixed_mw += plan.plant.fixed_mw
        for shift in shifts:
            terms += [(shift.more[place], -1.0), (shift.less[place], 1.0)]
        if storage is not None:
            terms += [(storage.discharge[place], 1.0), (storage.charge[place], -1.0)]
        expected_mw = sum(float(shift.load.expected_mw[t]) for shift in shifts)
        need_mw = float(residual_mw[t]) + expected_mw + fixed_mw
        words = f"power balance (27) in slot {t + 1}"
        program.require(f"E27_balance_{t}", terms, EQUAL, need_mw, words)


def _add_reserve(
    program: Program, slots: range, system: PowerSystem, plans: list[_UnitPlan]
) -> None:
    """Add (29)."""
    reserve_mw = reserve_requirement_mw(system, system.load_mw)
    for t in slots:
        outputs = [(plan.unit, plan.output[t]) for plan in plans]
        terms = [(output.gross, 1.0) for _, output in outputs if output is not None]
        capacity_mw = sum(unit.max_mw for unit, output in outputs if output is not None)
        bound = capacity_mw - float(reserve_mw[t])
        words = f"reserve (29) in slot {t + 1}"
        program.require(f"E29_reserve_{t}", terms, AT_MOST, bound, words)


def _unit_dispatch(plan: _UnitPlan) -> UnitDispatch:
    gross_mw, captured_t = np.zeros(SLOTS_PER_DAY), np.zeros(SLOTS_PER_DAY)
    for t, output in enumerate(plan.output):
        if output is not None:
            gross_mw[t] = output.gross.value()
            captured_t[t] = output.captured.value() if output.captured is not None else 0.0
    capture_mw = plan.plant.capture_mw(plan.on, captured_t, SLOT_HOURS)
    return UnitDispatch(
        name=plan.unit.name,
        gross_mw=gross_mw,
        net_mw=gross_mw - capture_mw,
        capture_mw=capture_mw,
        emitted_t=plan.plant.emitted_t(gross_mw, captured_t, SLOT_HOURS),
        captured_t=captured_t,
    )


def _storage_plan(storage: StorageVariables | None, p2p_cost_usd: float) -> StoragePlan | None:
    """Return the plan and what the storage provider earns with it."""
    if storage is None:
        return None
    schedule = schedule_of(storage)
    return StoragePlan(
        charge_mw=schedule.charge_mw,
        discharge_mw=schedule.discharge_mw,
        stored_mwh=schedule.stored_mwh,
        cost_usd=schedule.degradation_usd,
        profit_usd=schedule.compensation_usd - schedule.degradation_usd + p2p_cost_usd,
    )
