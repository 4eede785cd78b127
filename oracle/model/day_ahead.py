"""
Day-ahead unit commitment over 24 hours, a mixed-integer linear program, (14) to (18).

    min  Σ (start·v + stop·w) + C_carbon + C_operation                     (14)
    s.t. Σ P_net + P_wind = load,   0 ≤ P_wind ≤ forecast                  (15)
         u·P_min ≤ P_G ≤ u·P_max                                           (16)
         u_t − u_{t−1} = v_t − w_t,   v_t + w_t ≤ 1                        (17)
         Σ_{τ = t−up+1..t} v_τ ≤ u_t,   Σ_{τ = t−down+1..t} w_τ ≤ 1 − u_t  (17)
         P_t − P_{t−1} ≤ R + P_max·v_t,   P_{t−1} − P_t ≤ R + P_max·w_t    (17)
         u_24 = u_0                                                        (17)
         triggered where |Σ P_net + wind − load| ≥ trigger_mw              (18)

and (1) to (3) of `oracle.model.carbon_capture`, (21) to (23) and (29) of `oracle.model.thermal`.

=========  =============================  ========  =====  =======================================
Symbol     Name in the code               Shape     Unit   Meaning
=========  =============================  ========  =====  =======================================
u, v, w    on, start, stop                (N, 24)   0/1    commitment, start-ups, shut-downs
P_G, …     gross_mw, net_mw               (N, 24)   MW     output before, after capture
load, …    day_ahead_load_mw, …_wind_mw   (24,)     MW     forecasts; load with demand response
R          ramp_mw_per_h                  (N,)      MW/h   ramp limit
up, down   min_up_h, min_down_h           (N,)      h      shortest time on, off
u_0        initially_on                   (N,)      0/1    state before hour 1
=========  =============================  ========  =====  =======================================

(14) is printed, (15) to (18) are inferred, the cyclic day is ours.

Where the equations are silent, we take the least that they ask for:

* The day is cyclic in its commitment: a unit that is on before hour 1 (`initially_on`) is on at
  hour 24, and one that is off before hour 1 is off at hour 24. It is not cyclic in its output (no
  ramp into hour 1), nor in its minimum times (a unit was in its first state for long enough).
* Wind may be curtailed as in (30); the day-ahead stage has neither storage nor unserved load.
* Demand response is not moved: the load of `day_ahead.csv` has its expected value in it. The load
  of (18) is therefore the real-time load and the expected demand response, and its wind what the
  real-time forecast says, curtailed or not.
* Six segments for (23), cut as `oracle.model.thermal` says.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from oracle.domain.power_system import PowerSystem, ThermalUnit
from oracle.domain.results import DayAheadResult, SolvedColumns
from oracle.model.carbon_capture import CapturePlant, capture_plant
from oracle.model.thermal import (
    OutputVariables,
    add_output,
    cost_curve,
    net_terms,
    reserve_requirement_mw,
)
from oracle.program import (
    AT_LEAST,
    AT_MOST,
    DEFAULT_GAP,
    EQUAL,
    Program,
    Term,
    Variable,
    values,
)
from oracle.units import HOURS_PER_DAY, SLOTS_PER_HOUR

FloatArray = npt.NDArray[np.float64]

SEGMENTS = 6
HOURS = range(HOURS_PER_DAY)


@dataclass(frozen=True, slots=True, kw_only=True)
class _UnitPlan:
    """One unit's variables, one per hour."""

    unit: ThermalUnit
    plant: CapturePlant
    on: tuple[Variable, ...]
    start: tuple[Variable, ...]
    stop: tuple[Variable, ...]
    output: tuple[OutputVariables, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class CommitmentProgram:
    """The program and its units' variables."""

    program: Program
    plans: tuple[_UnitPlan, ...]

    def commitment(self, levels: FloatArray) -> dict[str, npt.NDArray[np.int64]]:
        """Return the commitment of a solution, given as the values of all columns."""
        return {
            plan.unit.name: np.rint(levels[[on.index for on in plan.on]]).astype(np.int64)
            for plan in self.plans
        }


def commit_units(system: PowerSystem, *, time_limit_s: float = 60.0) -> DayAheadResult:
    """
    Return the cheapest commitment, equations (14) to (17) of the module docstring.

    Raises
    ------
    SolverError
        If there is none, or none was proved optimal within `time_limit_s`.
    """
    model = commitment_program(system)
    plans = model.plans
    solution = model.program.solve(time_limit_s=time_limit_s, gap=DEFAULT_GAP)

    commitment = model.commitment(model.program.levels())
    gross_mw = {plan.unit.name: values(o.gross for o in plan.output) for plan in plans}
    net_mw = {
        plan.unit.name: _net_mw(plan, commitment[plan.unit.name].astype(np.float64))
        for plan in plans
    }
    return DayAheadResult(
        commitment=commitment,
        gross_mw=gross_mw,
        net_mw=net_mw,
        cost_usd=solution.objective_usd,
        triggered_slots=triggered_slots(system, sum(net_mw.values(), np.zeros(HOURS_PER_DAY))),
        build_s=solution.build_s,
        solve_s=solution.solve_s,
        gap=solution.gap,
        solved=SolvedColumns(values=model.program.levels(), objective_usd=solution.objective_usd),
    )


def commitment_program(system: PowerSystem) -> CommitmentProgram:
    """Return (14) to (17), to be solved or checked."""
    program = Program("day-ahead unit commitment")
    plans = [_add_unit(program, system, index) for index in range(len(system.units))]
    for index, plan in enumerate(plans):
        _add_logic(program, plan, index)
        _add_ramps(program, plan, index)
    _add_balance_and_reserve(program, system, plans)
    return CommitmentProgram(program=program, plans=tuple(plans))


def triggered_slots(system: PowerSystem, planned_net_mw: FloatArray) -> tuple[int, ...]:
    """Return the slots, counted from 1, that leave the day-ahead plan by (18)."""
    expected_mw = system.load_mw + sum(dr.expected_mw for dr in system.demand_response)
    planned_mw = np.repeat(planned_net_mw, SLOTS_PER_HOUR)
    surplus_mw = planned_mw + system.wind_mw - expected_mw
    return tuple(int(t) + 1 for t in np.flatnonzero(np.abs(surplus_mw) >= system.trigger_mw))


def _add_unit(program: Program, system: PowerSystem, index: int) -> _UnitPlan:
    unit = system.units[index]
    curve, plant = cost_curve(unit, SEGMENTS), capture_plant(unit, system.capture)
    at_minimum = curve.at_minimum_usd_per_h

    def decisions(name: str, what: str, cost: float) -> tuple[Variable, ...]:
        return tuple(
            program.binary(
                f"{name}_{index}_{h}",
                f"whether unit {unit.name} {what} in hour {h + 1}",
                cost=cost,
            )
            for h in HOURS
        )

    on = decisions("on", "is on", at_minimum)
    return _UnitPlan(
        unit=unit,
        plant=plant,
        on=on,
        start=decisions("start", "starts", unit.start_usd),
        stop=decisions("stop", "stops", unit.stop_usd),
        output=tuple(
            add_output(
                program, f"{index}_{h}", unit, curve, plant, system.carbon, hours=1.0, on=on[h]
            )
            for h in HOURS
        ),
    )


def _add_logic(program: Program, plan: _UnitPlan, index: int) -> None:
    """Add (17): start and stop logic, minimum times, the cyclic day."""
    unit, on, start, stop = plan.unit, plan.on, plan.start, plan.stop
    initially_on = float(unit.initially_on)
    for h in HOURS:
        place, at = f"{index}_{h}", f"of unit {unit.name} in hour {h + 1}"
        change: list[Term] = [(on[h], 1.0), (start[h], -1.0), (stop[h], 1.0)]
        if h:
            program.require(f"E17_logic_{place}", [*change, (on[h - 1], -1.0)], EQUAL, 0.0)
        else:
            program.require(f"E17_logic_{place}", change, EQUAL, initially_on)
        program.require(f"E17_either_{place}", [(start[h], 1.0), (stop[h], 1.0)], AT_MOST, 1.0)
        recent = [(start[k], 1.0) for k in range(max(0, h + 1 - unit.min_up_h), h + 1)]
        words = f"minimum up time (17) {at}"
        program.require(f"E17_up_{place}", [*recent, (on[h], -1.0)], AT_MOST, 0.0, words, "")
        recent = [(stop[k], 1.0) for k in range(max(0, h + 1 - unit.min_down_h), h + 1)]
        words = f"minimum down time (17) {at}"
        program.require(f"E17_down_{place}", [*recent, (on[h], 1.0)], AT_MOST, 1.0, words, "")
    words = f"state of unit {unit.name} at hour 24, to equal the one before hour 1 (17)"
    program.require(f"E17_cycle_{index}", [(on[-1], 1.0)], EQUAL, initially_on, words, "")


def _add_ramps(program: Program, plan: _UnitPlan, index: int) -> None:
    """Add the ramps of (17), relaxed by P_max at start and stop."""
    unit, ramp = plan.unit, plan.unit.ramp_mw_per_h
    if ramp >= unit.max_mw:
        return
    for h in HOURS[1:]:
        now, before = plan.output[h].gross, plan.output[h - 1].gross
        at = f"of unit {unit.name} in hour {h + 1}"
        program.require(
            f"E17_ramp_up_{index}_{h}",
            [(now, 1.0), (before, -1.0), (plan.start[h], -unit.max_mw)],
            AT_MOST,
            ramp,
            f"upward ramp (17) {at}",
        )
        program.require(
            f"E17_ramp_down_{index}_{h}",
            [(before, 1.0), (now, -1.0), (plan.stop[h], -unit.max_mw)],
            AT_MOST,
            ramp,
            f"downward ramp (17) {at}",
        )


def _add_balance_and_reserve(program: Program, system: PowerSystem, plans: list[_UnitPlan]) -> None:
    """Add (15), with (1) in it, and (29)."""
    load_mw = system.day_ahead_load_mw
    reserve_mw = reserve_requirement_mw(system, load_mw)
    for h in HOURS:
        wind = program.variable(f"wind_mw_{h}", 0.0, float(system.day_ahead_wind_mw[h]))
        supply: list[Term] = [(wind, 1.0)]
        spare: list[Term] = []
        for plan in plans:
            supply += net_terms(plan.output[h], plan.plant, hours=1.0)
            supply.append((plan.on[h], -plan.plant.fixed_mw))
            spare += [(plan.on[h], plan.unit.max_mw), (plan.output[h].gross, -1.0)]
        program.require(
            f"E15_balance_{h}", supply, EQUAL, load_mw[h], f"power balance (15) in hour {h + 1}"
        )
        program.require(
            f"E29_reserve_{h}", spare, AT_LEAST, reserve_mw[h], f"reserve (29) in hour {h + 1}"
        )


def _net_mw(plan: _UnitPlan, on: FloatArray) -> FloatArray:
    gross_mw = values(output.gross for output in plan.output)
    captured = [output.captured for output in plan.output]
    captured_t = values(variable for variable in captured if variable is not None)
    if not captured_t.size:
        captured_t = np.zeros(HOURS_PER_DAY)
    return gross_mw - plan.plant.capture_mw(on, captured_t, 1.0)
